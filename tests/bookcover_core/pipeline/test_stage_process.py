"""Stages in a process of their own: what is heard of them, and how they end. None of these imports TensorFlow."""

import logging
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil
import pytest

from bookcover_core.errors import DiskFullError, StageOrderError, TrainingError, WeightsError, WorkerError
from bookcover_core.pipeline import stage_process
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.stage_process import kept_process, run_apart, shared_process
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings import StudySettings
from tests.waiting import come_true

PROJECT = Path(__file__).parents[3]

logger = logging.getLogger("bookcover_core.stage")


# Stages of no study: their counts tell what they met.
def _inputs(_: Study, network: str) -> Inputs:
    return Inputs(network)


@stage("train", "Tell", inputs=_inputs)
def tell(study: Study, _: StageRun, network: str) -> Result:
    """Says how it is getting on, and which process it is."""
    sys.stdout.write("chatter that is no part of the conversation\n")
    for epoch in (1, 2, 3):
        logger.info("epoch %d: 100 %%", epoch)
        study.progress(epoch, 3)
    logger.debug("more than anybody wants to know")
    return Result(counts={"process": os.getpid(), "loaded": "tensorflow" in sys.modules})


@stage("train", "Fail", inputs=_inputs)
def fail(study: Study, _: StageRun, how: str) -> Result:
    """Fails in one way or another."""
    match how:
        case "weights":
            raise WeightsError("no such file", where=Path("a.h5"), advice="Name another.")
        case "exit code":
            error = TrainingError("two failed")
            error.exit_code = 2
            raise error
        case "disk":
            raise OSError(28, "No space left on device", "there.npy")
        case "memory":
            raise MemoryError
        case _:
            raise ZeroDivisionError("division by zero")


@stage("train", "Die", inputs=_inputs)
def be_killed(study: Study, _: StageRun, how: str) -> Result:
    """Ends as if the system had killed it."""
    os.write(2, b"something on the way\nthe last words\n")
    os.kill(os.getpid(), int(how))
    raise AssertionError


@stage("train", "Count", inputs=_inputs)
def count_on(study: Study, _: StageRun, network: str) -> Result:
    """Goes on from its checkpoint, a line a step; long, the first time."""
    checkpoint = study.workspace.root / "checkpoint"
    taken_up = checkpoint.exists()
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text(str(os.getpid()))
    study.progress(1, 2)
    if not taken_up:
        time.sleep(60)
    return Result(counts={"taken_up": taken_up})


@stage("train", "Share out", inputs=_inputs)
def share_out(study: Study, _: StageRun, network: str) -> Result:
    """Has processes of its own, which stand ready for more when it ends."""
    return Result(counts={"roots": list(in_processes(math.sqrt, [1, 4, 9], processes=2))})


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(StudySettings(name="apart", workspace=str(tmp_path)))


def children() -> list[psutil.Process]:
    """Processes that run stages for this one."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "bookcover_core.pipeline.stage_worker" in child.cmdline():
                found.append(child)
    return found


def has_ended(process: psutil.Process) -> bool:
    """Whether a process has ended, be it that nobody has asked how."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(autouse=True)
def nobody_is_left():
    """Whatever a test does, no process outlives it."""
    yield
    assert children() == []


def test_lines_and_progress_arrive_in_their_order_in_the_callers_thread(study, caplog, capfd):
    """The log is told here as it was there, progress between its lines, and what libraries print disturbs nothing."""
    heard = []
    telling = Study(study.settings, lambda done, total: heard.append((done, total, len(caplog.records))))
    with caplog.at_level(logging.INFO, "bookcover_core"):
        manifest = run_apart(telling, tell, "LeNet", network="LeNet")
    assert not manifest.reused
    assert manifest.counts["process"] != os.getpid()
    assert heard == [(1, 3, 1), (2, 3, 2), (3, 3, 3)]
    told = [record for record in caplog.records if record.name == "bookcover_core.stage"]
    assert [record.getMessage() for record in told] == [f"epoch {epoch}: 100 %" for epoch in (1, 2, 3)]
    assert {record.threadName for record in told} == {"MainThread"}
    assert "chatter" in capfd.readouterr().err


def test_nothing_is_said_of_what_its_pools_leave_behind(study, capfd):
    """It ends without tidying up: loky's tracker does, and people who read the terminal need not know."""
    assert run_apart(study, share_out, "LeNet", network="LeNet").counts["roots"] == [1, 2, 3]
    assert "leaked" not in capfd.readouterr().err


def test_a_stage_that_stands_starts_no_process(study, monkeypatch):
    """What is done is found here; and what its stage would refuse is refused here."""
    run_apart(study, tell, "LeNet")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    again = run_apart(study, tell, "LeNet")
    assert again.reused
    with pytest.raises(StageOrderError, match="split"):
        run_apart(study, needs_the_split)


def test_what_a_key_depends_on_is_brought_before_it_is_asked_for(study):
    """A listing at an address, say: until a run has brought it, nobody knows the key."""
    assert not Part(needs_what_it_brings).is_sound(study)
    assert run_apart(study, needs_what_it_brings).counts == {"brought": "from afar"}


def _bring(study: Study) -> None:
    write_text(study.workspace.root / "brought", "from afar")


def _of_what_was_brought(study: Study) -> Inputs:
    file = study.workspace.root / "brought"
    if not file.exists():
        raise StageOrderError("it was not brought", where=file)
    return Inputs(given={"brought": file.read_text()})


@stage("train", "Bring", inputs=_of_what_was_brought, fetch=_bring)
def needs_what_it_brings(_: Study, run: StageRun) -> Result:
    """A stage whose run brings what its key depends on."""
    return Result(counts=run.inputs)


