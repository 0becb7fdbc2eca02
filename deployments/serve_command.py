"""The command `bookcover serve`: everything on one machine, ended by one Ctrl-C.

    deployments.server          Prefect's server and dashboard, the home's (`home_server`): started here if it is not up

    this process                the pages of all studies (`pages.start`)
    └── deployments.runner      starts runs
        └── …                   a process for each run, and one for the network that it trains

However this process ends, the others do too; the server stays while another command uses it. When it is told to end,
runs that are under way are stopped, and say so; when it could not, the next start says it of them.
"""

import os
import signal
import subprocess
import time
import webbrowser
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import httpx

from bookcover_core.errors import ServerError
from bookcover_core.models.machine_info import this_machine
from bookcover_core.pipeline.file_lock import look, turn
from bookcover_core.pipeline.python_process import start_module
from bookcover_core.pipeline.study import Study, studies_in
from bookcover_core.settings import StudySettings
from deployments.demo_covers import covers_of_demos
from deployments.home import go_home
from deployments.home_server import elsewhere
from deployments.loopback import has_screen, served
from deployments.review_resume import go_on
from deployments.server import DASHBOARD, Dashboard, own_dashboard, prepare_environment
from deployments.terminal import say

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun
    from starlette.applications import Starlette

# Where the pages are, unless somebody else is there: also where `bookcover review` has them.
_PAGES_PORT = 4280

# What the runner writes when it begins to start runs.
READY = b"ready\n"

# Seconds that the runner may take to end its runs and itself.
_PATIENCE = 40

_STOPPED = (
    "bookcover serve was ended while this ran. What is done is kept: start it again, and choose Retry in this"
    " run's menu to go on from there."
)
_KILLED = (
    "bookcover serve was killed while this ran, or the machine went down. What is done is kept: choose Retry in"
    " this run's menu to go on from there."
)


# What a study takes while it trains: a core, and memory for its own process and those of its network.
_BYTES_OF_STUDY = 3_000_000_000


