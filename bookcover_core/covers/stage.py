"""The second stage: the covers of a chunk of the listing, fetched or taken from where they are at hand (section 3.1).

The dissertation's 207,572 records came in chunks of 20,000 "to be run over multiple sessions": a chunk here can be
stopped at any moment, and started again it asks only for what it does not have.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.addresses import parse_address
from bookcover_core.covers.fetching import fetch_covers
from bookcover_core.covers.keeping import Keeper
from bookcover_core.covers.ledger import Journal, Known, Outcome, Row, read_journal, read_rows, rows_digest, write_rows
from bookcover_core.covers.shelf import open_shelf
from bookcover_core.covers.taking import check_again, take_covers
from bookcover_core.covers.tally import Tally
from bookcover_core.errors import DownloadError, SettingsError
from bookcover_core.listing.books import Book, read_books, read_genres
from bookcover_core.manifests import Manifest, digest_of
from bookcover_core.settings import CoverSettings
from bookcover_core.study import StageRun, Study

logger = logging.getLogger(__name__)

# What `covers.retry_missing` asks for again: covers that their host says it does not have, or does not give.
_DENIED = frozenset({Outcome.MISSING.value, Outcome.REFUSED.value})


def chunks(study: Study) -> list[int]:
    """Numbers of the chunks to download, from 1: those that `books.chunks` names, or all.

    Raises:
        StageOrderError: The listings have not been read.
        SettingsError: `books.chunks` names one that there is not.
    """
    wanted = sorted(set(study.settings.books.chunks))
    return [_existing(study, chunk) for chunk in wanted] or list(range(1, _last_chunk(study) + 1))


def _last_chunk(study: Study) -> int:
    return int(study.manifest("listings").counts["chunks"])


def _existing(study: Study, chunk: int) -> int:
    """`chunk`, if the listings have so many."""
    last = _last_chunk(study)
    if not 1 <= chunk <= last:
        raise SettingsError(
            f"there is no chunk {chunk}: the listings give {last}", where="books.chunks", advice="Choose among those."
        )
    return chunk


def download_chunk(study: Study, chunk: int) -> Manifest:
    """What the stage `download/chunk-<number>` did: every book of the chunk has a row in the ledger.

    Covers lie at covers/<genre>/<FILENAME>, byte for byte as they came. Started again, the stage asks only for what is
    not there: covers that are new, have vanished or were altered, and what failed for now; what is missing too with
    `covers.retry_missing`. Covers that are there are checked again where settings or code have changed since.

    Raises:
        StageOrderError: The listings have not been read.
        DownloadError: More than `covers.max_failed_share` of the chunk failed for now. The ledger is written.
        FolderError: The folder or archive of pictures cannot be used.
        SettingsError: There is no such chunk, or `covers.hosts` names something that is no address.
        DiskFullError, WorkspaceError: The study's folder cannot be written. The ledger keeps what was done.
    """
    part = f"chunk-{_existing(study, chunk):04d}"
    workspace, settings = study.workspace, study.settings.covers
    every_book = read_books(workspace)
    books = [book for book in every_book if book.chunk == chunk]
    shelf = open_shelf(study.settings)
    items = {} if shelf is None else {book.key: shelf.find(book) for book in books}
    run = study.stage(
        "download", part, after=["listings"], given={"pictures": digest_of(items)} if shelf is not None else None
    )
    if run.done and not _is_open(run.done, settings):
        return run.done

    table, journal_file = workspace.ledger / f"{part}.csv", workspace.ledger / f"{part}.jsonl"
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
            fetch_covers(plan.wanted, _hosts(every_book), keeper, tally, settings)
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


def _is_open(manifest: Manifest, settings: CoverSettings) -> bool:
    """Whether a chunk that is done has covers that are to be asked for again."""
    retried = {Outcome.FAILED.value, *(_DENIED if settings.retry_missing else ())}
    return any(manifest.counts.get(outcome) for outcome in retried)


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
        if row.outcome == Outcome.FAILED or (settings.retry_missing and row.outcome in _DENIED):
            plan.wanted.append(book)
        elif row.outcome == Outcome.OK:
            is_same = is_current or (not at_hand and _is_same_picture(book, row))
            if not (is_same and keeper.stands(book, row)):
                plan.wanted.append(book)
            elif is_current:
                plan.known.append(row)
            else:
                plan.again.append((book, row))
        elif is_current or (row.outcome == Outcome.MISSING and not at_hand and _is_same_picture(book, row)):
            plan.known.append(row)
        else:
            plan.wanted.append(book)
    return plan


def _is_same_picture(book: Book, row: Row) -> bool:
    """Whether the row tells of the picture that the listing names today, at whatever host it was found."""
    try:
        return parse_address(book.url).target == parse_address(row.address).target
    except ValueError:
        return False


def _hosts(books: Iterable[Book]) -> set[str]:
    """Hosts that the listings name."""
    origins = {"/".join(book.url.split("/", 3)[:3]) for book in books}
    hosts = set()
    for origin in origins:
        try:
            hosts.add(parse_address(origin).host)
        except ValueError:
            continue
    return hosts


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
