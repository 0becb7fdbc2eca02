"""Decoding that may be costly, in processes that can be ended (`decoding_worker`).

A small file can take its decoder minutes or gigabytes, whatever its header says. So images that are costly by their
header (`image_checks.costly_profile`) are checked in a process with limits on its processor time and memory. On a busy
machine an image may wait; that is no verdict on it.
"""

import errno
import json
import signal
import subprocess
from contextlib import suppress
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, PollSelector
from typing import Any

from bookcover_core.pipeline.python_process import start_module

# Seconds of processor time that one image may take: 50 million pixels take about ten in the slowest format, JPEG 2000.
MOST_SECONDS = 30

MOST_WAITING = 300.0  # seconds that pass before an image is left for the next run, however little of a processor it got
_GRACE_SECONDS = 5.0  # seconds that a process may take to end by itself


class DecodingLimitError(Exception):
    """An image that takes its decoder too much time or memory."""


class _DecodingProcess:
    """One process, which decodes one image after the other."""

    def __init__(self) -> None:
        self._process = start_module(
            "bookcover_core.covers.decoding_worker", stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )

    def ask(self, request: dict[str, Any], body: bytes, waiting: float) -> dict[str, Any]:
        """The answer of the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line, is_late = b"", False
        with suppress(BrokenPipeError), PollSelector() as answers:
            self._process.stdin.write(json.dumps({**request, "bytes": len(body)}).encode() + b"\n" + body)
            self._process.stdin.flush()
            answers.register(self._process.stdout, EVENT_READ)
            is_late = not answers.select(waiting)
            if is_late:
                self._process.kill()
            line = self._process.stdout.readline()
        if line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        ended = self.close()
        if is_late:
            raise TimeoutError(f"not decoded in {waiting:g} s on a busy machine")
        if ended == -signal.SIGKILL:
            raise OSError(errno.ENOMEM, "the system ended the process that decoded it")
        is_slow = ended == -signal.SIGXCPU
        raise DecodingLimitError(
            f"decoding takes more than {request['seconds']} s" if is_slow else "breaks its decoder"
        )

    def close(self) -> int:
        """Wait for the process, which has ended or reads the end of its input; how it ended, a signal negative."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            return self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


_idle: SimpleQueue[_DecodingProcess] = SimpleQueue()


def ask_apart(
    request: dict[str, Any], body: bytes, *, seconds: int = MOST_SECONDS, waiting: float = MOST_WAITING
) -> dict[str, Any]:
    """What a decoding process answers to `request`, arguments of `image_checks.check_here`. Any thread may call it.

    It may take so many seconds of a processor, and is waited for so long.

    Raises:
        DecodingLimitError: It took too much time or memory, or broke its decoder.
        OSError: A process cannot be started, gave no answer in time, or was ended by the system.
    """
    try:
        process = _idle.get_nowait()
    except Empty:
        process = _DecodingProcess()
    answer = process.ask({**request, "seconds": seconds}, body, waiting)
    _idle.put(process)
    if "shortage" in answer:
        raise DecodingLimitError(answer["shortage"])
    return answer
