"""The store of covers on disk: path, check and ledger row of each."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.image_checks import ImageCheck, check_image
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow
from bookcover_core.covers.urls import parse_address
from bookcover_core.genres import Genre, slug
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.manifests import is_unaltered
from bookcover_core.pipeline.workspace import Workspace, safe_name, write_bytes
from bookcover_core.settings import CoverSettings


class Retrieval(NamedTuple):
    """How a cover was retrieved."""

    address: str = ""  # address requested last, or the file's name in the folder or archive
    status: int = 0
    attempts: int = 0  # requests made, without redirects
    seconds: float = 0.0


def is_same_picture(book: Book, row: LedgerRow) -> bool:
    """Whether the row is of the image that the listing names now, whatever mirror served it."""
    try:
        return parse_address(book.url).target == parse_address(row.address).target
    except ValueError:
        return False


class CoverStore:
    """Covers as covers/<genre>/<FILENAME>, byte for byte as received.

    Books of categories that are none of `genres` lie in a folder named after theirs.
    """

    def __init__(self, workspace: Workspace, genres: Iterable[Genre], settings: CoverSettings) -> None:
        self.settings = settings
        self._root = f"{workspace.root}/"
        self._covers = workspace.relative(workspace.covers)
        self._slugs = {genre.name: genre.slug for genre in genres}

    def place(self, book: Book) -> Path:
        """The path of the book's cover."""
        return Path(self._root + self._name(book))

    def _name(self, book: Book) -> str:
        """The path of the book's cover relative to the study's folder, as ledger rows have it."""
        folder = self._slugs.get(book.category) or slug(book.category)
        return f"{self._covers}/{folder}/{safe_name(book.filename)}"

    def keep_if_cover(self, books: Iterable[Book], body: bytes, *, is_quick: bool = False) -> ImageCheck:
        """Check `body` as `check_image` does, and store it as the cover of each of the books if it is one.

        `DiskFullError` or `WorkspaceError` where it cannot be written.
        """
        verdict = check_image(body, self.settings, is_quick=is_quick)
        if verdict.outcome is CoverOutcome.OK:
            for book in books:
                file = self.place(book)
                if not is_unaltered(file, len(body), 0, verdict.sha256):
                    write_bytes(file, body)
        return verdict

    def row(self, book: Book, verdict: ImageCheck, came: Retrieval | None = None) -> LedgerRow:
        """The book's ledger row; where the verdict is ok, its cover is stored. By default none was requested."""
        came = came or Retrieval(book.url)
        row = LedgerRow(book.key, **{**came._asdict(), **verdict._asdict(), "outcome": verdict.outcome.value})
        if verdict.outcome is not CoverOutcome.OK:
            return row
        path = self._name(book)
        status = os.stat(self._root + path)  # noqa: PTH116 - once for every cover, and a path takes longer to make
        return row._replace(path=path, bytes=status.st_size, mtime_ns=status.st_mtime_ns)

    def stands(self, book: Book, row: LedgerRow) -> bool:
        """Whether the cover of `row` is in its place, unaltered."""
        return row.path == self._name(book) and is_unaltered(self.place(book), row.bytes, row.mtime_ns, row.sha256)

    def check_again(self, book: Book, row: LedgerRow) -> LedgerRow:
        """The row of a stored cover, checked by the current settings and code."""
        body = self.place(book).read_bytes()
        verdict = check_image(body, self.settings)
        if verdict.outcome is CoverOutcome.OK:
            return row
        return row._replace(outcome=verdict.outcome.value, detail=verdict.detail, path="", bytes=0, mtime_ns=0)
