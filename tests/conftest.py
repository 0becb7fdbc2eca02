"""Fixtures for all tests."""

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings

PROJECT = Path(__file__).parents[1]


# Files of tests that take from half a minute to minutes, the longest first, by the clock. They are begun before all
# others: several files run at a time, and none of these is to be left alone at the end.
LONGEST = (
    "deployments/test_in_browser.py",
    "flows/test_study.py",
    "deployments/test_on_server.py",
    "test_real_study.py",
    "deployments/test_machines.py",
    "tasks/test_spreading.py",
    "deployments/test_serve_command.py",
    "flows/test_review_gate.py",
    "deployments/test_command_line.py",
    "deployments/test_report_command.py",
    "flows/test_own_covers.py",
    "deployments/test_server.py",
    "deployments/pages/test_judge_in_browser.py",
    "deployments/pages/test_review_in_browser.py",
    "test_python_docs.py",
    "bookcover_core/models/test_backbones.py",
)


# What servers need not do for tests when they start, in seconds of the processor: list all kinds of blocks, two. And
# whoever asks them need not read the certificates of all authorities, a thirtieth of a second for each client that is
# made, and each task of a flow makes one: here nobody is trusted.
QUICK_SERVER = {
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "SSL_CERT_FILE": str(PROJECT / "tests" / "nobody.pem"),
}

# Nor need it keep every event, and what becomes of every task: two fifths of its work. Tests that look at either have
# servers of their own.
FORGETFUL_SERVER = {
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_ENABLED": "false",
}


def pytest_configure() -> None:
    """Hear Ctrl-C, which tests press: a shell has the programs that it starts in the background ignore it.

    And let the hundreds of processes that tests start keep what Python compiles: a second of the processor for each
    that imports the flows. So does this one, which takes three seconds of ten less to find all tests the next time.
    With as many objects as TensorFlow and Prefect have, a search for garbage after every 700 new ones took a tenth of
    its time.
    """
    gc.set_threshold(20_000, 10, 10)
    os.environ |= QUICK_SERVER
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before what is slow is left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and mark what needs a whole study."""
    place = {PROJECT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
    for item in items:
        if "pristine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real listings, covers and weights; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("BOOKCOVER_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "covers").is_dir():
        pytest.skip(f"no real data in {folder.name!r}: set BOOKCOVER_REAL_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory):
    """Has a folder filled by one of the processes that test, for all of them."""
    base = tmp_path_factory.getbasetemp()

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
        with exclusive(folder / "made"):
            if not (folder / "made").exists():
                make(folder)
                (folder / "made").touch()
        return folder

    return once


@pytest.fixture(scope="session")
def empty_database(made_once) -> Path:
    """The database of a Prefect server that has seen nothing. One that has to make it starts ten seconds later."""

    def make(home: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
            env=os.environ | {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    return made_once("empty-database", make) / "prefect.db"


@pytest.fixture(scope="session")
def prefect_server(made_once, empty_database: Path) -> Iterator[None]:
    """A Prefect server with a database of its own, for the tests that run flows: one for all processes that test.

    It answers, and automations work; it knows no task runs and no events of the past.
    """
    os.environ["DO_NOT_TRACK"] = "1"
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_HOME, temporary_settings

    from deployments.home_server import used_server

    folder = made_once("prefect", lambda home: shutil.copy(empty_database, home))
    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_HOME: folder}):
        for name, value in ({"PREFECT_HOME": str(folder)} | FORGETFUL_SERVER).items():
            patch.setenv(name, value)
        with used_server(folder, 0) as server:
            patch.undo()
            # Without heartbeats, for which the end of every flow run waits a second.
            with temporary_settings(
                {PREFECT_API_URL: f"{server.address}/api", PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
            ):
                yield
                APILogWorker.drain_all(timeout=10)  # at the end of the process nobody would take its lines


@pytest.fixture(scope="session")
def programs(made_once) -> Path:
    """Where `bookcover` is in an environment that has the project's wheel."""
    from tests.installed import install, programs_in

    return programs_in(made_once("installed", install))


@pytest.fixture(scope="session")
def study_made_once(made_once):
    """A study that one of the processes that test makes, for all of them; none of them may alter it."""

    def once(name: str, make: Callable[[Path], Study]) -> Study:
        def fill(folder: Path) -> None:
            (folder / "settings.json").write_text(make(folder).settings.model_dump_json(), encoding="utf-8")

        file = made_once(name, fill) / "settings.json"
        return Study(StudySettings.model_validate_json(file.read_text(encoding="utf-8")))

    return once


@pytest.fixture(scope="session")
def trained_files(made_once) -> Path:
    """The workspace of the tiny trained study; `trained` gives the study itself."""
    from tests.bookcover_core.inference.trained import add_networks, train

    with pytest.MonkeyPatch.context() as patch:
        add_networks(patch)
        return made_once("trained", train)


@pytest.fixture
def trained(trained_files: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A tiny study whose networks are trained, with random weights before them; not to be altered."""
    from tests.bookcover_core.inference.trained import add_networks, settings_in

    add_networks(monkeypatch)
    return Study(settings_in(trained_files))
