"""A lock between processes, for files that several of them change by reading and writing them anew.

The review page, a second one, and a flow may all add to `curation/decisions.csv` at the same time.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bookcover_core.errors import WorkspaceError, from_os_error

# Seconds between two attempts where the system has no lock to wait for.
_PAUSE = 0.02


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold the lock on `file` while the block lasts; whoever else wants it, thread or process, waits.

    The lock is a file beside it, `.<name>.lock`, which stays: the system lets go of it when its holder ends, however
    that ends.

    Raises:
        WorkspaceError, DiskFullError: The folder cannot be written, or its file system knows no locks.
    """
    lock = file.with_name(f".{file.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        holder = lock.open("ab")
    except OSError as error:
        if ours := from_os_error(error, lock):
            raise ours from error
        raise
    with holder:
        try:
            _acquire(holder)
        except OSError as error:
            raise WorkspaceError(
                f"the folder's file system gives no lock ({error.strerror})",
                where=lock,
                advice="Put the study on a local disk, or write the file by hand.",
            ) from error
        yield


if sys.platform == "win32":
    import msvcrt

    def _acquire(holder: BinaryIO) -> None:
        """Wait for the lock; closing the file lets go of it."""
        while True:
            try:
                holder.seek(0)
                msvcrt.locking(holder.fileno(), msvcrt.LK_NBLCK, 1)
            except PermissionError:
                time.sleep(_PAUSE)
            else:
                return

else:
    import fcntl

    def _acquire(holder: BinaryIO) -> None:
        """Wait for the lock; closing the file lets go of it."""
        fcntl.flock(holder, fcntl.LOCK_EX)
