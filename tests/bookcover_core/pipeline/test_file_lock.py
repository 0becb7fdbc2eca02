"""The lock between processes."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.errors import WorkspaceError
from tests.conftest import PROJECT

HOLD = """
import sys, time
from pathlib import Path
from bookcover_core.pipeline.file_lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_threads_take_turns(tmp_path):
    """Only one at a time is inside."""
    inside = []

    def enter(_):
        with exclusive(tmp_path / "file"):
            inside.append(1)
            assert len(inside) == 1
            inside.pop()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(enter, range(40)))


def test_a_process_that_is_killed_lets_go(tmp_path):
    """Nobody waits for a holder that is no more."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "file")], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(lambda: exclusive(tmp_path / "file").__enter__())
        assert not waiting.done()
        holder.send_signal(signal.SIGKILL)
        waiting.result(timeout=30)
    holder.wait()
    holder.stdout.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """The lock lies beside its file: where that cannot be, the path is told."""
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="inside"), exclusive(tmp_path / "file" / "inside"):
        pass
