"""Running a study's flows from the command line."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from typing import Literal

import httpx

from bookcover_core.covers.chunks import check_chunks
from bookcover_core.errors import ServerError, SettingsError, StageOrderError
from bookcover_core.families.systems import check_systems
from bookcover_core.pipeline.graph import NOT_KNOWN, declarations, known_parts, steps
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from deployments.home import live_with
from deployments.interruption import held_back
from deployments.progress_display import logged, shown_progress
from deployments.review_command import review_page
from deployments.review_resume import announced
from deployments.server import Dashboard, dashboard, prepare_environment
from deployments.terminal import print_results, say
from flows.logs import OURS, explain_errors
from tasks.clusters import check_cluster
from tasks.preflight import check_all

# Stages of other steps that a step runs itself, where that is to be done.
_BROUGHT = {"download": ("listings",), "compare": ("features",), "train": ("compare",)}

# Loggers of what sends events and lines of the log to the server.
_SERVICES = {"EventsWorker", "APILogWorker"}

# How Prefect's lines begin that tell of what ended a run.
_ENDS = (
    "Finished in state Failed",
    "Finished in state Crashed",
    "Crash detected! Execution was aborted by an interrupt signal",
)

# Seconds for which the home's server may be away.
_SECONDS_FOR_SERVER = 180


def run_study(
    settings: StudySettings,
    *,
    only: str | None = None,
    chunks: Sequence[int] | Literal["all", "next"] = "all",
    stay: bool = False,
) -> None:
    """Run a study, or one part of it, on a Prefect server, and print what came out."""
    study = Study(settings)
    # What is wrong at once is said at once, before a server is started.
    if only is None:
        study.refuse_if_run()
        check_all(settings)
    else:
        check_step(only)
        check_systems(settings)
        check_cluster(settings)
        _check_order(study, only)
    if not isinstance(chunks, str):
        with suppress(StageOrderError):  # the listings are read first, then
            check_chunks(study, chunks, where="--chunk")
    with ExitStack() as held:
        if only is None:
            held.enter_context(study.alone())
        study.begin()
        say("Starting ...")
        live_with(settings)
        prepare_environment()
        plain_errors()
        with logged(settings, _is_said_elsewhere) as log, dashboard() as shown:
            say(f"Dashboard: {shown.address}")
            with _review_page(settings, only):
                named = chunks if isinstance(chunks, str) else ", ".join(map(str, chunks))
                with shown_progress(settings, log, only):
                    _run_until_done(shown, lambda: _run(only, settings, named))
            if only in {None, "report"}:
                print_results(settings)
            if stay:
                held.close()
                _stay(shown)


def check_step(only: str) -> None:
    """Return where a step of a study is called so.

    Raises:
        SettingsError: None is; the message says which there are.
    """
    if only in steps():
        return
    within = next((each.step for each in declarations() if only in {each.name, each.label}), None)
    raise SettingsError(
        f"{only!r} is done with the step {within}, not alone" if within else f"there is no step {only!r}",
        where="--only",
        advice=f"The steps that can run alone are {', '.join(steps())}.",
    )


def _check_order(study: Study, only: str) -> None:
    """Return unless a step builds on stages of another one that have not been run."""
    missing = _missing_before(study, only)
    if missing is not None:
        raise StageOrderError(
            f"{only} builds on {missing}, which has not been run",
            where=study.workspace.root,
            advice=f"Run the whole study, without --only, or its next step alone: --only {_next_step(study, missing)}.",
        )


def _next_step(study: Study, missing: str) -> str:
    """The step to go on with where the stage `missing` is to be run: the first that has something to do and did not."""
    wanted = next(each.step for each in declarations() if missing in {each.name, each.label})
    for step in takewhile(wanted.__ne__, steps()):
        if not study.manifests(step) and known_parts(study, step) != ([], True):
            return step
    return wanted


def _missing_before(study: Study, step: str) -> str | None:
    """The first stage that a step builds on, does not bring, and misses; None where it can begin."""
    parts_of_step = [each for each in declarations() if each.step == step]
    brought = {"", *(each.label for each in parts_of_step), *_BROUGHT.get(step, ())}
    for stage in parts_of_step:
        try:
            for words in stage.parts(study):
                stage.at(study, *words)
                break
        except StageOrderError as error:
            if error.stage not in brought:
                return error.stage
        except NOT_KNOWN:
            return None
    return None


@contextmanager
def _review_page(settings: StudySettings, only: str | None) -> Iterator[None]:
    """Serve the study's review page for as long as the run may wait for it."""
    if settings.curation.undecided != "ask" or only not in {None, "curate"}:
        yield
        return
    with review_page(Study(settings)) as page, announced(settings, page.address):
        yield


def _run_until_done(shown: Dashboard, run: Callable[[], None]) -> None:
    """Do `run`, and go on with it where the home's server went away and is there again."""
    while True:
        restarts = shown.server.restarts if shown.server else 0
        try:
            run()
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            server = shown.server
            if server is None:
                raise ServerError(
                    f"the Prefect server no longer answers ({error or type(error).__name__})",
                    where=shown.address,
                    advice="Start it, and then the same command again: what is done is kept.",
                ) from None
            deadline = time.monotonic() + _SECONDS_FOR_SERVER
            while server.restarts == restarts and server.failure is None and time.monotonic() < deadline:
                time.sleep(0.5)
            if server.restarts == restarts:
                raise server.failure or error from None
            say("The study goes on.")
        else:
            return


def _run(part: str | None, settings: StudySettings, chunks: str) -> None:
    """Run the flow of one part of a study whose settings are stored, or that of the whole."""
    with held_back():  # imported here, when Prefect's server is known
        from flows.stages import step_flow  # noqa: PLC0415
        from flows.study import continue_study  # noqa: PLC0415

    study = str(settings.root)
    if part is None:
        continue_study(study)
        return
    step = step_flow(part)
    chosen = {"chunks": chunks} if part == "download" else {}
    for told in step.runs(settings):
        step.flow(study, **told, **chosen)


def _is_said_elsewhere(record: logging.LogRecord) -> bool:
    """Whether a record tells of what ends the command, which every run on the way up says, or of a server gone away."""
    if record.exc_info is not None and isinstance(record.exc_info[1], httpx.TransportError):
        return True  # `_run_until_done` tells of it
    if record.name.startswith("prefect._internal.concurrency") or record.name in _SERVICES:
        return True  # what did not reach the server, as it was away, or has still to reach it
    return hasattr(record, OURS) or record.getMessage().startswith(_ENDS)


def plain_errors() -> None:
    """Let our own errors stand in each run's log as their message."""
    from prefect.logging.configuration import setup_logging  # noqa: PLC0415 - takes a second

    setup_logging()  # Prefect would do so at the first run, and put other handlers in place
    explain_errors()


def _stay(shown: Dashboard) -> None:
    """Wait until Ctrl-C, where the dashboard would end with this command."""
    if shown.server is None:
        return
    say(f"The dashboard stays at {shown.address} until you press Ctrl-C.")
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    try:
        done.wait()
    except KeyboardInterrupt:
        say("Good-bye.")
