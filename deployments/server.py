"""The Prefect server that a command talks to: one that is configured or a person started, or that of the home.

The home's own (`deployments.home_server`) runs in a process of its own, `python -m deployments.server PORT`, listens on
loopback alone, and ends when no command uses it any more.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bookcover_core.errors import ServerError
from bookcover_core.pipeline.python_process import own_environment
from deployments.home import home
from deployments.home_server import (
    PROCESS,
    USUAL_PORT,
    HomeServer,
    answering_process,
    answers,
    live_as_server,
    used_server,
)
from deployments.interruption import held_back

DASHBOARD = "/v2"
"""Path of the dashboard's pages on a Prefect server."""

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
    server: HomeServer | None = None
    """The server, where it is the home's: it ends when nobody uses it."""


def prepare_environment() -> None:
    """Let Prefect behave as it should here, unless the environment says otherwise, and import it.

    Each home has a database of its own. A server that a person configured in Prefect's usual profiles is found there.
    The processes that Prefect starts find this project's packages, not those of the same names in the working folder.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ |= own_environment()
    if "PREFECT_HOME" not in os.environ:
        folder = home() / "data" / "prefect"
        os.environ["PREFECT_HOME"] = str(folder)
        with suppress(OSError):  # whoever needs it says that it cannot be made
            folder.mkdir(parents=True, exist_ok=True)
        profiles = Path.home() / ".prefect" / "profiles.toml"
        if profiles.is_file():
            os.environ.setdefault("PREFECT_PROFILES_PATH", str(profiles))
    with held_back():
        import_module("prefect.settings")  # takes a second, and reads the environment above


@contextmanager
def own_dashboard(port: int | None = None) -> Iterator[Dashboard]:
    """The home's server, whoever else uses it already, for as long as the block lasts.

    Raises:
        ServerError: Another Prefect server is configured, or was started by a person; or the port is taken.
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
    if port is None and (usual := _persons_server()):
        raise ServerError(
            "a Prefect server that is not this home's is running here already",
            where=usual,
            advice="End it, or choose another port with --port.",
        )
    with _homes_server(port) as shown:
        yield shown


@contextmanager
def dashboard() -> Iterator[Dashboard]:
    """A Prefect server to run flows on, for as long as the block lasts.

    The configured one (PREFECT_API_URL, or the active Prefect profile) if there is one; else the home's, if it is up;
    else one that a person started at Prefect's port; else the home's, which is started.

    Raises:
        ServerError: The configured server does not answer, or the home's does not start.
    """
    prepare_environment()
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second, and reads the environment above

    configured = PREFECT_API_URL.value()
    if configured:
        if not answers(configured):
            raise ServerError(
                "the configured Prefect server does not answer",
                where=configured,
                advice="Start it, or do without it: unset PREFECT_API_URL (`prefect config unset PREFECT_API_URL`).",
            )
        yield Dashboard(configured.removesuffix("/api"))
    elif _running_homes_server() is None and (usual := _persons_server()):
        with known_api(f"{usual}/api"):
            yield Dashboard(usual)
    else:
        with _homes_server() as shown:
            yield shown


@contextmanager
def running_server() -> Iterator[str]:
    """A Prefect server that is up, for as long as the block lasts: its address. See `find_server`.

    Raises:
        ServerError: None answers.
    """
    address = find_server()
    if address is None:
        from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second

        raise ServerError(
            "no Prefect server answers",
            where=PREFECT_API_URL.value() or f"http://127.0.0.1:{USUAL_PORT}/api",
            advice="Start one with `prefect server start`, or name one with PREFECT_API_URL.",
        )
    with ExitStack() as stack:
        if address == _running_homes_server():
            stack.enter_context(_homes_server())
        else:
            stack.enter_context(known_api(address))
        yield address.removesuffix("/api")


def find_server() -> str | None:
    """Address of the API of the configured Prefect server, the home's, or a person's; None where none answers."""
    prepare_environment()
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - takes a second

    if configured := PREFECT_API_URL.value():
        return configured if answers(configured) else None
    if running := _running_homes_server():
        return running
    usual = _persons_server()
    return f"{usual}/api" if usual else None


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
def _homes_server(port: int | None = None) -> Iterator[Dashboard]:
    from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - takes a second

    with used_server(Path(PREFECT_HOME.value()), port) as server, known_api(f"{server.address}/api"):
        try:
            yield Dashboard(server.address, server=server)
        finally:
            _send_what_is_queued()


def _running_homes_server() -> str | None:
    """Address of the API of the home's server, if it is up."""
    from prefect.settings import PREFECT_HOME  # noqa: PLC0415 - takes a second

    port = HomeServer(Path(PREFECT_HOME.value())).find()
    return f"http://127.0.0.1:{port}/api" if port else None


def _persons_server() -> str | None:
    """Address of a server that a person started at Prefect's port: one that is no home's."""
    usual = f"http://127.0.0.1:{USUAL_PORT}"
    return usual if answers(f"{usual}/api") and answering_process(usual) is None else None


def _send_what_is_queued() -> None:
    """Let the last lines and events of runs reach the server while it is there: without one, Prefect tries for long."""
    from prefect.events.worker import EventsWorker  # noqa: PLC0415 - takes a second
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415 - takes a second

    APILogWorker.drain_all(timeout=10)
    EventsWorker.drain_all(timeout=10)


def _serve(port: int) -> None:
    """Serve Prefect's API and dashboard on loopback, to this machine's own programs and pages, until nobody uses it."""
    gc.disable()  # a fifth of the start: what imports make stays, and need not be searched for garbage
    import uvicorn  # noqa: PLC0415 - only the server's own process needs it
    from prefect.server.api.server import create_app  # noqa: PLC0415 - only the server's own process needs it
    from prefect.settings import (  # noqa: PLC0415 - only the server's own process needs it
        PREFECT_API_URL,
        PREFECT_HOME,
        PREFECT_UI_API_URL,
        PREFECT_UI_URL,
        temporary_settings,
    )

    from deployments.database import patient_database  # noqa: PLC0415 - imports Prefect's server
    from deployments.kept_schedules import kept_parameters  # noqa: PLC0415 - imports Prefect's server
    from deployments.pages.origin import OwnOrigin  # noqa: PLC0415 - imports Starlette

    lock = live_as_server(Path(PREFECT_HOME.value()), port)
    # The dashboard in the browser asks the server that it came from, by whichever name.
    address = f"http://127.0.0.1:{port}"
    settings = {
        PREFECT_API_URL: f"{address}/api",
        PREFECT_UI_API_URL: "/api",
        PREFECT_UI_URL: f"{address}{DASHBOARD}",  # in messages of automations
    }
    with lock, temporary_settings(settings), patient_database(), kept_parameters():
        app = create_app(final=True)
        gc.freeze()
        gc.enable()
        uvicorn.run(
            OwnOrigin(app),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            headers=[(PROCESS, str(os.getpid()))],
        )


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
