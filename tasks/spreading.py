"""Shards done one after the other, or by the workers of a cluster at once (`tasks.clusters`).

Whoever does a shard, it is the same task: it has its log and its progress in the browser, and ends `Cached` where the
shard stands already. In a worker the work itself is done in a process of its own
(`bookcover_core.pipeline.stage_process`).
"""

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prefect import Task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Crashed
from prefect.utilities.callables import get_call_parameters

import bookcover_core
from bookcover_core.errors import BookcoverError, WorkerError
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.stage import Stage
from bookcover_core.pipeline.stage_process import kept_process, run_apart
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.clusters import check_cluster, cluster
from tasks.stages import StageResult

ShardTask = Task[..., StageResult | State[StageResult]]

# What a cluster colours its messages with, for terminals.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# Characters of what a cluster says of a lost task that are passed on.
_TOLD_CHARACTERS = 300


def run_spread(study: Study, stage: Stage[...], *words: Any, network: str | None = None) -> Manifest:
    """The manifest of `stage`, which is run in the process that this worker keeps for such work.

    Args:
        study: The study.
        stage: The stage.
        words: What it is called with after the study.
        network: Whose stage it is, if a network's.

    Raises:
        BookcoverError: What the stage raised, or what became of its process.
    """
    with kept_process():
        manifest = run_apart(study, stage, *words, network=network)
    if study.settings.spreading.how == "ray" and not manifest.reused:
        # Ray kills its workers when all is done, with what they have not yet told the server.
        for handler in logging.getLogger(bookcover_core.__name__).handlers:
            handler.flush()
    return manifest


def do_shards(
    settings: StudySettings,
    task: ShardTask,
    stage: Stage[...],
    shards: Iterable[int],
    *words: Any,
) -> None:
    """Do `task` on each shard: here, one after the other, or on a cluster where the settings ask for one.

    A cluster is used where there is something to do. A shard that cannot be done stops no other there.

    Args:
        settings: The study.
        task: Called with the settings, `words`, and the number of a shard.
        stage: The stage of the core that the task runs, called likewise.
        shards: Numbers of the shards.
        words: What task and stage are called with before the number.

    Raises:
        SettingsError: What the cluster needs is not installed.
        WorkerError: The cluster failed, or what its workers did is not to be found here.
        BookcoverError: What was wrong with the first shard that could not be done.
    """
    check_cluster(settings)
    if not settings.spreading.how:
        for shard in shards:
            task(settings, *words, shard)
        return
    study = Study(settings)
    parts = {shard: Part(stage, (*words, shard)) for shard in shards}
    left = {shard: part for shard, part in parts.items() if not part.is_sound(study)}
    for shard in parts:
        if shard not in left:
            task(settings, *words, shard)
    if left:
        _spread(study, task, left)


def _spread(study: Study, task: ShardTask, parts: dict[int, Part]) -> None:
    """Have the workers of a cluster do `task` on the shards of `parts`."""
    settings = study.settings
    log = get_run_logger()
    wanted, anywhere = settings.spreading, _anywhere(settings)
    where = f"the cluster at {wanted.address}" if wanted.address else f"{wanted.workers} workers"
    with cluster(wanted) as runner:
        labels = {shard: part.at(study).label for shard, part in parts.items()}
        log.info("%d shards are handed to %s: %s", len(parts), where, ", ".join(labels.values()))
        futures = {
            shard: runner.submit(task, get_call_parameters(task.fn, (anywhere, *part.words), {}))
            for shard, part in parts.items()
        }
        faults = {shard: fault for shard, part in parts.items() if (fault := _fault(futures[shard], study, part))}
    for shard, fault in faults.items():
        log.error("%s could not be done: %s", labels[shard], fault)
    if faults:
        raise next(iter(faults.values()))


def _anywhere(settings: StudySettings) -> StudySettings:
    """The same study, for workers in other folders."""
    files = {name: str(Path(file).expanduser().resolve()) for name, file in settings.models.weight_files.items()}
    return settings.model_copy(
        update={
            "workspace": str(settings.root.parent),
            "models": settings.models.model_copy(update={"weight_files": files}),
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
    if part.at(study).earlier is None:
        return WorkerError(
            "a worker did it, and it is not to be found here",
            where=part.at(study).label,
            advice="All machines must see the folder of studies at the same path, and run the same version of this"
            " project.",
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
