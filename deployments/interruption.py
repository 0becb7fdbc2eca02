"""Ctrl-C while nothing is at work yet, and while libraries are imported, which raise what they like when interrupted.

The program sets it first of all: this module imports nothing that takes time.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

INTERRUPTED = "\nInterrupted."
"""What the person is told, below the ^C of the terminal."""


def end_at_once() -> None:
    """Let Ctrl-C end the program with a word, until `raise_as_usual`; where it is ignored, it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(OSError):  # there is no stream to tell it on
            signal.signal(signal.SIGINT, partial(_end, os.dup(2)))  # TensorFlow is imported with another in its place


def raise_as_usual() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` from now on: what is at work has something to tidy up."""
    if isinstance(usual := signal.getsignal(signal.SIGINT), partial) and usual.func is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Have Ctrl-C wait for the end of this block, which imports what would not end by it, or not with a word."""
    pressed: list[int] = []
    try:
        usual = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    except ValueError:  # a thread, which is not interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _end(stream: int, _number: int, _frame: FrameType | None) -> None:
    with suppress(Exception):  # it may have been at this very stream
        sys.stdout.flush()
    with suppress(OSError):
        os.write(stream, f"{INTERRUPTED}\n".encode())
    os._exit(130)
