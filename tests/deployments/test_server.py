"""Tests of `deployments.server`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from bookcover_core.errors import ServerError
from deployments import home_server
from deployments.home_server import _free_port, answers, used_server
from deployments.server import dashboard, own_dashboard
from tests.conftest import QUICK_SERVER
from tests.waiting import come_true

USE = """
import time
from deployments.server import dashboard
with dashboard() as shown:
    print(shown.address, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def use(tmp_path, empty_database):
    """Starts a command that uses the server of a home; gives its process and the address that it was shown."""
    started = []

    def start(home):
        folder = tmp_path / home
        if not folder.exists():
            (folder / "data" / "prefect").mkdir(parents=True)
            shutil.copy(empty_database, folder / "data" / "prefect")
        others = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "BOOKCOVER_"))}
        environment = others | QUICK_SERVER | {"BOOKCOVER_HOME": str(folder)}
        command = subprocess.Popen([sys.executable, "-c", USE], env=environment, stdout=subprocess.PIPE, text=True)
        started.append(command)
        return command, command.stdout.readline().strip()

    yield start
    for command in started:
        kill(command)
        command.stdout.close()


def kill(command) -> None:
    command.kill()
    command.wait()


def is_up(address: str) -> bool:
    return answers(f"{address}/api")


def test_a_home_has_one_server_that_is_there_while_anybody_uses_it(use, tmp_path, prefect_server):
    """It outlives who started it, and ends with the last who uses it; killed, it is back. Another home has another."""
    other = PREFECT_API_URL.value().removesuffix("/api")
    first, address = use("one")
    assert is_up(address)
    assert "<html" in httpx.get(address, follow_redirects=True).text
    second, same = use("one")
    assert same == address
    assert other != address
    kill(first)
    time.sleep(4)
    assert is_up(address), "somebody uses it still"
    lock = tmp_path / "one" / "data" / "prefect" / "bookcover-server.lock"
    before = lock.read_text()
    os.kill(int(before.split()[1]), signal.SIGKILL)
    assert come_true(lambda: lock.read_text() not in {"", before}, 120), "it is not started again"
    assert come_true(lambda: is_up(address), 120), "what is under way does not find it at its port"
    kill(second)
    assert come_true(lambda: not is_up(address), 120), "nobody uses it any more"
    assert is_up(other)
    assert (tmp_path / "one" / "data" / "prefect" / "prefect.db").is_file()


def test_a_home_takes_no_other_home_s_server_for_its_own(prefect_server, empty_database, tmp_path, monkeypatch):
    """Where another home's is at the port by the time it begins, it goes to another port."""
    one = urlsplit(PREFECT_API_URL.value())
    monkeypatch.setattr(home_server, "_free_port", lambda wanted=None: _free_port(0) if wanted == 0 else one.port)
    shutil.copy(empty_database, tmp_path)
    with used_server(tmp_path) as other:
        assert urlsplit(other.address).port != one.port
        assert is_up(other.address)


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"no database" * 100, "its database is damaged"), (None, "its database cannot be opened")],
)
def test_a_server_that_cannot_start_says_why(tmp_path, content, cause):
    """The cause is in the message, with what to do about it."""
    database = tmp_path / "prefect.db"
    database.write_bytes(content) if content else database.mkdir()
    with pytest.raises(ServerError, match=rf"did not start: {cause}.*move it away"), used_server(tmp_path, 0):
        pass


def test_a_configured_server_that_does_not_answer_is_an_error_that_names_it():
    """The person learns which address is dead, instead of getting another server unasked."""
    address = f"http://127.0.0.1:{unused_port()}/api"
    unreachable = dashboard()
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(ServerError, match="does not answer") as caught:
        unreachable.__enter__()
    assert caught.value.where == address


def unused_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return candidate.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_taken():
    """Another port is found while one is in use."""
    port = _free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an ended server may linger
        listener.bind(("127.0.0.1", port))
        listener.listen()
        assert _free_port() != port


def test_a_server_of_its_own_goes_beside_no_configured_one():
    """Whoever has a server configured wants that one; nobody gets another unasked."""
    address = "http://prefect.example/api"
    with (
        temporary_settings({PREFECT_API_URL: address}),
        pytest.raises(ServerError, match="bookcover setup") as caught,
        own_dashboard(),
    ):
        pass
    assert caught.value.where == address


def test_a_wanted_port_is_taken_or_nothing():
    """An address that was asked for is not silently another one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(ServerError, match="the port is taken"):
            _free_port(listener.getsockname()[1])
    wanted = unused_port()
    assert _free_port(wanted) == wanted
