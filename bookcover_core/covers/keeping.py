"""Covers on disk: where each one lies, and the row that says so."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.checks import Verdict, check
from bookcover_core.covers.ledger import Outcome, Row
from bookcover_core.genres import Genre, slug
from bookcover_core.listing.books import Book
from bookcover_core.manifests import file_digest, is_unaltered
from bookcover_core.settings import CoverSettings
from bookcover_core.workspace import Workspace, safe_name, write_bytes


class Came(NamedTuple):
    """How something came."""

    address: str = ""
    """Address that was asked last, or the file's name in the folder or archive."""
    status: int = 0
    """HTTP status of the last answer."""
    attempts: int = 0
    """Requests made, redirects followed not counted."""
    seconds: float = 0.0


class Keeper:
    """Covers as covers/<genre>/<FILENAME>, byte for byte as they came.

    Args:
        workspace: The study's folder.
        genres: The genres of the study; books of other categories lie in a folder called after those.
        settings: What counts as a cover.
    """

    def __init__(self, workspace: Workspace, genres: Iterable[Genre], settings: CoverSettings) -> None:
        self._workspace = workspace
        self._settings = settings
        self._slugs = {genre.name: genre.slug for genre in genres}

    def place(self, book: Book) -> Path:
        """Where the book's cover belongs."""
        folder = self._slugs.get(book.category) or slug(book.category)
        return self._workspace.covers / folder / safe_name(book.filename)

    def take_in(self, books: Iterable[Book], body: bytes) -> Verdict:
        """What `body` is. If it is a cover, it lies where that of each of the books belongs from now on.

        Raises:
            DiskFullError, WorkspaceError: It cannot be written.
        """
        verdict = check(body, self._settings)
        if verdict.outcome is Outcome.OK:
            for book in books:
                file = self.place(book)
                if not (file.is_file() and file_digest(file) == verdict.sha256):
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
        file = self.place(book)
        status = file.stat()
        path = self._workspace.relative(file)
        return row._replace(path=path, bytes=status.st_size, mtime_ns=status.st_mtime_ns)

    def stands(self, book: Book, row: Row) -> bool:
        """Whether the cover that `row` tells of lies unaltered where it belongs."""
        file = self.place(book)
        return row.path == self._workspace.relative(file) and is_unaltered(file, row.bytes, row.mtime_ns, row.sha256)

    def check_again(self, book: Book, row: Row) -> Row:
        """The row of a cover that is on disk, by what counts as a cover today."""
        body = self.place(book).read_bytes()
        verdict = check(body, self._settings)
        if verdict.outcome is Outcome.OK:
            return row._replace(detail="")
        return row._replace(outcome=verdict.outcome.value, detail=verdict.detail, path="", bytes=0, mtime_ns=0)
