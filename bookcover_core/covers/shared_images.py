"""Images shared across chunks: copied from the other chunk instead of downloaded again.

Two books may share an image (in the real listings a few in ten thousand do). Within a chunk it is fetched once
(`fetch_covers`); where the other book's chunk has been downloaded, its cover is copied.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from bookcover_core.covers.cover_store import CoverStore, Retrieval, is_same_picture
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.covers.urls import parse_address
from bookcover_core.listings.books import Book, each_book
from bookcover_core.pipeline.workspace import Workspace


class ListingContext(NamedTuple):
    """What the download of a chunk needs of the whole listing."""

    hosts: set[str]
    """Hosts named by the listing."""
    sharing: dict[str, list[Book]]
    """Books of other chunks by image address, where a wanted book has the same one."""


def read_context(workspace: Workspace, chunk: int, wanted: Collection[Book]) -> ListingContext:
    """The context of `chunk`, some of whose books are `wanted`."""
    urls = {book.url for book in wanted if book.url}
    origins: set[str] = set()
    sharing: dict[str, list[Book]] = defaultdict(list)
    for book in each_book(workspace):
        origins.add("/".join(book.url.split("/", 3)[:3]))
        if book.chunk != chunk and book.url in urls:
            sharing[book.url].append(book)
    hosts = set()
    for origin in origins:
        try:
            hosts.add(parse_address(origin).host)
        except ValueError:
            continue
    return ListingContext(hosts, dict(sharing))


def copy_shared(
    wanted: Collection[Book], sharing: Mapping[str, Collection[Book]], store: CoverStore, progress: ChunkProgress
) -> list[Book]:
    """Copy the covers that another chunk has; the `wanted` books that are left.

    Raises:
        DiskFullError, WorkspaceError: A cover or its row cannot be written.
    """
    others = [book for books in sharing.values() for book in books]
    keys = {book.key for book in others}
    rows: dict[str, LedgerRow] = {}
    for chunk in {book.chunk for book in others}:
        table = store.workspace.ledger / f"chunk-{chunk:04d}.csv"
        rows.update((row.key, row) for row in read_rows(table, keys) if row.outcome == CoverOutcome.OK)
    left = []
    for book in wanted:
        for other in sharing.get(book.url, ()):
            row = rows.get(other.key)
            if row is None or not is_same_picture(other, row) or not store.stands(other, row):
                continue
            verdict = store.keep_if_cover([book], store.place(other).read_bytes())
            if verdict.outcome is CoverOutcome.OK:
                progress.add(store.row(book, verdict, Retrieval(row.address, row.status)))
                break
        else:
            left.append(book)
    return left