def studies_at_once() -> int:
    """The studies that this machine can have at work at once, by its cores and its memory; one at least."""
    machine = this_machine()
    return max(1, min(machine.cores, (machine.memory or _BYTES_OF_STUDY) // _BYTES_OF_STUDY))


def serve(
    *, port: int | None = None, pages_port: int | None = None, studies: int | None = None, with_browser: bool = True
) -> None:
    """Serve dashboard, deployments and pages until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    go_home()
    folder = StudySettings().root.parent
    say("Starting, which takes about twenty seconds ...")
    prepare_environment()
    # The runner is started first: it imports what it needs while the server does.
    studies = studies or studies_at_once()
    with _only_one() as lock, _waiting_runner(studies) as runner, own_dashboard(port) as dashboard:
        _tidy_up()
        with (
            served(partial(_site, folder, dashboard.address), "", usual_port=_PAGES_PORT, port=pages_port) as pages,
            _announced(pages.address, folder),
            covers_of_demos(study.settings for study in studies_in(folder).values() if isinstance(study, Study)),
            _working(runner, dashboard.address),
        ):
            lock.write(pages.address.encode())  # for whoever would serve this home too
            lock.flush()
            say(f"Start here:   {pages.address}")
            say(f"Dashboard:    {dashboard.address}")
            say(f"Studies:      {folder} (at once: {studies})")
            say(f"Log:          {_log()}")
            say("Ctrl-C ends everything. What is done is kept.")
            if with_browser and has_screen():
                webbrowser.open(pages.address)
            with suppress(KeyboardInterrupt):
                _watch(dashboard, runner)
            _leave_alone()
            say("\nEnding ...")
    say("Ended. The same command takes everything up again.")


@contextmanager
def _only_one() -> Iterator[BinaryIO]:
    """Let nobody else serve the same home while the block lasts; in the lock, it says where its pages are."""
    from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - takes a second

    place = Path(PREFECT_HOME.value()) / "bookcover-serve"

    def refuse() -> None:
        raise ServerError(
            f"`bookcover serve` is running already ({look(place)[0] or 'its address comes with its first lines'})",
            where=place.parent,
            advice="Use that one, or end it first. For one beside it, set BOOKCOVER_HOME to another folder.",
        )

    with turn(place, refuse) as lock:
        lock.truncate(0)
        yield lock


def _tidy_up() -> None:
    """Mend what an earlier server left, and set limits and automations."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - takes a second

    from deployments.automations import set_up_automations  # noqa: PLC0415 - imports Prefect
    from deployments.orphaned_runs import (  # noqa: PLC0415 - imports Prefect
        KILLED_COMMAND,
        declare_stopped,
        forget_pages,
        killed_commands,
        skip_missed,
        unfinished_runs,
    )
    from deployments.setup_command import set_up_limits  # noqa: PLC0415 - imports Prefect

    with get_client(sync_client=True) as client:
        left = unfinished_runs(client)
        declare_stopped(client, left, _KILLED)
        declare_stopped(client, killed_commands(client), KILLED_COMMAND)
        if left:
            say(f"Runs that were cut off the last time, and can be retried: {len(left)}")
        missed = skip_missed(client)
        if missed:
            say(f"Scheduled runs that were missed, and are skipped: {missed}")
        forget_pages(client)
        set_up_limits(client)
        set_up_automations(client)


def _site(folder: Path, dashboard: str, hosts: Collection[str]) -> "Starlette":
    from deployments.pages.start import StudiesIn, whole_site  # noqa: PLC0415 - imports Starlette and pandas

    return whole_site(
        StudiesIn(folder), hosts=hosts, dashboard=f"{dashboard}{DASHBOARD}", folder=folder, on_all_decided=go_on
    )


@contextmanager
def _announced(address: str, folder: Path) -> Iterator[None]:
    """Let runs name the addresses of their studies' pages while the block lasts."""
    from prefect.variables import Variable  # noqa: PLC0415 - takes a second

    from tasks.pages import SITE_VARIABLE, site_value  # noqa: PLC0415 - imports Prefect

    Variable.set(SITE_VARIABLE, site_value(address, folder), overwrite=True)
    try:
        yield
    finally:
        with suppress(httpx.HTTPError):  # a server that has died
            Variable.unset(SITE_VARIABLE)


@contextmanager
def _waiting_runner(studies: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process that will start runs, once it is told where the server is; gone at the end of the block."""
    if _log().exists():
        _log().replace(_log().with_suffix(".previous.log"))
    with _log().open("wb") as log:
        process = start_module(
            "deployments.runner",
            str(os.getpid()),
            str(Path.cwd()),
            str(studies),
            **elsewhere(_log().parent),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process alone, which then ends the other
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def _working(runner: subprocess.Popen[bytes], dashboard: str) -> Iterator[None]:
    """Let runs be started while the block lasts; then those that are under way are stopped."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - takes a second

    from deployments.orphaned_runs import badly_ended, declare_stopped, unfinished_runs  # noqa: PLC0415 - imports Prefect

    assert runner.stdin is not None
    assert runner.stdout is not None
    under_way: dict[UUID, FlowRun] = {}
    try:
        with suppress(BrokenPipeError):  # it has ended, which is heard below
            runner.stdin.write(f"{dashboard}/api\n".encode())
            runner.stdin.flush()
        if runner.stdout.readline() != READY:
            raise ServerError("the process that starts runs did not begin", where=_log(), advice="Its log says why.")
        yield
    finally:
        # A server that has died says and hears nothing.
        with suppress(httpx.HTTPError), get_client(sync_client=True) as client:
            under_way = unfinished_runs(client)
        _end(runner)
        # A run whose process was ended while it was starting has crashed, and one that waited for it may have failed.
        with suppress(httpx.HTTPError), get_client(sync_client=True) as client:
            declare_stopped(client, badly_ended(client, under_way) | unfinished_runs(client), _STOPPED)


def _end(runner: subprocess.Popen[bytes]) -> None:
    """End the process that starts runs, and theirs."""
    assert runner.stdin is not None
    assert runner.stdout is not None
    try:
        with suppress(BrokenPipeError):
            runner.stdin.close()
        runner.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(runner.pid, signal.SIGKILL)  # whatever is left
        runner.wait()
        runner.stdout.close()


def _watch(dashboard: Dashboard, runner: subprocess.Popen[bytes]) -> None:
    """Wait for Ctrl-C."""
    assert dashboard.server is not None
    while True:
        time.sleep(0.5)
        if dashboard.server.failure is not None:
            raise dashboard.server.failure
        if runner.poll() is not None:
            raise ServerError("the process that starts runs has ended", where=_log(), advice="Start the command again.")


def _leave_alone() -> None:
    """Let a second Ctrl-C not stop what the first one began: it takes seconds, and is bounded."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def _log() -> Path:
    """Where runs and what starts them write."""
    from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - takes a second

    return Path(PREFECT_HOME.value()) / "bookcover-serve.log"
