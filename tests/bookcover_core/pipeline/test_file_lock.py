"""The lock between processes."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings
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


def squared(folder, name):
    command = [sys.executable, "-c", SLOWLY, str(folder), name]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


SLOWLY = """
import logging, sys, time
from pathlib import Path
from bookcover_core.pipeline.engine import Inputs, Result
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.workspace import write_text
from tests.bookcover_core.pipeline.test_store import study_in
logging.basicConfig(level="INFO")
@stage("slow", "Take its time", inputs=lambda _: Inputs())
def slowly(study, _run):
    print("at it", flush=True)
    file = study.workspace.root / "slow.txt"
    while not (study.workspace.root / "go").exists():
        time.sleep(0.05)
    write_text(file, "done")
    return Result(outputs=[file])
slowly.code = {}
print(slowly(study_in(Path(sys.argv[1]), store=False)).reused, flush=True)
"""


def test_two_runs_at_one_part_do_it_once(tmp_path):
    """The second says that it waits, and finds it done; where the first is killed, the second does it."""
    first, second = squared(tmp_path, "first"), None
    try:
        assert first.stdout.readline() == "at it\n"
        second = squared(tmp_path, "second")
        assert "another run is at it" in second.stderr.readline()
        (tmp_path / "one" / "go").touch()
        assert first.communicate()[0] == "False\n"
        assert second.communicate()[0] == "True\n"
        (tmp_path / "one" / "go").unlink()
        (tmp_path / "one" / "slow.txt").unlink()
        first = squared(tmp_path, "first")
        assert first.stdout.readline() == "at it\n"
        second = squared(tmp_path, "second")
        while "another run is at it" not in second.stderr.readline():
            pass
        first.kill()
        (tmp_path / "one" / "go").touch()
        assert second.communicate()[0] == "at it\nFalse\n"
    finally:
        for process in filter(None, (first, second)):
            process.kill()
            process.communicate()


def test_a_second_run_of_a_study_is_refused_until_the_first_ends(tmp_path, monkeypatch):
    """In one sentence, whatever process it is in; nothing of the first is touched."""
    monkeypatch.setattr("bookcover_core.pipeline.study._PATIENCE", 0.1)
    study = Study(parse_settings({"name": "one", "workspace": str(tmp_path)}))
    words = r"another run of this study is under way\. Wait for it"
    with study.alone(), pytest.raises(WorkspaceError, match=words), Study(study.settings).alone():
        pytest.fail("both are at it")
    with study.alone():
        pass
