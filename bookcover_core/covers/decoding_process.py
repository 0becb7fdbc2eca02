"""Decoding that may be costly, in processes that can be ended (`decoding_worker`).

A small file can take its decoder minutes or gigabytes. So images that are costly by their header
(`image_checks.costly_profile`) are checked in a process with limits on its processor time and memory.
"""

import errno
import json
import signal
from contextlib import suppress
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, PollSelector
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Any

from bookcover_core.pipeline.python_process import start_module

# Seconds of processor time that one image may take: 50 million pixels take about ten in the slowest format, JPEG 2000.
MOST_SECONDS = 30
MOST_WAITING = 300.0  # seconds that pass before an image is left for the next run, however little of a processor it got
_GRACE_SECONDS = 5.0  # seconds that a process may take to end by itself


class DecodingLimitError(Exception):
    """An image that takes its decoder too much time or memory."""


_idle: SimpleQueue[Popen[bytes]] = SimpleQueue()


def ask_apart(
    request: dict[str, Any], body: bytes, *, seconds: int = MOST_SECONDS, waiting: float = MOST_WAITING
) -> dict[str, Any]:
    """What a process answers to `request`, arguments of `image_checks.check_here`, within `seconds` of a processor.

    Any thread may call it. It waits for so many seconds of a clock: that a machine is busy is no verdict on an image.
    Raises `DecodingLimitError` where it took too much time or memory, or broke its decoder; `OSError` where a process
    cannot be started, gave no answer in time, or was ended by the system.
    """
    try:
        process = _idle.get_nowait()
    except Empty:
        process = _start()
    assert process.stdin is not None
    assert process.stdout is not None
    line, is_late = b"", False
    with suppress(BrokenPipeError), PollSelector() as answers:
        head = {**request, "seconds": seconds, "bytes": len(body)}
        process.stdin.write(json.dumps(head).encode() + b"\n" + body)
        process.stdin.flush()
        answers.register(process.stdout, EVENT_READ)
        is_late = not answers.select(waiting)
        if is_late:
            process.kill()
        line = process.stdout.readline()
    if not line.endswith(b"\n"):
        ended = _end(process)
        if is_late:
            raise TimeoutError(f"not decoded in {waiting:g} s on a busy machine")
        if ended == -signal.SIGKILL:
            raise OSError(errno.ENOMEM, "the system ended the process that decoded it")
        is_slow = ended == -signal.SIGXCPU
        raise DecodingLimitError(f"decoding takes more than {seconds} s" if is_slow else "breaks its decoder")
    _idle.put(process)
    answer: dict[str, Any] = json.loads(line)
    if "shortage" in answer:
        raise DecodingLimitError(answer["shortage"])
    return answer


def _start() -> Popen[bytes]:
    return start_module("bookcover_core.covers.decoding_worker", stdin=PIPE, stdout=PIPE, process_group=0)


def _end(process: Popen[bytes]) -> int:
    """Wait for a process that has ended or reads the end of its input; how it ended, a signal negative."""
    for pipe in filter(None, (process.stdin, process.stdout)):
        with suppress(BrokenPipeError):
            pipe.close()
    try:
        return process.wait(_GRACE_SECONDS)
    except TimeoutExpired:
        process.kill()
        return process.wait()
