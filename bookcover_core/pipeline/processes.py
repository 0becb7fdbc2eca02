"""Processes: work on many batches, on all cores, with the outcomes in order.

The processes are started anew, never forked from one in which TensorFlow has threads, and they import what the work
needs and nothing else: not the program that started them, be it Prefect or a script without a guard of its main part.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import chain, islice
from multiprocessing import resource_tracker
from threading import Lock
from typing import TypeVar

from loky import BrokenProcessPool, ProcessPoolExecutor, cpu_count
from loky.backend.context import LokyContext
from loky.process_executor import ShutdownExecutorError, TerminatedWorkerError

from bookcover_core.errors import WorkerError
from bookcover_core.pipeline.python_process import attend, own_environment

Batch = TypeVar("Batch")
Outcome = TypeVar("Outcome")

_AHEAD = 2  # batches for each process that are handed out: the one that it works on and the next, so that none waits
_READY_SECONDS = 10.0  # for which idle processes stand ready for the next call: to start them takes half a second
_NOTICE_SECONDS = 10.0  # that the pool's own thread may take, on a busy machine, to learn of batches cancelled

# What a process may take more than after its first batch, in bytes, before loky starts another in its place. A reader
# of covers, which compiles for each width that it meets, grows by the 300 MB that loky takes for a leak, and no more.
_GROWTH = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e9"}


def in_threads(
    work: Callable[[Batch], Outcome], items: Iterable[Batch], *, threads: int | None = None, ahead: int
) -> Iterator[Outcome]:
    """The outcome of `work` on each item, in order, by threads (default: one a core) up to `ahead` items in front."""
    waiting: deque[Future[Outcome]] = deque()
    pool = ThreadPoolExecutor(threads or os.cpu_count(), thread_name_prefix="ahead")
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_processes(
    work: Callable[[Batch], Outcome], batches: Iterable[Batch], *, processes: int | None = None, grace: float = 5.0
) -> Generator[Outcome, None, None]:
    """The outcome of `work` on each batch, in the order of the batches, computed in processes of their own.

    Batches are drawn as they are needed, a few ahead of the outcomes. Where one process is wanted, or there is but one
    batch, the work is done right here. Where the caller stops earlier, by an error or by closing the iterator
    (`contextlib.closing` does both), the processes have `grace` seconds to come to an end, and are then killed.

    Args:
        work: A function of a module, or `functools.partial` of one.
        batches: What it is called with, one after the other.
        processes: How many processes; by default as many as cores may be used (LOKY_MAX_CPU_COUNT).
        grace: Seconds that they have to come to an end.

    Raises:
        WorkerError: A process was killed. What `work` or `batches` raise comes as it is.
    """
    wanted = cpu_count() if processes is None else processes
    drawn = iter(batches)
    first = list(islice(drawn, 2))
    if wanted <= 1 or len(first) <= 1:
        yield from map(work, chain(first, drawn))
        return
    workers = _take(wanted)
    pending: deque[Future[Outcome]] = deque()
    ended = False
    try:
        for batch in chain(first, drawn):
            pending.append(workers.submit(work, batch))
            if len(pending) == _AHEAD * wanted:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        ended = True
    except TerminatedWorkerError as error:
        memory = "Most often the memory was full: close other programs, or give the machine more, and start"
        advice = f"{memory} the same command again: what is done is kept."
        raise WorkerError("a process that did part of the work was killed", advice=advice) from error
    finally:
        if ended:
            with _ready_lock:
                is_kept = _ready.setdefault(wanted, workers) is workers
            if not is_kept:
                workers.shutdown()
        else:
            _stop(workers, pending, grace)


# Processes that stand ready, by how many they are: idle ones end by themselves, and are started again when wanted.
_ready: dict[int, ProcessPoolExecutor] = {}
_ready_lock = Lock()


def _take(processes: int) -> ProcessPoolExecutor:
    """Processes that stand ready, or new ones."""
    with _ready_lock:
        ready = _ready.pop(processes, None)
    if ready is not None:
        with suppress(BrokenProcessPool, ShutdownExecutorError):
            return _started(ready)
    return _started(
        ProcessPoolExecutor(
            processes,
            context=LokyContext(),  # unnamed, it would be that of whichever copy of loky was imported last
            timeout=_READY_SECONDS,
            initializer=attend,
            initargs=(os.getpid(),),
            env=own_environment() | _GROWTH,
        )
    )


def _started(workers: ProcessPoolExecutor) -> ProcessPoolExecutor:
    """The same, once its processes are started."""
    # Ctrl-C is for the caller alone, from the first moment on: what is held back here is held back in them for good.
    # The tracker, a process that they share, would let it through again when it starts.
    resource_tracker.ensure_running()
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        workers.submit(int)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
    return workers


def _stop(workers: ProcessPoolExecutor, pending: Collection[Future[Outcome]], grace: float) -> None:
    """End `workers`; what they are at may come to its end, so that no half-written file is left, but not for long."""
    late = True
    try:
        running = {future for future in pending if not future.cancel()}
        late = bool(wait(running, timeout=grace).not_done)
        # Told to kill while it holds batches of whose end it has not heard, the pool's thread would fail and kill none.
        wait(set(pending) - running, timeout=_NOTICE_SECONDS)
    finally:
        workers.shutdown(kill_workers=late)
