"""How a stage of the core runs as a Prefect task."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException
from prefect.states import Completed
from prefect.tasks import exponential_backoff
from pydantic import BaseModel, ConfigDict

from bookcover_core.errors import InputError
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

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
    """A decorator that makes a function the task of a stage.

    What a stage did is kept as JSON in its manifest, by the core; Prefect keeps no second copy that could say something
    else.

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


def network_task(name: str, run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A decorator like `stage_task` for a stage that touches the network.

    It is tried three more times, after about 10, 20 and 40 seconds, unless the person's input is wrong.
    """
    return stage_task(
        name,
        run_name,
        retries=3,
        retry_delay_seconds=exponential_backoff(10),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_worth_retrying,
    )


def perform(settings: StudySettings, stage: Callable[[Study], Manifest]) -> StageResult | State[StageResult]:
    """The result of a stage of the core; a `Cached` state that holds it where the stage was done already.

    Within a task run, progress and counts are shown as artifacts.
    """
    with _progress_bar(settings.name) as tell:
        manifest = stage(Study(settings, progress=tell))
    result = StageResult.of(manifest)
    if manifest.reused:
        return Completed(name="Cached", message=f"unchanged since {manifest.finished:%Y-%m-%d %H:%M} UTC", data=result)
    _show_counts(settings.name, result)
    return result


@contextmanager
def _progress_bar(study: str) -> Iterator[Callable[[int, int], None]]:
    """Who is told how far a stage is: a progress artifact, made when there is something to tell.

    It is sent from a thread of its own: a server that is slow or gone holds no stage up, and fails none.
    """
    run = TaskRunContext.get()
    if run is None:
        yield lambda _done, _total: None
        return
    name = run.task_run.name
    context = copy_context()
    artifact: Any = None
    told = 0.0
    sending: Future[None] | None = None

    def send(percent: float) -> None:
        nonlocal artifact
        try:
            if artifact is None:
                artifact = create_progress_artifact(
                    progress=percent, key=artifact_key("progress", study, name), description=name
                )
            else:
                update_progress_artifact(artifact, progress=percent)
        except (httpx.HTTPError, PrefectException) as error:
            logger.warning("the progress of %s could not be shown: %s", name, error)

    def tell(done: int, total: int) -> None:
        nonlocal told, sending
        now = time.monotonic()
        is_too_soon = now - told < _PROGRESS_INTERVAL or (sending is not None and not sending.done())
        if total <= 0 or (done < total and is_too_soon):
            return
        told = now
        sending = sender.submit(context.run, send, round(100 * done / total, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="progress") as sender:
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


def artifact_key(*words: str) -> str:
    """A key that Prefect takes: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
