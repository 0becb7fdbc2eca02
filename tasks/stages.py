"""A Prefect task for every stage of the core, made from its declaration: name, log, progress, counts, retries."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from inspect import Parameter, Signature
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Completed
from prefect.tasks import exponential_backoff
from pydantic import BaseModel, ConfigDict

from bookcover_core.errors import BookcoverError, InputError, SharedStoreError
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.shared_store import INPUTS, SharedStore
from bookcover_core.pipeline.stage_process import kept_process, run_part
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.tracking import record
from tasks.kept_shown import kept_shown
from tasks.limits import turn
from tasks.stage_artifacts import AFTER_FAILURE, ANEW, CACHED, artifact_key, show
from tasks.study_progress import UNCHANGED, at_work

P = ParamSpec("P")
R = TypeVar("R")

# The core's lines are part of each task's log.
logging.getLogger("bookcover_core").setLevel(logging.INFO)

# Seconds between two updates of a progress bar: each is a request to the server.
_PROGRESS_INTERVAL = 2.0


class StageResult(BaseModel):
    """What passes between tasks: which stage was done, and what it counted. Its files speak for themselves."""

    model_config = ConfigDict(frozen=True)

    stage: str
    digest: str
    counts: dict[str, Any]
    seconds: float
    reused: bool

    @classmethod
    def of(cls, manifest: Manifest) -> "StageResult":
        """The result of a stage, from its manifest."""
        return cls(
            stage=manifest.label,
            digest=manifest.digest,
            counts=manifest.counts,
            seconds=manifest.seconds,
            reused=manifest.reused,
        )


def is_worth_retrying(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Whether another attempt may end better: not where the person's input is wrong."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, InputError)


def stage_task(name: str, run_name: str, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A decorator that makes a function a task, of which Prefect keeps no result.

    What a stage did is kept as JSON in its manifest, by the core; a second copy could say something else.

    Args:
        name: Name of the task.
        run_name: Name of its runs; parameters in braces are filled in.
        options: Further options of a Prefect task.
    """
    return task(
        name=name,
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        persist_result=False,
        result_serializer="json",
        **options,
    )


def run_stage(settings: StudySettings, name: str, *words: Any) -> StageResult | State[StageResult]:
    """What one part of a stage did, as a task of its own."""
    return task_of(name)(settings, *words)


@cache
def task_of(name: str) -> Task[..., StageResult | State[StageResult]]:
    """The task of a stage, made from its declaration.

    A stage that asks hosts is tried three more times, after about 10, 20 and 40 seconds, unless the person's input is
    wrong.
    """
    stage = find(name)

    def run(settings: StudySettings, **words: Any) -> StageResult | State[StageResult]:
        return _run(name, settings, tuple(words[each] for each in stage.words), words.get("inputs"))

    run.__name__ = run.__qualname__ = name.replace("-", "_")
    run.__doc__ = f"{stage.title}."
    # Prefect fills the words into the name of a run.
    names = ("settings", *stage.words, *(["inputs"] if stage.spreads else []))
    run.__signature__ = Signature(  # type: ignore[attr-defined] # what `inspect.signature` looks for
        [Parameter(each, Parameter.POSITIONAL_OR_KEYWORD, default=None) for each in names]
    )
    again: dict[str, Any] = {
        "retries": 3,
        "retry_delay_seconds": exponential_backoff(10),
        "retry_jitter_factor": 0.5,
        "retry_condition_fn": is_worth_retrying,
    }
    return stage_task(name, stage.run_title, **again if stage.asks_hosts else {})(run)


def _run(
    name: str, settings: StudySettings, words: tuple[Any, ...], inputs: str | None = None
) -> StageResult | State[StageResult]:
    """What a part of a stage did, when it was its turn; what it has to show is shown.

    `inputs` is the key of what the part reads in the shared store, where this machine does not have the study.
    """
    study, part = Study(settings), Part(find(name), tuple(word for word in words if word is not None))
    with turn(study, part), at_work(study, part) as work:
        try:
            result = perform(settings, lambda study: _work(study, part, inputs), work.tell)
        except BookcoverError:
            show(study, part, AFTER_FAILURE)
            raise
        if not isinstance(result, StageResult):
            work.end(UNCHANGED)
    show(study, part, ANEW if isinstance(result, StageResult) else CACHED)
    record(study, part)
    return result