@stage("train", "Follow", after=("split",))
def needs_the_split(study: Study, _: StageRun) -> Result:
    """A stage that comes after another."""
    return Result()


def test_errors_are_what_they_were(study, caplog):
    """Class, parts and exit code survive; what is none of ours becomes one of ours, with its traceback in the log."""
    with shared_process():
        with pytest.raises(WeightsError) as met:
            run_apart(study, fail, "weights")
        assert (met.value.what, met.value.where, met.value.advice) == ("no such file", "a.h5", "Name another.")
        with pytest.raises(TrainingError) as failed:
            run_apart(study, fail, "exit code")
        assert failed.value.exit_code == 2
        with pytest.raises(DiskFullError, match=r"there\.npy"):
            run_apart(study, fail, "disk")
        with pytest.raises(WorkerError, match="memory is full"):
            run_apart(study, fail, "memory")
        with pytest.raises(WorkerError, match="ZeroDivisionError: division by zero"):
            run_apart(study, fail, "otherwise")
    assert "in fail" in caplog.text


def test_the_process_stays_for_its_network_and_goes_with_it(study):
    """Within a block: one process for the stages of a network, another for the next network; both end with it."""
    with shared_process():
        with shared_process():
            first = run_apart(study, tell, "one", network="LeNet").counts["process"]
        assert run_apart(study, tell, "two", network="LeNet").counts["process"] == first
        assert run_apart(study, tell, "three", network=None).counts["process"] == first
        with pytest.raises(WeightsError):
            run_apart(study, fail, "weights", network="LeNet")
        assert run_apart(study, tell, "four", network="LeNet").counts["process"] == first
        assert [child.pid for child in children()] == [first]
        second = run_apart(study, tell, "five", network="AlexNet").counts["process"]
        assert [child.pid for child in children()] == [second] != [first]
        children()[0].kill()
        assert come_true(lambda: has_ended(psutil.Process(second)))
        assert run_apart(study, tell, "six", network="AlexNet").counts["process"] != second


def test_two_blocks_at_once_share_nothing(study):
    """Two runs in two threads have processes of their own, also where they work on one network."""
    found: dict[str, set[int]] = {"a": set(), "b": set()}

    def run(name: str) -> None:
        with shared_process():
            for part in "123":
                found[name].add(run_apart(study, tell, name + part, network="LeNet").counts["process"])

    threads = [Thread(target=run, args=(name,)) for name in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {len(processes) for processes in found.values()} == {1}
    assert found["a"] != found["b"]


@pytest.mark.parametrize(
    ("how", "words"),
    [(signal.SIGKILL, ["killed (signal 9)", "memory was full"]), (signal.SIGABRT, ["signal 6", "the last words"])],
)
def test_a_process_that_was_killed_is_named(study, how, words):
    """Which stage, which signal, what it last said, and what to do."""
    with pytest.raises(WorkerError) as met:
        run_apart(study, be_killed, str(int(how)), network="LeNet")
    for word in (f"train/{int(how)}", "start the same command again", *words):
        assert word in str(met.value)


def test_the_time_limit_ends_a_training_that_can_be_taken_up(study):
    """A stage that takes too long is ended, says so, and goes on when it is run again."""
    with shared_process():
        run_apart(study, tell, "warm")
        with pytest.raises(TrainingError, match=r"train/LeNet.*longer than 0\.03 minutes.*training\.time_limit"):
            run_apart(study, count_on, "LeNet", network="LeNet", minutes=0.03)
        assert children() == []
        assert run_apart(study, count_on, "LeNet", network="LeNet", minutes=1).counts == {"taken_up": True}


def test_an_interruption_ends_the_process_at_once(study):
    """Ctrl-C reaches the caller alone, and what it has started ends with it."""

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), shared_process():
        run_apart(Study(study.settings, interrupt), count_on, "LeNet")
    assert not psutil.pid_exists(int((study.workspace.root / "checkpoint").read_text()))


def test_the_process_ends_with_the_one_that_started_it(study):
    """After kill -9 of the caller nobody is left to train for."""
    script = (
        "import sys; from bookcover_core.settings import StudySettings\n"
        "from bookcover_core.pipeline.study import Study\n"
        "from bookcover_core.pipeline.stage_process import run_apart\n"
        "from tests.bookcover_core.pipeline.test_stage_process import count_on\n"
        "run_apart(Study(StudySettings.model_validate_json(sys.argv[1])), count_on, 'LeNet')"
    )
    caller = subprocess.Popen([sys.executable, "-c", script, study.settings.model_dump_json()], cwd=PROJECT)
    checkpoint = study.workspace.root / "checkpoint"
    assert come_true(lambda: checkpoint.exists() and checkpoint.read_text())
    child = psutil.Process(int(checkpoint.read_text()))
    caller.kill()
    caller.wait()
    assert come_true(lambda: has_ended(child))


def test_a_kept_process_waits_for_the_next_block_but_not_for_ever(study, monkeypatch):
    """Blocks that follow each other share a process; when none has come for a while, it ends."""
    monkeypatch.setattr(stage_process, "_KEPT_SECONDS", 60)
    with kept_process():
        first = run_apart(study, tell, "one", network="LeNet").counts["process"]
    (waiting,) = children()
    monkeypatch.setattr(stage_process, "_KEPT_SECONDS", 0.1)
    with kept_process():
        assert run_apart(study, tell, "two", network="LeNet").counts["process"] == first
    assert come_true(lambda: has_ended(waiting))
