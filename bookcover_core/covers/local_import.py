"""Covers that need no network: taken from a folder or archive, or lying in the study already and checked again."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from bookcover_core.covers.cover_store import Came, Keeper
from bookcover_core.covers.download_progress import Tally
from bookcover_core.covers.image_checks import Verdict
from bookcover_core.covers.ledger import Outcome, Row
from bookcover_core.covers.local_sources import Item, Shelf
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings


def take_covers(
    books: Iterable[Book],
    shelf: Shelf,
    items: Mapping[str, Item | None],
    keeper: Keeper,
    tally: Tally,
    settings: CoverSettings,
) -> None:
    """Copy the covers of `books` from the shelf, so that each has its row in `tally`.

    Args:
        books: Books without a cover.
        shelf: Where their pictures are.
        items: What the shelf has for each key.
        keeper: Writes the covers.
        tally: Takes the rows.
        settings: What counts as a cover.

    Raises:
        DiskFullError, WorkspaceError: A cover or its row cannot be written.
    """

    def take(book: Book) -> Row:
        item = items[book.key]
        if item is None:
            return keeper.row(book, Verdict(Outcome.MISSING, f"no {book.filename}"))
        came = Came(item.name, attempts=1)
        if item.bytes > settings.max_bytes:
            return keeper.row(book, Verdict(Outcome.TOO_LARGE, f"{item.bytes:,} bytes"), came)
        found = shelf.read(item, settings.max_bytes)
        verdict = found if isinstance(found, Verdict) else keeper.take_in([book], found)
        return keeper.row(book, verdict, came)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for row in threads.map(take, books):
            tally.add(row)


def check_again(covers: Iterable[tuple[Book, Row]], keeper: Keeper, tally: Tally) -> None:
    """Judge covers that lie in the study by what counts as a cover today, so that each has its row in `tally`."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for row in threads.map(lambda cover: keeper.check_again(*cover), covers):
            tally.add(row)
