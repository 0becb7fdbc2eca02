"""The exceptions of this project, as one tree.

    BookcoverError
    ├── InputError      what the person gave is wrong: exit code 2
    │       SettingsError, ListingError, FolderError, GenreError, DecisionsError, WeightsError, PreflightError,
    │       StageOrderError, WorkspaceError (StudyBusyError)
    └── FailureError    the input was right, the work failed: exit code 1
            DownloadError, ReviewNeededError, PoolExhaustedError, DiskFullError, WorkerError, SharedStoreError,
            TrainingError, ServerError

Every message says what was wrong, where (file and line, record, setting), and what to do now.
"""

import errno
import logging
import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path

# Characters that would command a terminal: names and titles come from strangers.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def spell_controls(text: str) -> str:
    """`text` with its control characters spelled out, tabs and ends of lines aside."""
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], text)


@cache
def warn_once(logger: logging.Logger, text: str, *of: object) -> None:
    """Log a warning, once a process: a run reads its listings ahead, say, to tell what is wrong, and in their stage."""
    logger.warning(text, *of)


class BookcoverError(Exception):
    """Base class of all exceptions that this project raises.

    Args:
        what: What was wrong, as a sentence without its full stop.
        where: The file, file and line, record or setting that it concerns.
        advice: What to do now.
    """

    exit_code: int = 1

    def __init__(self, what: str, *, where: str | Path | None = None, advice: str = "") -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.advice = advice
        super().__init__(what, self.where, advice)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.advice}" if self.advice else ""
        return spell_controls(f"{place}{self.what}.{advice}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self}"

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), self.what, where=self.where, advice=self.advice), (), vars(self)


class InputError(BookcoverError):
    """What the person gave is wrong."""

    exit_code = 2


class SettingsError(InputError):
    """A setting that is unknown or impossible."""


class ListingError(InputError):
    """A listing that is missing or malformed."""


class FolderError(InputError):
    """A folder or archive of pictures that cannot be used."""


class GenreError(InputError):
    """Too few genres, or too few books in one."""


class DecisionsError(InputError):
    """A file of review decisions that cannot be read."""


class WorkspaceError(InputError):
    """A study's folder that cannot be written."""


class StudyBusyError(WorkspaceError):
    """A study that another run is at."""


class WeightsError(InputError):
    """Model weights that are missing, altered or of another network."""


class PreflightError(InputError):
    """Several things that a study needs are missing or wrong."""


class StageOrderError(InputError):
    """A stage asked for before the stages that it builds on."""

    stage: str = ""  # name of the stage that is missing, where one is


class FailureError(BookcoverError):
    """The input was right, the work failed."""


class DownloadError(FailureError):
    """Image or listing hosts that do not answer."""


class ReviewNeededError(FailureError):
    """Box-set candidates that a person must decide on."""


class PoolExhaustedError(FailureError):
    """No book left in the pool to replace another."""


class DiskFullError(FailureError):
    """No space left to write on."""


class WorkerError(FailureError):
    """A process that was killed, or failed unforeseen, while it did part of the work."""


class SharedStoreError(FailureError):
    """A store that homes share that does not answer, or refuses."""


class TrainingError(FailureError):
    """One or more networks that could not be trained."""


class ServerError(FailureError):
    """A Prefect server that does not start or answer."""


_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def spelt_alike(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> str:
    """Those of the `known` names that are spelt like `name`, whatever their case, the most alike first; or nothing."""
    spelt = {each.casefold(): each for each in known}
    return " or ".join(spelt[match] for match in get_close_matches(name.casefold(), spelt, most, cutoff))


def choose_among(name: str, known: Iterable[str]) -> str:
    """Advice for somebody who wrote `name`, which is none of the `known` names."""
    known = list(known)
    meant = spelt_alike(name, known)
    return (f"Did you mean {meant}? " if meant else "") + f"Choose among {', '.join(known)}."


def error_named(name: str) -> type[BookcoverError]:
    """The class of this tree with that name, by which a process tells another of an error."""
    found: type[BookcoverError] = globals()[name]
    return found


def from_os_error(error: OSError, path: Path) -> BookcoverError | None:
    """`DiskFullError` or `WorkspaceError` for a system's error met while writing `path`; None when it is neither."""
    if error.errno in _DISK_FULL:
        advice = "Free some space and start the same command again: what is done is kept."
        return DiskFullError("no space is left on the disk", where=path, advice=advice)
    if error.errno in _NOT_WRITABLE:
        advice = "Mend its permissions, or choose another folder: for studies, with the setting `workspace`."
        return WorkspaceError(f"cannot be written ({error.strerror})", where=path, advice=advice)
    return None
