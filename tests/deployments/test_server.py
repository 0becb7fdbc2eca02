"""Tests of `deployments.server`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from bookcover_core.errors import ServerError
from deployments.server import _free_port, dashboard, own_dashboard

START = """
import time
from deployments.server import dashboard
with dashboard() as shown:
    print(shown.address, shown.is_ours, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def surroundings(tmp_path, empty_database):
    """An environment without a configured server, and with a Prefect home of its own."""
    (tmp_path / "prefect").mkdir()
    shutil.copy(empty_database, tmp_path / "prefect")
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return mine | {"PREFECT_HOME": str(tmp_path / "prefect")}


def test_a_server_of_our_own_ends_with_the_command_even_when_that_is_killed(surroundings):
    """No server outlives the command that started it."""
    command = subprocess.Popen([sys.executable, "-c", START], env=surroundings, stdout=subprocess.PIPE, text=True)
    try:
        address, ours = command.stdout.readline().split()
        if ours == "False":
            pytest.skip("a Prefect server is running on this machine already")
        assert httpx.get(f"{address}/api/health").json() is True
        assert "<html" in httpx.get(address, follow_redirects=True).text
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
        command.stdout.close()
    assert is_gone(address)


def is_gone(address: str) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{address}/api/health", timeout=2)
        except httpx.HTTPError:
            return True
        time.sleep(0.5)
    return False


def test_a_configured_server_that_does_not_answer_is_an_error_that_names_it():
    """The person learns which address is dead, instead of getting another server unasked."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

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
    from prefect.settings import PREFECT_API_URL, temporary_settings

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