def _work(study: Study, part: Part, inputs: str | None) -> Manifest:
    """The manifest of a part, done in this process or in one of its own."""
    spread = part.stage.spreads is not None and bool(study.settings.spreading.how)
    with _worker(study) if spread else nullcontext():
        return run_part(study, part, apart=spread) if inputs is None else _work_elsewhere(study, part, inputs)


def _work_elsewhere(study: Study, part: Part, inputs: str) -> Manifest:
    """The manifest of a part of a study that this machine does not have: by way of the shared store.

    Raises:
        SharedStoreError: The store does not answer, or does not have what the part reads.
        BookcoverError: What the stage raised.
    """
    store = SharedStore(str(study.settings.shared_store))
    with TemporaryDirectory(prefix="bookcover-", ignore_cleanup_errors=True) as folder:
        alone = study.settings.model_copy(update={"workspace": folder, "store": False, "shared_store": None})
        here = Study(alone, study.progress)
        if store.bring(INPUTS, inputs, here.workspace.root) is None:
            raise SharedStoreError(
                "the shared store does not have what this part reads, or not whole",
                where=f"{store.address}/{INPUTS}/{inputs}.zip",
                advice="Start the same command again: it is put there anew.",
            )
        try:
            manifest = run_part(here, part, apart=True)
        except BookcoverError as error:
            error.where = error.where and error.where.replace(str(here.workspace.root), str(study.workspace.root))
            raise
        store.put(manifest, here.workspace.root)
        return manifest


@contextmanager
def _worker(study: Study) -> Iterator[None]:
    """A block in a worker of a cluster, which keeps one process for all that it is given."""
    with kept_process():
        yield
    if study.settings.spreading.how == "ray":
        # Ray kills its workers when all is done, with what they have not yet told the server.
        for handler in logging.getLogger("bookcover_core").handlers:
            handler.flush()


def perform(
    settings: StudySettings,
    stage: Callable[[Study], Manifest],
    note: Callable[[int, int], None] = lambda _done, _total: None,
) -> StageResult | State[StageResult]:
    """The result of a stage of the core; a `Cached` state that holds it where the stage was done already.

    Within a task run, progress and counts are shown as artifacts.

    Args:
        settings: The study.
        stage: The stage.
        note: A progress callback, beside the one that shows progress.
    """
    with _progress_bar(settings.name, note) as tell:
        manifest = stage(Study(settings, progress=tell))
    result = StageResult.of(manifest)
    if manifest.reused:
        return Completed(name="Cached", message=f"unchanged since {manifest.finished:%Y-%m-%d %H:%M} UTC", data=result)
    _show_counts(settings.name, result)
    return result


@contextmanager
def _progress_bar(study: str, note: Callable[[int, int], None]) -> Iterator[Callable[[int, int], None]]:
    """A progress callback that updates an artifact, which is made with the first report.

    It is complete when the stage is done, also where that stopped early.
    """
    run = TaskRunContext.get()
    if run is None:
        yield note
        return
    name, artifact, told, shown = run.task_run.name, None, -1.0, -1.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        note(done, total)
        if total > 0:
            told = round(100 * done / total, 1)

    def show(is_done: bool) -> None:
        nonlocal artifact, shown
        percent = 100.0 if is_done and told >= 0 else told
        if percent == shown:
            return
        shown = percent
        if artifact is None:
            key = artifact_key("progress", study, name)
            artifact = create_progress_artifact(progress=percent, key=key, description=name)
        else:
            update_progress_artifact(artifact, progress=percent)

    with kept_shown(f"the progress of {name}", show, _PROGRESS_INTERVAL):
        yield tell


def _show_counts(study: str, result: StageResult) -> None:
    """Show what a stage counted, where a task is running."""
    if TaskRunContext.get() is None:
        return
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in result.counts.items() if not _is_nested(value))
    create_markdown_artifact(
        key=artifact_key("counts", study, result.stage),
        markdown=f"### {result.stage}\n\n| what | how many |\n|---|---:|\n{rows}\n\nDone in {result.seconds:,.1f} s.",
        description=f"What {result.stage} counted",
    )


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
