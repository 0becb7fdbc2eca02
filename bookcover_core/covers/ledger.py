"""The ledger: the outcome of each book's cover, one row each, chunk by chunk.

During a download each row is appended to a journal (ledger/chunk-0001.jsonl) at once: a killed process loses only what
was in flight. At the end all rows are written as one table (ledger/chunk-0001.csv), and the journal is removed.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from bookcover_core.errors import from_os_error
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.workspace import read_csv, write_csv


class CoverOutcome(StrEnum):
    """The outcome of a cover."""

    OK = "ok"  # it is stored under covers/
    MISSING = "missing"  # its host, or folder, does not have it
    AMBIGUOUS = "ambiguous"  # several local files fit it, or one fits several books: nothing is guessed
    PLACEHOLDER = "placeholder"  # a picture that says "no image available", or one too small for a cover
    NOT_AN_IMAGE = "not an image"  # a web page, nothing at all, or a damaged picture
    TRUNCATED = "truncated"  # a picture that breaks off
    TOO_LARGE = "too large"  # more bytes or pixels than the settings allow
    REFUSED = "refused"  # the host refuses it, or its address must not be requested
    FAILED = "failed for now"  # time-outs, resets, errors of the host: requested again by the next run


class LedgerRow(NamedTuple):
    """Outcome and retrieval (`cover_store.Retrieval`) of one cover. Unknown numbers are 0, unknown texts empty."""

    key: str
    outcome: str
    status: int = 0
    attempts: int = 0
    address: str = ""
    path: str = ""  # the cover, relative to the study's folder
    bytes: int = 0
    mtime_ns: int = 0
    sha256: str = ""  # of what arrived, cover or not
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    detail: str = ""  # what was wrong; of a cover that is ok, the equivalent name under which it was found


class KnownRow(NamedTuple):
    """A row of an earlier run."""

    row: LedgerRow
    run: str  # key of the stage run that made it; empty where unknown


class LedgerJournal:
    """The rows of a chunk in progress, each on disk as soon as it is appended, with the key of the stage run."""

    def __init__(self, file: Path, run: str) -> None:
        self.file = file
        self.run = run
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._lines = file.open("ab", buffering=0)
            if self._lines.tell():
                self._lines.write(b"\n")  # the last line of a run that was killed may be torn; a blank one is skipped
        except OSError as error:
            raise from_os_error(error, file) or error from error

    def append(self, row: LedgerRow) -> None:
        """Append a row; `DiskFullError` where no space is left, and the rows before it stand."""
        line = (json.dumps({"run": self.run, **row._asdict()}, ensure_ascii=False) + "\n").encode()
        try:
            # One call for the whole line: several processes may append to one journal.
            written = self._lines.write(line)
            while written < len(line):
                written += self._lines.write(line[written:])
        except OSError as error:
            raise from_os_error(error, self.file) or error from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()


def read_journal(file: Path) -> dict[str, KnownRow]:
    """The last row of each book in a journal; empty where there is none."""
    with suppress(FileNotFoundError), file.open("rb") as lines:
        return {known.row.key: known for known in new_rows(lines)}
    return {}


def new_rows(journal: BinaryIO) -> Iterator[KnownRow]:
    """The rows that were appended to an open journal since the last call. Incomplete lines are skipped."""
    for line in iter(journal.readline, b""):
        if not line.endswith(b"\n"):
            journal.seek(-len(line), os.SEEK_CUR)  # the rest is on its way
            return
        with suppress(ValueError, TypeError, KeyError, AttributeError):  # of a process that was killed
            values = json.loads(line)
            run = values.pop("run")
            yield KnownRow(LedgerRow(**_shared(values)), run)


def write_rows(file: Path, rows: Iterable[LedgerRow]) -> None:
    """Write a chunk's table, whole or not at all."""
    write_csv(file, LedgerRow._fields, rows)


def read_rows(file: Path) -> list[LedgerRow]:
    """The rows of a chunk's table; empty where there is none, or none of this form."""
    numbers = {name: type(value) for name, value in LedgerRow._field_defaults.items() if not isinstance(value, str)}
    try:
        columns, *rows = read_csv(file)
        tables = (_shared(dict(zip(columns, row, strict=True))) for row in rows)
        return [LedgerRow(**row | {name: kind(row[name] or 0) for name, kind in numbers.items()}) for row in tables]
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return []


def _shared(values: dict[str, Any]) -> dict[str, Any]:
    """The values with repeated texts interned: a third of a row's memory."""
    return values | {name: sys.intern(values[name]) for name in ("outcome", "format", "mode")}


def count_outcomes(rows: Iterable[LedgerRow]) -> dict[str, int]:
    """Rows by outcome, in the order of `CoverOutcome`, without zeros."""
    count = Counter(row.outcome for row in rows)
    return {outcome.value: count[outcome] for outcome in CoverOutcome if count[outcome]}


def rows_digest(rows: Iterable[LedgerRow]) -> str:
    """Digest that later stages depend on: key, outcome and content of each cover, not when or how it was retrieved."""
    return digest_of(sorted([row.key, row.outcome, row.sha256] for row in rows))
