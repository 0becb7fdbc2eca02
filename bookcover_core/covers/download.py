"""The stage `download`: covers of one chunk, fetched from their hosts or imported from a local source (section 3.1).

The dissertation's 207,572 records came in chunks of 20,000 "to be run over multiple sessions". Here a chunk can be
interrupted at any moment; the next run requests only what is missing.
"""

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial

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
from bookcover_core.covers.local_sources import check_coverage, import_cover, open_local_source
from bookcover_core.covers.urls import parse_address
from bookcover_core.errors import DownloadError, SettingsError
from bookcover_core.listings.books import POOL, Book, each_book, read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Manifest, digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study

logger = logging.getLogger(__name__)

# Statuses with which a host refuses a client, and refusals in a row that are no matter of single covers.
_BANNED = frozenset({401, 403})
_FEWEST_REFUSALS = 8


def _inputs(study: Study, chunk: int) -> Inputs:
    check_chunks(study, [chunk])
    source = open_local_source(study)
    inputs = Inputs(f"chunk-{chunk:04d}", after=["listings"])
    if source is None:
        return inputs
    items = {book.key: source.find(book) for book in _books(study, chunk)}
    sizes = {"pictures": sum(found is not None for found in items.values())}
    return replace(inputs, given={"pictures": digest_of(items)}, sizes=sizes)


