"""The command `bookcover review`."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx

from bookcover_core.curation.decisions import append_decision
from tests.bookcover_core.invented import Record, invented_study

BOOKS = [Record("a", title="A Box Set"), Record("b", title="An Anthology"), Record("c", title="Plain")]


def command(folder, *arguments):
    """The command, as a person types it for the study in `folder`."""
    given = ["--set", "name=invented", "--set", f"workspace={folder}"]
    return [sys.executable, "-m", "deployments", "review", *given, *arguments]


@contextmanager
def started(folder, *arguments):
    """The running command, and the address that it printed."""
    process = subprocess.Popen(
        command(folder, "--no-open", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = []
        while "Ctrl-C" not in "".join(lines):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        yield process, "".join(lines)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_it_serves_until_ctrl_c_and_says_how_to_go_on(tmp_path):
    """It searches the titles itself, prints counts and address, and ends well with what was decided and what to do."""
    study = invented_study(tmp_path, BOOKS)
    with started(tmp_path) as (process, printed):
        assert "Box-set candidates: 2 (0 kept, 0 rejected, 2 open)" in printed
        address = re.search(r"http://127\.0\.0\.1:\d+/invented/", printed).group()
        assert len(httpx.get(f"{address}state").json()["items"]) == 2
        append_decision(study, "a", "reject", by="Ada")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        said = process.stdout.read()
        assert process.stderr.read() == ""
    assert "2 (0 kept, 1 rejected, 1 open)" in said
    assert f"bookcover run --set name=invented --set workspace={tmp_path}" in said


def test_two_can_run_at_once(tmp_path):
    """Where the usual port is taken, any free one serves."""
    invented_study(tmp_path, BOOKS)
    with started(tmp_path) as (_, one), started(tmp_path) as (_, other):
        addresses = {re.search(r"http://\S+", printed).group() for printed in (one, other)}
        assert len(addresses) == 2
        assert all(httpx.get(address).status_code == 200 for address in addresses)


def test_a_port_that_is_taken_is_named(tmp_path):
    """A port that was asked for is used or refused, never silently changed."""
    invented_study(tmp_path, BOOKS)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = subprocess.run(
            command(tmp_path, "--port", str(port)), capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "--port" in ended.stderr


def test_without_listings_it_says_what_to_run(tmp_path):
    """There is nothing to review before the listings are read: exit code 2, and the command that reads them."""
    ended = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "have not been read" in ended.stderr
    assert "--only listings" in ended.stderr
