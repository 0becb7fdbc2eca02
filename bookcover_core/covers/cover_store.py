"""Covers on disk: where each one lies, and the row that says so."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.image_checks import Verdict, check
from bookcover_core.covers.ledger import Outcome, Row
from bookcover_core.covers.urls import parse_address
from bookcover_core.genres import Genre, slug
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.manifests import is_unaltered
from bookcover_core.pipeline.workspace import Workspace, safe_name, write_bytes
from bookcover_core.settings import CoverSettings


class Came(NamedTuple):
    """How something came."""

    address: str = ""
    """Address that was asked last, or the file's name in the folder or archive."""
    status: int = 0
    """HTTP status of the last answer."""
    attempts: int = 0
    """Requests made, redirects followed not counted."""
    seconds: float = 0.0


def is_same_picture(book: Book, row: Row) -> bool:
    """Whether the row tells of the picture that the listing names today, at whatever host it was found."""
    try:
        return parse_address(book.url).target == parse_address(row.address).target
    except ValueError:
        return False


class Keeper:
    """Covers as covers/<genre>/<FILENAME>, byte for byte as they came.

    Args:
        workspace: The study's folder.
        genres: The genres of the study; books of other categories lie in a folder called after those.
        settings: What counts as a cover.
    """

    def __init__(self, workspace: Workspace, genres: Iterable[Genre], settings: CoverSettings) -> None:
        self.workspace = workspace
        self.genres = list(genres)
        self._settings = settings
        self._root = f"{workspace.root}/"
        self._covers = workspace.relative(workspace.covers)
        self._slugs = {genre.name: genre.slug for genre in self.genres}

    def place(self, book: Book) -> Path:
        """Where the book's cover belongs."""
        return Path(self._root + self._name(book))

    def _name(self, book: Book) -> str:
        """Where the book's cover belongs, as rows name it: relative to the study's folder."""
        if book.category not in self._slugs:
            self._slugs[book.category] = slug(book.category)
        return f"{self._covers}/{self._slugs[book.category]}/{safe_name(book.filename)}"

    def take_in(self, books: Iterable[Book], body: bytes) -> Verdict:
        """What `body` is. If it is a cover, it lies where that of each of the books belongs from now on.

        Raises:
            DiskFullError, WorkspaceError: It cannot be written.
        """
        verdict = check(body, self._settings)
        if verdict.outcome is Outcome.OK:
            for book in books:
                file = self.place(book)
                if not is_unaltered(file, len(body), 0, verdict.sha256):
                    write_bytes(file, body)
        return verdict

    def row(self, book: Book, verdict: Verdict, came: Came | None = None) -> Row:
        """The book's row, after its cover was taken in where the verdict is ok.

        Args:
            book: The book.
            verdict: What came for it.
            came: How it came; default: nothing was asked.
        """
        came = came or Came(book.url)
        row = Row(
            key=book.key,
            outcome=verdict.outcome.value,
            status=came.status,
            attempts=came.attempts,
            address=came.address,
            sha256=verdict.sha256,
            format=verdict.format,
            mode=verdict.mode,
            width=verdict.width,
            height=verdict.height,
            seconds=came.seconds,
            detail=verdict.detail,
        )
        if verdict.outcome is not Outcome.OK:
            return row
        path = self._name(book)
        status = os.stat(self._root + path)  # noqa: PTH116 - once for every cover, and a path takes longer to make
        return row._replace(path=path, bytes=status.st_size, mtime_ns=status.st_mtime_ns)

    def stands(self, book: Book, row: Row) -> bool:
        """Whether the cover that `row` tells of lies unaltered where it belongs."""
        return row.path == self._name(book) and is_unaltered(self.place(book), row.bytes, row.mtime_ns, row.sha256)

    def check_again(self, book: Book, row: Row) -> Row:
        """The row of a cover that is on disk, by what counts as a cover today."""
        body = self.place(book).read_bytes()
        verdict = check(body, self._settings)
        if verdict.outcome is Outcome.OK:
            return row._replace(detail="")
        return row._replace(outcome=verdict.outcome.value, detail=verdict.detail, path="", bytes=0, mtime_ns=0)
