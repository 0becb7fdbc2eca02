"""The stage `download`: covers of one chunk, fetched from their hosts or imported from a local source (section 3.1).

The dissertation's 207,572 records came in chunks of 20,000 "to be run over multiple sessions". Here a chunk can be
interrupted at any moment; the next run requests only what is missing.
"""

import logging
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.chunks import DENIED, check_chunks, chunks, is_open
from bookcover_core.covers.cover_store import CoverStore, is_same_picture
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.fetch_covers import fetch_covers
from bookcover_core.covers.ledger import (
    CoverOutcome,
    KnownRow,
    LedgerJournal,
    LedgerRow,
    count_outcomes,
    read_journal,
    read_rows,
    rows_digest,
    write_rows,
)
from bookcover_core.covers.local_import import import_covers, recheck_covers
from bookcover_core.covers.local_sources import check_coverage, open_local_source
from bookcover_core.covers.urls import parse_address
from bookcover_core.errors import DownloadError
from bookcover_core.listings.books import POOL, Book, each_book, read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Statuses with which a host refuses a client, and refusals in a row that are no matter of single covers.
_BANNED = frozenset({401, 403})
_FEWEST_REFUSALS = 8


def _inputs(study: Study, chunk: int) -> Inputs:
    check_chunks(study, [chunk])
    source = open_local_source(study)
    part = f"chunk-{chunk:04d}"
    if source is None:
        return Inputs(part, after=["listings"])
    items = {book.key: source.find(book) for book in _books(study, chunk)}
    return Inputs(
        part,
        after=["listings"],
        given={"pictures": digest_of(items)},
        sizes={"pictures": sum(found is not None for found in items.values())},
    )


@stage(
    "download",
    "Fetch the covers",
    run_title="download chunk {chunk}",
    settings=(
        "covers.source",
        "covers.location",
        "covers.pool",
        "covers.min_side",
        "covers.max_bytes",
        "covers.max_pixels",
    ),
    inputs=_inputs,
    parts=lambda study: [(chunk,) for chunk in chunks(study)],
    is_open=lambda study, manifest: is_open(manifest, study.settings.covers),
    asks_hosts=True,
)
def download_chunk(study: Study, run: StageRun, chunk: int) -> Result:
    """The manifest of `download/chunk-<number>`: every book of the chunk has a row in the ledger.

    Covers lie at covers/<genre>/<FILENAME>, byte for byte as received. An image that several books of the chunk share
    is requested once. A later run requests only covers that are new, gone or altered, those that failed for now, and,
    with `covers.retry_missing`, missing ones. Stored covers are checked again after a change of settings or code.

    Raises:
        DownloadError: More than `covers.max_failed_share` of the chunk failed for now. The ledger is written.
    """
    workspace = study.workspace
    books = _books(study, chunk)
    source = open_local_source(study)
    if source is not None:
        check_coverage(study, source, each_book(study.workspace))
    table, journal = workspace.ledger / f"{run.part}.csv", workspace.ledger / f"{run.part}.jsonl"
    rows = get_covers(study, run.label, books, _known_rows(table, journal, run), LedgerJournal(journal, run.key))
    write_rows(table, rows)
    refuse_failures(books, rows, study.settings.covers.max_failed_share * len(rows), run.label)
    return Result(
        indexes=[table],
        counts={"records": len(rows), **count_outcomes(rows)},
        digest=rows_digest(rows),
        spent=[journal],
    )


def get_covers(
    study: Study, label: str, books: list[Book], known: Mapping[str, KnownRow], journal: LedgerJournal
) -> list[LedgerRow]:
    """The row of each book, whose cover is fetched or imported where `known` rows of earlier runs do not tell of it.

    Args:
        study: The study.
        label: What the log calls these books.
        books: The books.
        known: Rows by key, each with the key of the run that made it; those of this run stand as they are.
        journal: Receives new rows, under the key of this run.
    """
    settings, source = study.settings.covers, open_local_source(study)
    items = {} if source is None else {book.key: source.find(book) for book in books}
    store = CoverStore(study.workspace, read_genres(study.workspace), settings)
    plan = _plan(books, known, journal.run, store, settings, at_hand=source is not None)
    logger.info(
        "%s: %d covers, %d known, %d to check again, %d to get",
        label,
        len(books),
        len(plan.known),
        len(plan.again),
        len(plan.wanted),
    )
    with journal:
        progress = ChunkProgress(label, len(books), journal, study.progress)
        progress.resume(plan.known)
        recheck_covers(plan.again, store, progress)
        if source is None:
            fetch_covers(plan.wanted, _listing_hosts(study), store, progress, settings)
            for row in _lift_bans(books, progress.rows):
                progress.add(row)
        else:
            import_covers(plan.wanted, source, items, store, progress, settings)
    progress.log_outcomes()
    _log_equivalent(label, progress.rows.values())
    return [progress.rows[book.key] for book in books]


