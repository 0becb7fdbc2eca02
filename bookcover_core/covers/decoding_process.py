"""Decoding that may be costly, in processes that can be ended (`decoding_worker`).

A small file can take its decoder minutes or gigabytes, whatever its header says. Images that are costly by their header
(`image_checks.is_costly`) are checked in a process with a limit on its memory. One that exceeds its time is ended, and
the next image gets a new process.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import bookcover_core

# Seconds that one image may take: 50 million pixels of a progressive JPEG take four.
MOST_SECONDS = 20.0

_HOME = str(Path(bookcover_core.__file__).parents[1])


class DecodingLimitError(Exception):
    """An image that takes its decoder too much time or memory."""


class _DecodingProcess:
    """One process, which decodes one image after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bookcover_core.covers.decoding_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [_HOME, os.environ.get("PYTHONPATH")]))},
        )

    def ask(self, request: dict[str, Any], body: bytes, seconds: float) -> dict[str, Any]:
        """The answer of the process.

        Raises:
            DecodingLimitError: There was none in time, or the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        line = b""
        try:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps({**request, "bytes": len(body)}).encode() + b"\n" + body)
                self._process.stdin.flush()
                line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if is_late.is_set() or not line.endswith(b"\n"):
            self.close()
            raise DecodingLimitError(f"not decoded in {seconds:g} s" if is_late.is_set() else "its decoder broke down")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.kill()
        self._process.wait()


_idle: SimpleQueue[_DecodingProcess] = SimpleQueue()


def ask_apart(request: dict[str, Any], body: bytes, *, seconds: float = MOST_SECONDS) -> dict[str, Any]:
    """What a decoding process answers to `request` about `body`. May be called by several threads.

    Args:
        request: Keyword arguments of `image_checks.check_here`, as JSON.
        body: The image.
        seconds: How long it may take.

    Raises:
        DecodingLimitError: It took too long, or more memory than a process may use.
        OSError: The process cannot be started.
    """
    try:
        process = _idle.get_nowait()
    except Empty:
        process = _DecodingProcess()
    answer = process.ask(request, body, seconds)
    _idle.put(process)
    if "shortage" in answer:
        raise DecodingLimitError(answer["shortage"])
    return answer
