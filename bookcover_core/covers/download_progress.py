"""Progress of one chunk's download: its rows, its journal, its progress callback and its log."""

import logging
import time
from collections.abc import Callable, Iterable

from bookcover_core.covers.ledger import LedgerJournal, LedgerRow, count_outcomes

logger = logging.getLogger(__name__)

_PROGRESS_INTERVAL = 0.5  # seconds between two calls of `Study.progress`, at least
_LOG_LINES = 10  # lines that the log gets while a chunk is worked on


class ChunkProgress:
    """The rows of a chunk of `total` books so far: for its journal, the log, and the callback `progress`."""

    def __init__(self, label: str, total: int, journal: LedgerJournal, progress: Callable[[int, int], None]) -> None:
        self.rows: dict[str, LedgerRow] = {}  # rows by key
        self._label = label
        self._total = total
        self.journal = journal
        self._progress = progress
        self._called = 0.0
        self._logged = 0

    def resume(self, rows: Iterable[LedgerRow]) -> None:
        """Add rows written by an earlier run."""
        self.rows.update((row.key, row) for row in rows)
        self._logged = _LOG_LINES * len(self.rows) // max(self._total, 1)
        self._progress(len(self.rows), self._total)

    def add(self, row: LedgerRow) -> None:
        """Add a new row, and append it to the journal."""
        self.journal.append(row)
        self.note(row)

    def note(self, row: LedgerRow) -> None:
        """Add a row that is in the journal already."""
        self.rows[row.key] = row
        done, now = len(self.rows), time.monotonic()
        if now - self._called >= _PROGRESS_INTERVAL or done == self._total:
            self._called = now
            self._progress(done, self._total)
        tenth = _LOG_LINES * done // self._total
        if tenth > self._logged:
            self._logged = tenth
            counts = ", ".join(f"{each} {count:,}" for each, count in count_outcomes(self.rows.values()).items())
            logger.info("%s: %d of %d (%s)", self._label, done, self._total, counts)

    def log_outcomes(self) -> None:
        """Log a table of the outcomes."""
        found = count_outcomes(self.rows.values())
        lines = (f"{each:>16} {count:>8,} {count / max(self._total, 1):>7.1%}" for each, count in found.items())
        logger.info("%s: %d covers\n%s", self._label, self._total, "\n".join(lines))
