"""The lock between processes."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookcover_core.errors import StudyBusyError, WorkspaceError
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study, at_part, is_being_run
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


def test_a_second_run_of_a_study_is_refused_until_the_first_ends(tmp_path):
    """In one sentence, whatever process it is in; nothing of the first is touched."""
    study = Study(parse_settings({"name": "one", "workspace": str(tmp_path)}))
    words = r"another run of this study is under way\. Wait for it"
    with study.alone(), pytest.raises(WorkspaceError, match=words), Study(study.settings).alone():
        pytest.fail("both are at it")
    with study.alone(), study.alone(within=True):
        assert study.run_mark.process == os.getpid()
        assert study.run_mark.lives
        with pytest.raises(StudyBusyError, match=f"process {os.getpid()}, begun "):
            study.refuse_if_run()
    assert study.run_mark is None, "it came to its end"
    with study.alone():
        pass


def test_a_run_that_was_killed_is_told_from_one_that_ended(tmp_path):
    """What it wrote in its lock is left, and nobody holds that any more; the next run clears it."""
    study = Study(parse_settings({"name": "one", "workspace": str(tmp_path)}))
    script = (
        "import sys, time; from bookcover_core.pipeline.study import Study, at_part\n"
        "from bookcover_core.settings.toml_file import parse_settings\n"
        "study = Study(parse_settings({'name': 'one', 'workspace': sys.argv[1]}))\n"
        "with study.alone(), at_part(study.workspace.root): print('at it', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "at it\n"
        mark = study.run_mark
        assert (mark.process, mark.lives) == (process.pid, True)
        assert is_being_run(study.workspace.root, whole=True)
        assert is_being_run(study.workspace.root, whole=False)
    finally:
        process.kill()
        process.communicate()
    assert study.run_mark == mark._replace(lives=False)
    assert not is_being_run(study.workspace.root, whole=True)
    assert not is_being_run(study.workspace.root, whole=False)
    with study.alone():
        pass
    assert study.run_mark is None


def test_a_study_of_which_a_part_is_run_is_not_taken_away(tmp_path):
    """Several parts can be run beside each other and beside the whole, but nobody deletes the study meanwhile."""
    study = Study(parse_settings({"name": "one", "workspace": str(tmp_path)}))
    root = study.workspace.root
    with at_part(root), at_part(root), study.alone():
        pass
    with at_part(root), pytest.raises(StudyBusyError, match="a part of this study"), study.unused():
        pytest.fail("it is used")
    with study.unused():
        pass
