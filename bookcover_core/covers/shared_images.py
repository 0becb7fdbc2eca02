"""What the rest of the listing means for one chunk of it: hosts that may be asked, and pictures that are there already.

Two books may have one picture (in the real listings a few of ten thousand do). Within a chunk it is fetched once
(`fetching`); where the other book's chunk has been downloaded, its cover is copied here, and no host is asked.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from bookcover_core.covers.cover_store import Came, Keeper, is_same_picture
from bookcover_core.covers.download_progress import Tally
from bookcover_core.covers.ledger import Outcome, Row, read_rows
from bookcover_core.covers.urls import parse_address
from bookcover_core.listings.books import Book, each_book
from bookcover_core.pipeline.workspace import Workspace


class Surroundings(NamedTuple):
    """What a chunk is to know of the whole listing."""

    hosts: set[str]
    """Hosts that the listing names."""
    sharing: dict[str, list[Book]]
    """Books of other chunks by their address, where it is also that of a book that wants its cover."""


def look_around(workspace: Workspace, chunk: int, wanted: Collection[Book]) -> Surroundings:
    """What the listing says beyond `chunk`, some of whose books are `wanted`."""
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
    return Surroundings(hosts, dict(sharing))


def take_shared(
    wanted: Collection[Book], sharing: Mapping[str, Collection[Book]], keeper: Keeper, tally: Tally
) -> list[Book]:
    """Those of the `wanted` books whose picture no other chunk has; the others have their cover and row now.

    Raises:
        DiskFullError, WorkspaceError: A cover or its row cannot be written.
    """
    others = [book for books in sharing.values() for book in books]
    keys = {book.key for book in others}
    rows: dict[str, Row] = {}
    for chunk in {book.chunk for book in others}:
        table = keeper.workspace.ledger / f"chunk-{chunk:04d}.csv"
        rows.update((row.key, row) for row in read_rows(table, keys) if row.outcome == Outcome.OK)
    left = []
    for book in wanted:
        for other in sharing.get(book.url, ()):
            row = rows.get(other.key)
            if row is None or not is_same_picture(other, row) or not keeper.stands(other, row):
                continue
            verdict = keeper.take_in([book], keeper.place(other).read_bytes())
            if verdict.outcome is Outcome.OK:
                tally.add(keeper.row(book, verdict, Came(row.address, row.status)))
                break
        else:
            left.append(book)
    return left
