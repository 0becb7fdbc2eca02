"""Locks between processes, which the system lets go of when their holder ends, however that ends."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bookcover_core.errors import WorkspaceError, from_os_error

_PAUSE = 0.02  # seconds between two attempts at a lock


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold the lock on `file`, `.<name>.lock` beside it, while the block lasts; whoever else wants it waits.

    `WorkspaceError` or `DiskFullError` where the folder cannot be written, or its file system knows no locks.
    """
    with _open(file) as holder:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX)
        except OSError as error:
            what = f"the folder's file system gives no lock ({error.strerror})"
            advice = "Put the study on a local disk, or write the file by hand."
            raise WorkspaceError(what, where=holder.name, advice=advice) from error
        yield


@contextmanager
def turn(
    file: Path, if_taken: Callable[[], None], *, patience: float = 0.0, shared: bool = False
) -> Iterator[BinaryIO]:
    """Hold the lock on `file`, which is open, while the block lasts; where the file system knows no locks, go without.

    Where somebody else holds it for `patience` seconds, `if_taken` raises, or says so before it is waited for. A
    `shared` lock is held together with others who share it.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with _open(file) as holder:
        until = time.monotonic() + patience
        while (is_free := _try(holder, how)) is False and time.monotonic() < until:
            time.sleep(_PAUSE)
        if is_free is False:
            if_taken()
            fcntl.flock(holder, how)
        yield holder


@contextmanager
def alone_at(file: Path) -> Iterator[bool]:
    """Whether nobody else holds the lock on `file`, which is held then while the block lasts; raises as `turn`."""
    with _open(file) as holder:
        yield _try(holder, fcntl.LOCK_EX) is not False


def look(file: Path) -> tuple[str, bool | None]:
    """What stands in the lock on `file`, and whether anybody holds it; None where the file system knows no locks."""
    try:
        lock = _lock_of(file).open("r+b")
    except OSError:
        return "", False
    with lock:
        is_free = _try(lock, fcntl.LOCK_EX)
        return lock.read().decode(errors="replace"), None if is_free is None else not is_free


def _lock_of(file: Path) -> Path:
    return file.with_name(f".{file.name}.lock")


def _open(file: Path) -> BinaryIO:
    lock = _lock_of(file)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("ab")
    except OSError as error:
        raise from_os_error(error, lock) or error from error


def _try(holder: BinaryIO, how: int) -> bool | None:
    """Take the lock, unless somebody has it: whether it was taken; None where the file system knows no locks."""
    try:
        fcntl.flock(holder, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
