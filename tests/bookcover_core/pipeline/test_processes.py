"""Work in processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread

import psutil
import pytest
from loky.process_executor import _ExecutorManagerThread

from bookcover_core.errors import DiskFullError, WorkerError
from bookcover_core.pipeline import processes
from bookcover_core.pipeline.processes import in_processes
from tests.waiting import come_true

PROJECT = Path(__file__).parents[3]


def square(number: int) -> int:
    return number * number


def squares_later(number: int) -> int:
    """Even numbers take longer than odd ones."""
    time.sleep(0.05 if number % 2 == 0 else 0)
    return number * number


def process(_number: object) -> int:
    return os.getpid()


def loaded(_number: object) -> list[str]:
    return sorted({name.partition(".")[0] for name in sys.modules})


def fill_the_disk(number: int) -> int:
    if number == 3:
        raise DiskFullError("no space is left", where="there.jpg", advice="Free some.")
    return number


def divide_by(number: int) -> float:
    return 1 / number


def be_killed(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def take_long(_number: int) -> None:
    time.sleep(60)


def take_long_from(first: int, number: int) -> int:
    """A minute's work for all numbers from `first` on, none for those before."""
    if number >= first:
        time.sleep(60)
    return number


def write_slowly(file: Path, number: int) -> int:
    """Half a second's work that leaves a mark when it has come to its end."""
    if number:
        time.sleep(0.5)
        file.with_name(f"{file.name}{number}").touch()
    return number


def workers() -> set[int]:
    """Ids of the processes that this process has started to work."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "LokyProcess" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


@pytest.fixture(autouse=True)
def nobody_stands_ready() -> Iterator[None]:
    """Each test starts its own processes, and leaves none behind."""
    dismiss_all()
    yield
    dismiss_all()
    assert come_true(lambda: not workers())


def dismiss_all() -> None:
    while processes._ready:
        processes._ready.popitem()[1].shutdown()


def test_outcomes_come_in_the_order_of_the_batches():
    """Whichever process is done first, outcomes come in order, from processes of their own, and none is lost."""
    assert list(in_processes(squares_later, range(20), processes=2)) == [number**2 for number in range(20)]
    pids = set(in_processes(process, range(12), processes=2))
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_cores_are_the_default():
    """Without a number, there are as many processes as cores that this process may use."""
    assert list(in_processes(square, range(5))) == [0, 1, 4, 9, 16]
    assert all(number == len(os.sched_getaffinity(0)) for number in processes._ready)


@pytest.mark.parametrize(("batches", "number"), [([3], 2), ([], 2), ([3, 4, 5], 1)])
def test_one_process_or_one_batch_needs_no_other(batches, number):
    """Where nothing can be done side by side, the work is done in the calling process."""
    assert list(in_processes(process, batches, processes=number)) == [os.getpid()] * len(batches)
    assert not workers()


def test_batches_are_drawn_as_they_are_needed():
    """Endless batches are no trouble: only a few are drawn ahead of the outcomes."""
    drawn = []

    def numbers() -> Iterator[int]:
        while True:
            drawn.append(len(drawn))
            yield drawn[-1]

    outcomes = in_processes(square, numbers(), processes=2)
    assert drawn == []
    for number in range(50):
        assert next(outcomes) == number**2
        assert len(drawn) <= number + 5
    outcomes.close()


def test_an_error_comes_as_it_is():
    """What the work raises in its process is raised here: kind, place and advice; outcomes before it are given."""
    outcomes = in_processes(fill_the_disk, range(10), processes=2)
    assert [next(outcomes) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DiskFullError) as caught:
        next(outcomes)
    assert (caught.value.what, caught.value.where, caught.value.advice) == (
        "no space is left",
        "there.jpg",
        "Free some.",
    )
    with pytest.raises(ZeroDivisionError):
        list(in_processes(divide_by, [2, 1, 0], processes=2))
    assert come_true(lambda: not workers())


def test_an_error_of_the_batches_comes_as_it_is():
    """When the batches themselves fail, their error is raised and the processes end."""

    def numbers() -> Iterator[int]:
        yield from range(3)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(in_processes(square, numbers(), processes=2))
    assert come_true(lambda: not workers())


@pytest.mark.parametrize("last", [3, 9])
def test_a_killed_process_is_told(last):
    """A process that is killed (out of memory, say) is an error that says so and what to do; the next call works."""
    with pytest.raises(WorkerError, match=r"was killed\. .*memory.*start the same command again"):
        list(in_processes(be_killed, range(last + 1), processes=2))
    assert list(in_processes(square, range(3), processes=2)) == [0, 1, 4]


def test_processes_stand_ready_for_the_next_call(monkeypatch):
    """Calls that follow each other share their processes; when no call follows, the processes end."""
    assert set(in_processes(process, range(30), processes=2)) <= workers()
    before = workers()
    list(in_processes(process, range(30), processes=2))
    assert workers() == before
    dismiss_all()
    monkeypatch.setattr(processes, "_READY_SECONDS", 0.1)
    list(in_processes(process, range(30), processes=2))
    assert come_true(lambda: not workers())
    assert list(in_processes(square, range(3), processes=2)) == [0, 1, 4]


def test_a_process_killed_between_calls_does_no_harm():
    """When one that stands ready is killed, the next call starts others."""
    list(in_processes(square, range(3), processes=2))
    before = workers()
    os.kill(min(before), signal.SIGKILL)
    assert come_true(lambda: not before & workers())
    assert list(in_processes(square, range(3), processes=2)) == [0, 1, 4]


def test_a_closed_iterator_leaves_no_process():
    """Who stops asking ends the processes, even those in the middle of long work."""
    outcomes = in_processes(partial(take_long_from, 1), range(10), processes=2, grace=0.2)
    assert next(outcomes) == 0
    assert len(workers()) == 2
    outcomes.close()
    assert come_true(lambda: not workers())


def test_a_busy_machine_leaves_no_process(monkeypatch):
    """Also when the pool's thread gets its turn late, and hears late of a batch that was cancelled."""
    look = _ExecutorManagerThread.wait_result_broken_or_wakeup

    def look_late(thread: _ExecutorManagerThread) -> object:
        found = look(thread)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(_ExecutorManagerThread, "wait_result_broken_or_wakeup", look_late)
    outcomes = in_processes(partial(take_long_from, 4), range(10), processes=2, grace=0.1)
    for number in range(3):
        assert next(outcomes) == number
        time.sleep(1.5 * (number < 2))  # it has heard of all that was done
    outcomes.close()
    assert not workers()