@stage(
    "download",
    "Fetch the covers",
    run_title="download chunk {chunk}",
    settings=tuple(f"covers.{name}" for name in ("source", "location", "pool", "min_side", "max_bytes", "max_pixels")),
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
    Raises `DownloadError` where more than `covers.max_failed_share` of the chunk failed for now. The ledger is written.
    """
    workspace = study.workspace
    books = _books(study, chunk)
    source = open_local_source(study)
    if source is not None:
        check_coverage(study, source, each_book(study.workspace))
    table, journal = workspace.ledger / f"{run.part}.csv", workspace.ledger / f"{run.part}.jsonl"
    # The table of the last complete run, overlaid by the journal of an interrupted one.
    made_by = run.key if run.earlier is not None else ""
    known = {row.key: KnownRow(row, made_by) for row in read_rows(table)} | read_journal(journal)
    rows = get_covers(study, run.label, books, known, LedgerJournal(journal, run.key))
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

    Rows of the run whose key `journal` has, which receives the new ones, stand as they are. `label` is for the log.
    """
    source = open_local_source(study)
    store = CoverStore(study.workspace, read_genres(study.workspace), study.settings.covers)
    stand, again, wanted = _plan(books, known, journal.run, store, at_hand=source is not None)
    counts = (len(books), len(stand), len(again), len(wanted))
    logger.info("%s: %d covers, %d known, %d to check again, %d to get", label, *counts)
    with journal, ThreadPoolExecutor(os.cpu_count()) as threads:
        progress = ChunkProgress(label, len(books), journal, study.progress)
        progress.resume(stand)
        for row in threads.map(lambda cover: store.check_again(*cover), again):
            progress.add(row)
        if source is None:
            fetch_covers(wanted, _listing_hosts(study), store, progress)
            rows: Iterable[LedgerRow] = _lift_bans(books, progress.rows)
        else:
            rows = threads.map(partial(import_cover, source, store), wanted, map(source.find, wanted))
        for row in rows:
            progress.add(row)
    progress.log_outcomes()
    renamed = [row for row in progress.rows.values() if row.outcome == CoverOutcome.OK and row.detail]
    if renamed:
        example = (label, len(renamed), renamed[0].key, renamed[0].detail)
        logger.warning("%s: %d covers have an equivalent name, such as %s (%s); the ledger names all", *example)
    return [progress.rows[book.key] for book in books]


def _books(study: Study, chunk: int) -> list[Book]:
    """The books of a chunk that are fetched with it."""
    left = POOL if study.settings.draws_from_pool else None
    books = (book for book in each_book(study.workspace) if book.chunk == chunk)
    return [without_texts(book) for book in books if book.role != left]


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


def _plan(
    books: Iterable[Book], known: Mapping[str, KnownRow], run: str, store: CoverStore, *, at_hand: bool
) -> tuple[list[LedgerRow], list[tuple[Book, LedgerRow]], list[Book]]:
    """Rows that stand, stored covers to check by the current settings and code, and books whose cover is wanted."""
    stand: list[LedgerRow] = []
    again: list[tuple[Book, LedgerRow]] = []
    wanted: list[Book] = []
    for book in books:
        row, made_by = known.get(book.key, KnownRow(LedgerRow(book.key, CoverOutcome.FAILED.value), ""))
        is_current, is_stored = made_by == run, row.outcome == CoverOutcome.OK
        stands = is_current or (not at_hand and is_same_picture(book, row))
        if stands:
            stands = store.stands(book, row) if is_stored else is_current or row.outcome == CoverOutcome.MISSING
        if not stands or row.outcome == CoverOutcome.FAILED or (store.settings.retry_missing and row.outcome in DENIED):
            wanted.append(book)
        elif is_stored and not is_current:
            again.append((book, row))
        else:
            stand.append(row)
    return stand, again, wanted


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


def refuse_failures(books: Iterable[Book], rows: Collection[LedgerRow], most: float, label: str) -> None:
    """Raise `DownloadError` if more than `most` covers failed for now; `rows` are those of `books`, in their order."""
    failed = [(book, row) for book, row in zip(books, rows, strict=True) if row.outcome == CoverOutcome.FAILED]
    if len(failed) <= most:
        return
    by_host = Counter(_host_of(book) for book, _ in failed)
    reasons = Counter(row.detail for _, row in failed)
    hosts = ", ".join(f"{host} {count:,}" for host, count in by_host.most_common(5))
    what = f"{len(failed):,} of {len(rows):,} covers failed for now ({hosts}; mostly: {reasons.most_common(1)[0][0]})"
    advice = "Check the network and covers.hosts, and start again: stored covers are not requested again."
    raise DownloadError(what, where=label, advice=advice)


def choose_chunks(study: Study, wanted: str) -> list[int]:
    """Numbers of the chunks to work on, rising; empty where the next one is wanted and the listing is finished.

    `wanted` is "all" (those of the study), "next" (`next_chunk`), or numbers and ranges of them, such as "1, 3-5".
    Raises `SettingsError` where `wanted` is of another form, or there is no chunk of such a number.
    """
    if wanted.strip() == "all":
        return chunks(study)
    if wanted.strip() == "next":
        chunk = next_chunk(study)
        if chunk is not None:
            return [chunk]
        logger.info("download: nothing is left to do, every chunk of the listing is finished")
        return []
    numbers: list[int] = []
    for part in wanted.split(","):
        ends = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{0,6})\s*)?", part)
        named = range(int(ends[1]), int(ends[2] or ends[1]) + 1) if ends else ()
        if not named:
            advice = 'Write all, next, or numbers such as "1, 3-5".'
            raise SettingsError(f"{wanted!r} names no chunks", where="chunks", advice=advice)
        numbers += named
    return check_chunks(study, numbers)


def next_chunk(study: Study) -> int | None:
    """The chunk to work on next; None when the listing is finished.

    That is the first that is unfinished, or was finished with other settings, code or listings; if there is none, the
    least recently run chunk with covers to request again (`is_open`), so that a few covers that fail night after night
    keep no later chunk from being fetched. The covers themselves are not looked at.
    """
    still_open: list[tuple[Manifest, int]] = []
    for chunk in chunks(study):
        manifest = download_chunk.at(study, chunk).earlier
        if manifest is None or not all(output.stands(study.workspace.root) for output in manifest.outputs):
            return chunk
        if is_open(manifest, study.settings.covers):
            still_open.append((manifest, chunk))
    return min(still_open, key=lambda each: each[0].finished)[1] if still_open else None
