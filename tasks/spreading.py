"""Shards done one after the other, or by the workers of a cluster at once (`tasks.clusters`).

Whoever does a shard, it is the same task: it has its log and its progress in the browser, and ends `Cached` where the
shard stands already. In a worker the work itself is done in a process of its own
(`bookcover_core.pipeline.stage_process`).
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Crashed
from prefect.task_runners import TaskRunner
from prefect.utilities.callables import get_call_parameters

from bookcover_core.errors import BookcoverError, WorkerError
from bookcover_core.models.inference_engine import choose_engine
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.shared_store import SharedStore
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import StudySettings
from tasks.clusters import check_cluster, cluster
from tasks.stages import run_stage, task_of

# What a cluster colours its messages with, for terminals.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# Characters of what a cluster says of a lost task that are passed on.
_TOLD_CHARACTERS = 300


def run_parts(study: Study, parts: Iterable[Part]) -> None:
    """Do the parts of a study, one after the other, in their order.

    Pooled features are computed shard by shard first, where work is spread.
    """
    for part in parts:
        if part.stage.name == "features" and study.settings.spreading.how and not part.is_sound(study):
            spread(study, [Part(find("feature-shard"), (*part.words, shard)) for shard in shards(study)])
        run_stage(study.settings, part.stage.name, *part.words)


def spread(study: Study, parts: Iterable[Part]) -> None:
    """Do parts of a stage in any order: here, one after the other, or on a cluster where the settings ask for one.

    A cluster is used where there is something to do. A part that cannot be done stops no other there.
    """
    check_cluster(study.settings)
    left = []
    for part in parts:
        if study.settings.spreading.how and not (part.is_sound(study) or part.at(study).take()):
            left.append(part)
        else:
            run_stage(study.settings, part.stage.name, *part.words)
    if left:
        _spread(study, left)


def _spread(study: Study, parts: list[Part]) -> None:
    """Have the workers of a cluster do `parts`."""
    log, settings = get_run_logger(), study.settings
    wanted, anywhere = settings.spreading, _anywhere(settings)
    where = f"the cluster at {wanted.address}" if wanted.address else f"{wanted.workers} workers"
    labels = [part.at(study).label for part in parts]
    with cluster(wanted) as runner:
        log.info("%d shards are handed to %s: %s", len(parts), where, ", ".join(labels))
        futures = [_submit(runner, study, anywhere, part) for part in parts]
        outcomes = [_fault(future, study, part) for future, part in zip(futures, parts, strict=True)]
    faults = {label: fault for label, fault in zip(labels, outcomes, strict=True) if fault is not None}
    for label, fault in faults.items():
        log.error("%s could not be done: %s", label, fault)
    if faults:
        raise next(iter(faults.values()))


def _submit(runner: TaskRunner[Any], study: Study, settings: StudySettings, part: Part) -> PrefectFuture[Any]:
    """Hand a part to a worker; where machines share a store rather than folders, what the part reads goes there."""
    task, store = task_of(part.stage.name), SharedStore.of(settings)
    inputs: dict[str, Any] = {}
    if store and settings.spreading.address and part.stage.spreads:
        files = [*part.at(study).files_behind, *part.stage.spreads(study, *part.words)]
        inputs["inputs"] = store.put_inputs(files, study.workspace.root)
    future: PrefectFuture[Any] = runner.submit(task, get_call_parameters(task.fn, (settings, *part.words), inputs))
    return future


def _anywhere(settings: StudySettings) -> StudySettings:
    """The same study, for workers in other folders; they compute with this machine's engine, as its own shards are."""
    files = {name: str(Path(file).expanduser().resolve()) for name, file in settings.models.weight_files.items()}
    return settings.model_copy(
        update={
            "workspace": str(settings.root.parent),
            "models": settings.models.model_copy(
                update={
                    "weight_files": files,
                    "encoders": tuple(
                        each.model_copy(update={"file": str(Path(each.file).expanduser().resolve())})
                        for each in settings.models.encoders
                    ),
                    "engine": choose_engine(settings.models).name,
                }
            ),
        }
    )


def _fault(future: PrefectFuture[Any], study: Study, part: Part) -> BookcoverError | None:
    """What was wrong with a shard, when its task has ended; none where it is done."""
    try:
        result = future.result(raise_on_failure=False)
    except Exception as error:  # noqa: BLE001 - whatever a cluster says of a task that it lost
        return _lost(future, part.at(study).label, error)
    if isinstance(result, BookcoverError):
        return result
    if isinstance(result, Exception):
        return _lost(future, part.at(study).label, result)
    if part.at(study).take() is None:
        return WorkerError(
            "a worker did it, and it is not to be found here",
            where=part.at(study).label,
            advice="All machines must see the folder of studies at the same path, or share a store (`shared_store`),"
            " and run the same version of this project.",
        )
    return None


def _lost(future: PrefectFuture[Any], label: str, error: Exception) -> WorkerError:
    """What to say of a task that its cluster lost; its run, which nobody else would end, crashes."""
    said = " ".join(_COLOURS.sub("", str(error)).split())[:_TOLD_CHARACTERS]
    lost = WorkerError(
        f"the worker that was at it was lost, or could not begin ({type(error).__name__}: {said})",
        where=label,
        advice="A worker that is lost has most often run out of memory; one that cannot begin has another version of"
        " this project. What is done is kept: start the same command again.",
    )
    with suppress(httpx.HTTPError, PrefectException), get_client(sync_client=True) as client:
        client.set_task_run_state(future.task_run_id, Crashed(message=str(lost)), force=True)
    return lost
