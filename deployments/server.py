"""The Prefect server that a command talks to: one that is configured or running already, or one of its own.

A server of our own runs in a process of its own, listens on loopback alone, and ends with the command that started it,
however that command ends: it looks for its parent every second.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bookcover_core.errors import ServerError
from bookcover_core.pipeline.python_process import own_environment, start_module

DASHBOARD = "/v2"
"""Path of the dashboard's pages on a Prefect server."""

# Prefect's own port, at which `prefect server start` listens too.
_PORT = 4200

# A server on a fresh database takes about 14 seconds on two cores.
_SECONDS_TO_START = 120

RUN_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "bookcover_core",
    # Lines of worker threads belong to no run; they are on the terminal.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # Seconds between two signs of life of a run, for which the automations listen: see flows.heartbeats.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # Packages in the folder of a worker, named `flows` perhaps, are not this project's.
    "PYTHONSAFEPATH": "1",
}
"""How Prefect and Python behave in the project's runs."""

# How Prefect behaves here, unless the environment says otherwise. Set before Prefect is imported.
_ENVIRONMENT = RUN_ENVIRONMENT | {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # On disk: a server that forgot on its end who holds a slot would count that slot as taken for ever.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}


@dataclass(frozen=True)
class Dashboard:
    """Where runs are shown."""

    address: str
    """Address of the dashboard, to open in a browser."""
    is_ours: bool
    """Whether it ends with this command."""
    log: Path | None = None
    """What a server of ours has to say."""
    process: subprocess.Popen[bytes] | None = None
    """A server of ours."""


@contextmanager
def own_dashboard(port: int | None = None) -> Iterator[Dashboard]:
    """A Prefect server that is started here, and ended here, whatever else is configured or running.

    Args:
        port: Where to listen on this machine; none: at Prefect's port or, if somebody else is there, at any free one.

    Raises:
        ServerError: Another Prefect server is configured, or is at Prefect's port; or the port is taken.
    """
    prepare_environment()
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second, and reads the environment above

    if configured := PREFECT_API_URL.value():
        raise ServerError(
            "another Prefect server is configured, and this command brings its own",
            where=configured,
            advice="Do without that one: unset PREFECT_API_URL (`prefect config unset PREFECT_API_URL`). Or let workers"
            " serve it: `bookcover setup`, then `prefect worker start --pool bookcover`.",
        )
    usual = f"http://127.0.0.1:{_PORT}"
    if port is None and _answers(f"{usual}/api"):
        raise ServerError(
            "a Prefect server is running here already, of another command perhaps",
            where=usual,
            advice="End it, or choose another port with --port.",
        )
    with _started_server(port) as started, known_api(f"{started.address}/api"):
        yield started


def prepare_environment() -> None:
    """Let Prefect behave as it should here, unless the environment says otherwise. To be called before its import.

    The processes that it starts find this project's packages, not those of the same names in the working folder.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ |= own_environment()


@contextmanager
def dashboard() -> Iterator[Dashboard]:
    """A Prefect server to run flows on, for as long as the block lasts.

    The configured one (PREFECT_API_URL, or the active Prefect profile) if there is one; else one that listens on
    Prefect's port on this machine; else one that is started here, and ended here.

    Raises:
        ServerError: The configured server does not answer, or none can be started.
    """
    prepare_environment()
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second, and reads the environment above

    configured = PREFECT_API_URL.value()
    if configured:
        if not _answers(configured):
            raise ServerError(
                "the configured Prefect server does not answer",
                where=configured,
                advice="Start it, or do without it: unset PREFECT_API_URL (`prefect config unset PREFECT_API_URL`).",
            )
        yield Dashboard(configured.removesuffix("/api"), is_ours=False)
        return

    usual = f"http://127.0.0.1:{_PORT}"
    if _answers(f"{usual}/api"):
        with known_api(f"{usual}/api"):
            yield Dashboard(usual, is_ours=False)
        return

    with _started_server() as started, known_api(f"{started.address}/api"):
        yield started


@contextmanager
def running_server() -> Iterator[str]:
    """The Prefect server that is configured, or runs on Prefect's port, for as long as the block lasts: its address.

    Raises:
        ServerError: Neither answers.
    """
    prepare_environment()
    address = find_server()
    if address is None:
        from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second

        raise ServerError(
            "no Prefect server answers",
            where=PREFECT_API_URL.value() or f"http://127.0.0.1:{_PORT}/api",
            advice="Start one with `prefect server start`, or name one with PREFECT_API_URL.",
        )
    with known_api(address):
        yield address.removesuffix("/api")


def find_server() -> str | None:
    """Address of the API of the configured Prefect server, or of one on Prefect's port; None where neither answers."""
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second

    for address in (PREFECT_API_URL.value(), f"http://127.0.0.1:{_PORT}/api"):
        if address and _answers(address):
            return str(address)
    return None


@contextmanager
def known_api(address: str) -> Iterator[None]:
    """Let Prefect talk to the server at `address`, here and in processes started from here.

    The links in its logs and messages lead to the dashboard that a browser is shown at the server's own address: the
    second of two that Prefect has. In the first one's forms, as of 3.8, no list of choices opens at a click.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings  # noqa: PLC0415 - takes a second

    pages = f"{address.removesuffix('/api')}{DASHBOARD}"
    os.environ |= {"PREFECT_API_URL": address, "PREFECT_UI_URL": pages}
    try:
        with temporary_settings({PREFECT_API_URL: address, PREFECT_UI_URL: pages}):
            yield
    finally:
        del os.environ["PREFECT_API_URL"], os.environ["PREFECT_UI_URL"]


@contextmanager
def _started_server(wanted: int | None = None) -> Iterator[Dashboard]:
    from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - takes a second

    port = _free_port(wanted)
    address = f"http://127.0.0.1:{port}"
    log = Path(PREFECT_HOME.value()) / "bookcover-server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = start_module(
            "deployments.server",
            str(port),
            str(os.getpid()),
            **elsewhere(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the command; it ends the server when its runs have been told
        )
    try:
        _wait_until_it_answers(process, f"{address}/api", log)
        yield Dashboard(address, is_ours=True, log=log, process=process)
    finally:
        _send_what_is_queued()
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def elsewhere() -> dict[str, Any]:
    """Where one of Prefect's processes begins, for `start_module`: in an empty folder, with the settings of this one.

    Prefect looks in the working folder for settings, which are wanted, and for packages, which are not ours.
    """
    from prefect.settings import PREFECT_HOME, get_current_settings  # noqa: PLC0415 - takes a second

    folder = PREFECT_HOME.value().absolute() / "bookcover-empty"
    folder.mkdir(parents=True, exist_ok=True)
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return {"cwd": folder, "environment": settings | {"PREFECT_HOME": str(folder.parent)}}


def _send_what_is_queued() -> None:
    """Let the last lines and events of runs reach the server while it is there: without one, Prefect tries for long."""
    from prefect.events.worker import EventsWorker  # noqa: PLC0415 - takes a second
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415 - takes a second

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)


def _wait_until_it_answers(process: subprocess.Popen[bytes], api: str, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if _answers(api):
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise ServerError(
        "the Prefect server did not start",
        where=log,
        advice="Its last lines there say why; `prefect server start` shows them too.",
    )


def _answers(api: str) -> bool:
    """Whether a Prefect server answers at this address."""
    with suppress(httpx.HTTPError, ValueError):  # ValueError: somebody else's server, which does not answer in JSON
        return httpx.get(f"{api}/health", timeout=5).json() is True
    return False


def _free_port(wanted: int | None = None) -> int:
    """A port that is free: the wanted one, else Prefect's own, else any.

    Raises:
        ServerError: The wanted one is taken, or none is free.
    """
    for port in (_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                candidate.bind(("127.0.0.1", port))
                return int(candidate.getsockname()[1])
    raise ServerError(
        "no port is free on this machine" if wanted is None else "the port is taken",
        where=f"127.0.0.1:{wanted or _PORT}",
        advice="End a server that listens there, or choose another port.",
    )


def _end_with(parent: int) -> None:
    """End this process as soon as its parent has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _serve(port: int) -> None:
    """Serve Prefect's API and dashboard on loopback, to this machine's own programs and pages, until told to end."""
    import uvicorn  # noqa: PLC0415 - only the server's own process needs it
    from prefect.server.api.server import create_app  # noqa: PLC0415 - only the server's own process needs it
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_API_URL, temporary_settings  # noqa: PLC0415

    from deployments.database import patient_database  # noqa: PLC0415 - imports Prefect's server
    from deployments.kept_schedules import kept_parameters  # noqa: PLC0415 - imports Prefect's server
    from deployments.pages.origin import OwnOrigin  # noqa: PLC0415 - imports Starlette

    # The dashboard in the browser asks the server that it came from, by whichever name.
    settings = {PREFECT_API_URL: f"http://127.0.0.1:{port}/api", PREFECT_UI_API_URL: "/api"}
    with temporary_settings(settings), patient_database(), kept_parameters():
        uvicorn.run(OwnOrigin(create_app(final=True)), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    _end_with(int(sys.argv[2]))
    _serve(int(sys.argv[1]))
