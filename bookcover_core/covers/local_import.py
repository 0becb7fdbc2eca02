"""Covers without a network: imported from a folder or archive, or stored already and checked again."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from bookcover_core.covers.cover_store import CoverStore, Retrieval
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.image_checks import ImageCheck
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow
from bookcover_core.covers.local_sources import AmbiguousImage, Found, LocalSource
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings


def import_covers(
    books: Iterable[Book],
    source: LocalSource,
    items: Mapping[str, Found],
    store: CoverStore,
    progress: ChunkProgress,
    settings: CoverSettings,
) -> None:
    """Copy the covers of `books`, by key in `items`, from a local source, so that each has its row in `progress`."""

    def take(book: Book) -> LedgerRow:
        item = items[book.key]
        if item is None:
            return store.row(book, ImageCheck(CoverOutcome.MISSING, f"no {book.filename}"))
        if isinstance(item, AmbiguousImage):
            return store.row(book, ImageCheck(CoverOutcome.AMBIGUOUS, str(item)))
        came = Retrieval(item.name, attempts=1)
        if item.bytes > settings.max_bytes:
            return store.row(book, ImageCheck(CoverOutcome.TOO_LARGE, f"{item.bytes:,} bytes"), came)
        found = source.read(item, settings.max_bytes)
        verdict = found if isinstance(found, ImageCheck) else store.keep_if_cover([book], found)
        if verdict.outcome is CoverOutcome.OK and not item.is_exact:
            verdict = verdict._replace(detail=f"found as {item.name}")
        return store.row(book, verdict, came)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for row in threads.map(take, books):
            progress.add(row)


def recheck_covers(covers: Iterable[tuple[Book, LedgerRow]], store: CoverStore, progress: ChunkProgress) -> None:
    """Check stored covers by the current settings and code, so that each has its row in `progress`."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for row in threads.map(lambda cover: store.check_again(*cover), covers):
            progress.add(row)
