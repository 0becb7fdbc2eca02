"""The books and genres of a study: reading and writing `listings/books.csv` and `listings/genres.csv`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bookcover_core.genres import Genre
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_csv, write_csv

TRAIN, TEST, POOL, UNDRAWN = "train", "test", "pool", ""


class Book(NamedTuple):
    """One row of books.csv: a record of a listing, and its place in the study."""

    key: str  # the stem of FILENAME
    filename: str
    url: str  # address of the image; empty for local images
    title: str
    author: str
    category_id: str
    category: str
    role: str = UNDRAWN  # train, test or pool; empty where the split is yet to be drawn
    group: str = ""  # books of one group stay on one side of a split
    chunk: int = 0  # chunk of the download, from 1


class BookText(NamedTuple):
    """What is said of a book in words."""

    title: str = ""
    author: str = ""

    @property
    def joined(self) -> str:
        """All of it in one line."""
        return f"{self.title} {self.author}".strip()

    @property
    def phrase(self) -> str:
        """All of it as a reader would say it."""
        return f"{self.title} by {self.author}" if self.title and self.author else self.joined

    @property
    def author_as_word(self) -> str:
        """The whole name as one word, which tells two authors of one surname apart; empty where there is none."""
        letters = "".join(each for each in self.author.casefold() if each.isalnum())
        return f"author_{letters}" if letters else ""


UNKNOWN_TEXT = BookText()  # of a picture that comes without words


def write_books(file: Path, books: Iterable[Book]) -> None:
    """Write books.csv, whole or not at all."""
    write_csv(file, Book._fields, books)


def each_book(workspace: Workspace) -> Iterator[Book]:
    """The books of a study in their order, one at a time: all 207,572 of Book32 take 200 MB."""
    for row in _rows(workspace.books):
        yield Book._make([*row[:-1], int(row[-1])])


def write_genres(file: Path, genres: Iterable[Genre], category_ids: Iterable[str], records: Iterable[int]) -> None:
    """Write genres.csv: label, name, slug, category_id, records of each genre, in the order of their labels."""
    columns = zip(genres, category_ids, records, strict=True)
    rows = [(genre.label, genre.name, genre.slug, category_id, count) for genre, category_id, count in columns]
    write_csv(file, ("label", "name", "slug", "category_id", "records"), rows)


def read_genres(workspace: Workspace) -> list[Genre]:
    """The genres of a study, in the order of their labels."""
    return [Genre(label=int(row[0]), name=row[1], slug=row[2]) for row in _rows(workspace.genres)]


@dataclass(frozen=True, slots=True)
class EligibleBook:
    """One record of the listings that belongs to a genre of the study."""

    key: str
    filename: str
    url: str
    title: str
    author: str
    label: int  # position of its genre among the genres of the study
    genre: str
    role: str  # train, test or pool, where the listings say so; else empty
    group: str


def read_eligible_books(study: Study) -> list[EligibleBook]:
    """The study's books that belong to one of its genres, sorted by key. Book32's pool has others too."""
    genres = {row[3]: (int(row[0]), row[1]) for row in _rows(study.workspace.genres)}
    books = [
        EligibleBook(*book[:5], *genres[book.category_id], book.role, book.group)
        for book in each_book(study.workspace)
        if book.category_id in genres
    ]
    return sorted(books, key=lambda book: book.key)


def _rows(file: Path) -> Iterator[list[str]]:
    rows = read_csv(file)
    next(rows)
    return rows
