"""The second stage: the covers of a chunk of the listing, fetched or taken from where they are at hand (section 3.1).

The dissertation's 207,572 records came in chunks of 20,000 "to be run over multiple sessions": a chunk here can be
stopped at any moment, and started again it asks only for what it does not have.
"""

import logging
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.chunks import DENIED, check_chunks, chunk_run, find_items, is_open
from bookcover_core.covers.cover_store import Keeper, is_same_picture
from bookcover_core.covers.download_progress import Tally
from bookcover_core.covers.fetch_covers import fetch_covers
from bookcover_core.covers.ledger import Journal, Known, Outcome, Row, read_journal, read_rows, rows_digest, write_rows
from bookcover_core.covers.local_import import check_again, take_covers
from bookcover_core.covers.local_sources import open_shelf
from bookcover_core.covers.shared_images import look_around, take_shared
from bookcover_core.errors import DownloadError
from bookcover_core.listings.books import Book, each_book, read_genres
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import StageRun, Study
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)


def download_chunk(study: Study, chunk: int) -> Manifest:
    """What the stage `download/chunk-<number>` did: every book of the chunk has a row in the ledger.

    Covers lie at covers/<genre>/<FILENAME>, byte for byte as they came. A picture that several books share is asked for
    once, in whatever chunks they are. Started again, the stage asks only for what is not there: covers that are new,
    have vanished or were altered, and what failed for now; what is missing too with `covers.retry_missing`. Covers that
    are there are checked again where settings or code have changed since.

    Raises:
        StageOrderError: The listings have not been read.
        DownloadError: More than `covers.max_failed_share` of the chunk failed for now. The ledger is written.
        FolderError: The folder or archive of pictures cannot be used.
        SettingsError: There is no such chunk, or `covers.hosts` names something that is no address.
        DiskFullError, WorkspaceError: The study's folder cannot be written. The ledger keeps what was done.
    """
    check_chunks(study, [chunk])
    workspace, settings = study.workspace, study.settings.covers
    books = [_what_counts(book) for book in each_book(workspace) if book.chunk == chunk]
    shelf = open_shelf(study.settings)
    items = {} if shelf is None else find_items(shelf, books)
    run = chunk_run(study, chunk, None if shelf is None else items)
    if run.done and not is_open(run.done, settings):
        return run.done

    table, journal_file = workspace.ledger / f"{run.part}.csv", workspace.ledger / f"{run.part}.jsonl"
    keeper = Keeper(workspace, read_genres(workspace), settings)
    plan = _plan(books, _known_rows(table, journal_file, run), run, keeper, settings, at_hand=shelf is not None)
    logger.info(
        "%s: %d covers, %d known, %d to check again, %d to get",
        run.label,
        len(books),
        len(plan.known),
        len(plan.again),
        len(plan.wanted),
    )
    with Journal(journal_file, run.key) as journal:
        tally = Tally(run.label, len(books), journal, study.progress)
        tally.take_over(plan.known)
        check_again(plan.again, keeper, tally)
        if shelf is None:
            around = look_around(workspace, chunk, plan.wanted)
            wanted = take_shared(plan.wanted, around.sharing, keeper, tally)
            fetch_covers(wanted, around.hosts, keeper, tally, settings)
        else:
            take_covers(plan.wanted, shelf, items, keeper, tally, settings)
    tally.log_outcomes()
    rows = [tally.rows[book.key] for book in books]
    write_rows(table, rows)
    _refuse_failures(books, rows, settings, run)
    manifest = run.finish(
        indexes=[table],
        counts={"records": len(rows), **tally.counts()},
        digest=rows_digest(rows),
    )
    journal_file.unlink(missing_ok=True)
    return manifest


def _what_counts(book: Book) -> Book:
    """The book without what has no bearing on its cover: a chunk may have a million."""
    return book._replace(title="", author="", category_id="", category=sys.intern(book.category), role="", group="")


class _Plan(NamedTuple):
    known: list[Row]
    again: list[tuple[Book, Row]]
    """Covers that are there, to be checked by today's settings and code."""
    wanted: list[Book]


def _known_rows(table: Path, journal: Path, run: StageRun) -> dict[str, Known]:
    """What earlier runs wrote: the table of the last one that ended, and over it the journal of one that did not."""
    key = run.key if run.earlier is not None else ""
    return {row.key: Known(row, key) for row in read_rows(table)} | read_journal(journal)


def _plan(
    books: Iterable[Book],
    known: dict[str, Known],
    run: StageRun,
    keeper: Keeper,
    settings: CoverSettings,
    *,
    at_hand: bool,
) -> _Plan:
    plan = _Plan([], [], [])
    for book in books:
        row, made_by = known.get(book.key, Known(Row(book.key, Outcome.FAILED.value), ""))
        is_current = made_by == run.key
        if row.outcome == Outcome.FAILED or (settings.retry_missing and row.outcome in DENIED):
            plan.wanted.append(book)
        elif row.outcome == Outcome.OK:
            is_same = is_current or (not at_hand and is_same_picture(book, row))
            if not (is_same and keeper.stands(book, row)):
                plan.wanted.append(book)
            elif is_current:
                plan.known.append(row)
            else:
                plan.again.append((book, row))
        elif is_current or (row.outcome == Outcome.MISSING and not at_hand and is_same_picture(book, row)):
            plan.known.append(row)
        else:
            plan.wanted.append(book)
    return plan


def _refuse_failures(books: list[Book], rows: list[Row], settings: CoverSettings, run: StageRun) -> None:
    """Stop where too much failed for now.

    Raises:
        DownloadError: The share of the chunk that failed is above `covers.max_failed_share`.
    """
    failed = [(book, row) for book, row in zip(books, rows, strict=True) if row.outcome == Outcome.FAILED]
    if len(failed) <= settings.max_failed_share * len(rows):
        return
    by_host = Counter(book.url.split("/", 3)[2] if book.url else book.category for book, _ in failed)
    reasons = Counter(row.detail for _, row in failed)
    hosts = ", ".join(f"{host} {count:,}" for host, count in by_host.most_common(5))
    raise DownloadError(
        f"{len(failed):,} of {len(rows):,} covers failed for now ({hosts}; mostly: {reasons.most_common(1)[0][0]})",
        where=run.label,
        advice="Check the network and the setting covers.hosts, and start again: what is there is not asked for again.",
    )
