"""The command `bookcover review`."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from typer.testing import CliRunner

from bookcover_core.curation.decisions import append_decision
from bookcover_core.errors import ServerError, StageOrderError
from deployments.command_line import app
from deployments.review_command import review_page
from tests.bookcover_core.invented import Record, invented_study

BOOKS = [Record("a", title="A Box Set"), Record("b", title="An Anthology"), Record("c", title="Plain")]


def command(folder, *arguments):
    """The words of the command for the study in `folder`."""
    return ["review", "--set", "name=invented", "--set", f"workspace={folder}", *arguments]


@contextmanager
def started(folder):
    """The running command, and the address that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments", *command(folder, "--no-open")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
        assert process.wait(timeout=120) == 0
        said = process.stdout.read()
        assert process.stderr.read() == ""
    assert "2 (0 kept, 1 rejected, 1 open)" in said
    assert f"bookcover run --set name=invented --set workspace={tmp_path}" in said


def test_two_can_run_at_once(tmp_path):
    """Where the usual port is taken, any free one serves."""
    study = invented_study(tmp_path, BOOKS)
    with review_page(study) as one, review_page(study) as other:
        assert one.address != other.address
        assert all(httpx.get(each.address).status_code == 200 for each in (one, other))


def test_a_port_that_is_taken_is_named(tmp_path):
    """A port that was asked for is used or refused, never silently changed."""
    invented_study(tmp_path, BOOKS)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=rf"127\.0\.0\.1:{port}: .*--port") as ended:
            CliRunner().invoke(app, command(tmp_path, "--port", str(port)), catch_exceptions=False)
    assert ended.value.exit_code == 1


def test_without_listings_it_says_what_to_run(tmp_path):
    """There is nothing to review before the listings are read: exit code 2, and the command that reads them."""
    with pytest.raises(StageOrderError, match=r"have not been read.*--only listings") as ended:
        CliRunner().invoke(app, command(tmp_path), catch_exceptions=False)
    assert ended.value.exit_code == 2
