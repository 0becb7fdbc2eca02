"""A lock between processes, for files that several of them change by reading and writing them anew.

The review page, a second one, and a flow may all add to `curation/decisions.csv` at the same time.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookcover_core.errors import WorkspaceError, from_os_error


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
            fcntl.flock(holder, fcntl.LOCK_EX)
        except OSError as error:
            raise WorkspaceError(
                f"the folder's file system gives no lock ({error.strerror})",
                where=lock,
                advice="Put the study on a local disk, or write the file by hand.",
            ) from error
        yield
