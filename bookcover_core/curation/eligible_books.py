"""The books that curation selects from: records that belong to a genre of the study.

They are read from `listings/books.csv` and `listings/genres.csv`; records of other categories, which the pool of
BookCover30 has (Book32's two smallest), are left out.
"""

from dataclasses import dataclass

from bookcover_core.listings.books import each_book
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table


@dataclass(frozen=True, slots=True)
class EligibleBook:
    """One record of the listings that belongs to a genre of the study."""

    key: str
    filename: str
    url: str
    title: str
    author: str
    label: int
    """Position of its genre among the genres of the study."""
    genre: str
    """Name of its genre."""
    role: str
    """train, test or pool, where the listings say so; else empty."""
    group: str


def read_eligible_books(study: Study) -> list[EligibleBook]:
    """The study's books, sorted by key."""
    genres = read_table(study.workspace.genres, label="int64")
    by_category = {
        category_id: (int(label), name)
        for category_id, label, name in zip(genres["category_id"], genres["label"], genres["name"], strict=True)
    }
    books = [
        EligibleBook(
            record.key,
            record.filename,
            record.url,
            record.title,
            record.author,
            *by_category[record.category_id],
            record.role,
            record.group,
        )
        for record in each_book(study.workspace)
        if record.category_id in by_category
    ]
    return sorted(books, key=lambda book: book.key)