def test_short_work_may_come_to_its_end(tmp_path):
    """When the iterator is closed, batches that have been begun are finished, so that nothing is left half-written."""
    outcomes = in_processes(partial(write_slowly, tmp_path / "mark"), range(100), processes=2)
    next(outcomes)
    outcomes.close()
    assert not workers()
    assert 1 <= len(list(tmp_path.iterdir())) <= 4


def test_threads_may_call():
    """It works in several threads at a time (Prefect runs tasks in threads), each with outcomes of its own."""
    found: dict[int, list[int]] = {}

    def call(start: int) -> None:
        found[start] = list(in_processes(squares_later, range(start, start + 8), processes=2))

    threads = [Thread(target=call, args=(start,)) for start in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {start: [number**2 for number in range(start, start + 8)] for start in (0, 100)}


def test_processes_do_not_import_what_they_do_not_need():
    """Neither TensorFlow nor Prefect nor the main module of the caller is imported."""
    [modules, _] = in_processes(loaded, range(2), processes=2)
    assert not {"tensorflow", "keras", "prefect", "flows", "tasks", "deployments"} & set(modules)


def test_another_copy_of_loky_starts_none_of_ours():
    """Joblib brings one, which would import scikit-learn's half of the world into each of them."""
    import joblib.externals.loky  # noqa: F401 - here, that it be the last

    [modules, _] = in_processes(loaded, range(2), processes=2)
    assert "joblib" not in modules


def start(tmp_path: Path, script: str, mark: str) -> subprocess.Popen[str]:
    """A program of its own that calls `in_processes` without any guard; its processes are known by `mark`."""
    file = tmp_path / "program.py"
    file.write_text("print('imported', flush=True)\n" + textwrap.dedent(script))
    return subprocess.Popen(
        [sys.executable, str(file)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "MARK_OF_TEST": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def marked(mark: str) -> set[int]:
    """Ids of all processes that were started with `mark`."""
    found = set()
    for candidate in psutil.process_iter():
        with suppress(psutil.Error):
            if candidate.environ().get("MARK_OF_TEST") == mark and candidate.status() != psutil.STATUS_ZOMBIE:
                found.add(candidate.pid)
    return found


def test_a_program_needs_no_guard(tmp_path):
    """A script may call it at its top level: it is not imported again, and everything ends when the script ends."""
    script = """
        from bookcover_core.pipeline.processes import in_processes
        from tests.bookcover_core.pipeline.test_processes import square
        print(list(in_processes(square, range(4), processes=2)))
        outcomes = in_processes(square, range(100), processes=2)
        next(outcomes)
    """
    program = start(tmp_path, script, "guard")
    out, err = program.communicate(timeout=60)
    assert (out.splitlines(), err) == (["imported", "[0, 1, 4, 9]"], "")
    assert come_true(lambda: not marked("guard"))


BUSY = """
    from functools import partial
    from bookcover_core.pipeline.processes import in_processes
    from tests.bookcover_core.pipeline.test_processes import take_long_from
    for outcome in in_processes(partial(take_long_from, 1), range(9), processes=2, grace=0.2):
        print("working", flush=True)
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_program_leaves_no_orphans(tmp_path, kind):
    """When the calling process is killed, even with -9, its processes end by themselves, amid their work."""
    program = start(tmp_path, BUSY, f"killed-{kind}")
    assert program.stdout is not None
    assert [program.stdout.readline().strip() for _ in range(2)] == ["imported", "working"]
    assert len(marked(f"killed-{kind}")) >= 3
    program.send_signal(kind)
    program.wait(timeout=120)
    assert come_true(lambda: not marked(f"killed-{kind}"))
    program.communicate()


def test_ctrl_c_is_told_once(tmp_path):
    """Ctrl-C, which a terminal sends to all processes, ends them with the caller's own traceback alone."""
    program = start(tmp_path, BUSY, "c")
    assert program.stdout is not None
    assert [program.stdout.readline().strip() for _ in range(2)] == ["imported", "working"]
    time.sleep(0.5)  # the caller waits by now: an interruption on the way there is told by Python with more words
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=120)
    assert err.count("KeyboardInterrupt") == 1
    assert "_process_worker" not in err  # the function of loky that all of them are in
    assert come_true(lambda: not marked("c"))