def _books(study: Study, chunk: int) -> list[Book]:
    """The books of a chunk that are fetched with it."""
    drawn = {POOL} if study.settings.draws_from_pool else set()
    return [
        without_texts(book) for book in each_book(study.workspace) if book.chunk == chunk and book.role not in drawn
    ]


def without_texts(book: Book) -> Book:
    """The book without fields that its cover does not depend on: a chunk may have a million."""
    return book._replace(title="", author="", category_id="", category=sys.intern(book.category), role="", group="")


def _listing_hosts(study: Study) -> set[str]:
    """Hosts named by the listings."""
    hosts = set()
    for origin in {"/".join(book.url.split("/", 3)[:3]) for book in each_book(study.workspace)}:
        with suppress(ValueError):
            hosts.add(parse_address(origin).host)
    return hosts


class _DownloadPlan(NamedTuple):
    known: list[LedgerRow]
    again: list[tuple[Book, LedgerRow]]
    """Stored covers, to be checked by the current settings and code."""
    wanted: list[Book]


def _known_rows(table: Path, journal: Path, run: StageRun) -> dict[str, KnownRow]:
    """Rows of earlier runs: the table of the last complete run, overlaid by the journal of an interrupted one."""
    key = run.key if run.earlier is not None else ""
    return {row.key: KnownRow(row, key) for row in read_rows(table)} | read_journal(journal)


def _plan(
    books: Iterable[Book],
    known: Mapping[str, KnownRow],
    run: str,
    store: CoverStore,
    settings: CoverSettings,
    *,
    at_hand: bool,
) -> _DownloadPlan:
    plan = _DownloadPlan([], [], [])
    for book in books:
        row, made_by = known.get(book.key, KnownRow(LedgerRow(book.key, CoverOutcome.FAILED.value), ""))
        is_current = made_by == run
        if row.outcome == CoverOutcome.FAILED or (settings.retry_missing and row.outcome in DENIED):
            plan.wanted.append(book)
        elif row.outcome == CoverOutcome.OK:
            is_same = is_current or (not at_hand and is_same_picture(book, row))
            if not (is_same and store.stands(book, row)):
                plan.wanted.append(book)
            elif is_current:
                plan.known.append(row)
            else:
                plan.again.append((book, row))
        elif is_current or (row.outcome == CoverOutcome.MISSING and not at_hand and is_same_picture(book, row)):
            plan.known.append(row)
        else:
            plan.wanted.append(book)
    return plan


def _lift_bans(books: Iterable[Book], rows: Mapping[str, LedgerRow]) -> list[LedgerRow]:
    """Rows of hosts that refused everything in the end, failed for now: a ban of some hours, as far as one can tell."""
    hosts = {book.key: _host_of(book) for book in books}
    refused: dict[str, list[LedgerRow]] = {}
    for row in rows.values():
        streak = refused.setdefault(hosts.get(row.key, ""), [])
        if row.outcome == CoverOutcome.REFUSED and row.status in _BANNED:
            streak.append(row)
        elif row.status:
            streak.clear()
    reason = "a host that refused the last requests, perhaps for some hours"
    return [
        row._replace(outcome=CoverOutcome.FAILED.value, detail=f"HTTP {row.status} of {reason}")
        for streak in refused.values()
        if len(streak) >= _FEWEST_REFUSALS
        for row in streak
    ]


def _host_of(book: Book) -> str:
    """The host of a book's address; its genre where it has none."""
    return book.url.split("/", 3)[2] if book.url.count("/") > 1 else book.category


def _log_equivalent(label: str, rows: Iterable[LedgerRow]) -> None:
    """Log how many covers lay under another name than their FILENAME."""
    found = [row for row in rows if row.outcome == CoverOutcome.OK and row.detail]
    if found:
        logger.warning(
            "%s: %d covers have an equivalent name, such as %s (%s); the ledger names all",
            label,
            len(found),
            found[0].key,
            found[0].detail,
        )


def refuse_failures(books: Iterable[Book], rows: Collection[LedgerRow], most: float, label: str) -> None:
    """Raise `DownloadError` if more than `most` covers failed for now; `rows` are those of `books`, in their order."""
    failed = [(book, row) for book, row in zip(books, rows, strict=True) if row.outcome == CoverOutcome.FAILED]
    if len(failed) <= most:
        return
    by_host = Counter(_host_of(book) for book, _ in failed)
    reasons = Counter(row.detail for _, row in failed)
    hosts = ", ".join(f"{host} {count:,}" for host, count in by_host.most_common(5))
    raise DownloadError(
        f"{len(failed):,} of {len(rows):,} covers failed for now ({hosts}; mostly: {reasons.most_common(1)[0][0]})",
        where=label,
        advice="Check the network and covers.hosts, and start again: stored covers are not requested again.",
    )
