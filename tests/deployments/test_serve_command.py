"""Tests of `deployments.serve_command`: `bookcover serve`, as a person starts, ends, kills and starts it again."""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest

from bookcover_core.settings import StudySettings
from deployments.deployment_specs import DEPLOYMENTS
from tests.begun import begun
from tests.conftest import QUICK_SERVER
from tests.deployments.test_command_line import record, write_listing
from tests.installed import folder_of_somebody_else

# A study that lacks nothing, wherever its listing is.
LITTLE = {
    "covers": {"allowed_private_hosts": ["127.0.0.1"]},
    "models": {"weights": "random"},
    "training": {"backbones": ["LeNet"], "preparation": "padded"},
}

SERVED = len(DEPLOYMENTS)


class Served:
    """A running `bookcover serve`, and what it says."""

    def __init__(self, bookcover, folder, surroundings):
        self.process = subprocess.Popen(
            [bookcover, "serve", "--no-open", "--studies=1", *ports()],
            cwd=folder,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, as a terminal gives it
        )
        self.said = []
        while self.process.poll() is None and not any("Ctrl-C" in line for line in self.said):
            self.said.append(self.process.stdout.readline())
        told = dict(line.strip().partition(": ")[::2] for line in self.said)
        self.pages, self.dashboard = told["Start here"].strip(), told["Dashboard"].strip()
        self.api = httpx.Client(base_url=f"{self.dashboard}/api/", timeout=60)

    def processes(self) -> list[psutil.Process]:
        """It, and all that it started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def start(self, deployment, **parameters):
        """The id of a new run of a deployment."""
        found = self.api.get(f"deployments/name/{deployment}/{deployment}").json()["id"]
        answer = self.api.post(f"deployments/{found}/create_flow_run", json={"parameters": parameters})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def wait(self, run, *names):
        """The state of a run, once it is called one of these names."""
        deadline = time.monotonic() + 120
        while True:
            state = self.api.get(f"flow_runs/{run}").json()["state"]
            if state["name"] in names:
                return state
            assert time.monotonic() < deadline, state
            time.sleep(0.2)

    def end(self, sent):
        """End it with a signal; the processes that are left after a minute, and the status that it ended with."""
        processes = self.processes()
        self.process.send_signal(sent)
        self.process.communicate(timeout=90)
        self.api.close()
        return psutil.wait_procs(processes[1:], timeout=60)[1], self.process.returncode


def ports() -> list[str]:
    """Options that name two free ports."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return [f"--port={one.getsockname()[1]}", f"--pages-port={other.getsockname()[1]}"]


@contextmanager
def silent_host():
    """The address of a host that takes calls, and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/listing.csv"


@pytest.fixture
def surroundings(tmp_path):
    """An environment without a configured server and without this checkout, and with a Prefect home of its own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PYTHON"))}
    return mine | QUICK_SERVER | {"PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def serve(programs, folder, surroundings):
    """Starts the command; what a failed test leaves of it is killed."""
    started = []

    def start():
        started.append(Served(programs / "bookcover", folder, surroundings))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.fixture
def folder(tmp_path):
    """A folder with a listing of 36 books in it, and with packages that are not ours: the command is started there."""
    here = folder_of_somebody_else(tmp_path / "here")
    write_listing(
        here / "books.csv", [record(12 * label + number, label) for label in range(3) for number in range(12)]
    )
    return here


def begin(folder, **settings) -> None:
    """Begin a study in the home."""
    begun(StudySettings.model_validate(settings | {"workspace": str(folder / "data" / "studies")}))


def last_state(home, run) -> tuple[str, str]:
    """Name and message of a run's state, as the server's database has them when it has ended."""
    with sqlite3.connect(home / "prefect.db") as database:
        [row] = database.execute(
            "select state.name, state.message from flow_run run join flow_run_state state on run.state_id = state.id"
            " where replace(run.id, '-', '') = ?",
            [run.replace("-", "")],
        )
    return row


@pytest.mark.slow
def test_serve_from_its_start_to_its_end(programs, serve, folder, tmp_path, surroundings):
    """It serves everything; killed, it leaves no process, and comes up clean; ended, it leaves no run running.

    All this from a wheel, in a folder whose packages have the names of ours.
    """
    begin(folder, name="little", books={"source": "listing", "listing": "books.csv"})
    with silent_host() as address:
        for name in ("stuck", "stuck-too"):
            listing = {"source": "listing", "listing": address}
            begin(folder, name=name, books=listing, **LITTLE)
        served = serve()
        assert str(folder / "data" / "studies") in "".join(served.said)
        deployments = served.api.post("deployments/filter", json={}).json()
        assert len(deployments) == SERVED
        served.wait(served.start("read-listings", study="little"), "Completed")
        assert (folder / "data" / "studies" / "little" / "listings" / "books.csv").is_file()
        assert "little" in httpx.get(served.pages).text
        other = subprocess.run(
            [programs / "bookcover", "serve", *ports()],
            cwd=folder,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode == 1
        assert f"running already ({served.pages})" in other.stderr
        refused = served.api.get("deployments/name/study-every-setting/study-every-setting").json()["id"]
        wrong = {"settings": {"training": {"epochs": 0}}}
        answer = served.api.post(f"deployments/{refused}/create_flow_run", json={"parameters": wrong})
        assert (answer.status_code, "minimum of 1" in answer.text) == (409, True)
        cut_off = served.start("read-listings", study="stuck")
        served.wait(cut_off, "Running")
        assert served.end(signal.SIGKILL)[0] == [], "whoever is killed takes all with it"

        again = serve()
        assert "cut off the last time" in "".join(again.said)
        stopped = again.wait(cut_off, "Stopped")
        assert stopped["type"] == "CRASHED"
        assert "choose Retry" in stopped["message"]
        assert again.api.get("variables/name/bookcover_site").json()["value"]["address"] == again.pages
        retry = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}}
        assert again.api.post(f"flow_runs/{cut_off}/set_state", json=retry).json()["status"] == "ACCEPT"
        again.wait(cut_off, "Running")
        starting = again.start("continue-study", study="stuck-too")
        again.wait(starting, "Pending", "Running")
        second = again.start("continue-study", study="little")
        assert "1 of 1 studies run" in again.wait(second, "Waiting")["message"]
        assert again.end(signal.SIGINT) == ([], 0)
    for run in (cut_off, starting):
        name, message = last_state(tmp_path / "prefect", run)
        assert name == "Stopped", message
        assert "What is done is kept" in message
    for address in (again.dashboard, again.pages):
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)
