"""Faults: why a book cannot be in the study.

One rule serves the chosen books and the pool alike: a book is at fault when a person rejected it, when its cover is not
there or is no cover, or when it is a candidate that nobody decided on and the settings reject those. In the pool an
undecided candidate is always at fault: section 3.1 lets no unreviewed box set in as a replacement.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.covers.ledger import Outcome, read_rows
from bookcover_core.curation.decisions import Decision
from bookcover_core.curation.eligible_books import Book
from bookcover_core.curation.near_duplicates import name_pictures, read_twins
from bookcover_core.errors import StageOrderError
from bookcover_core.listings.books import POOL, TEST, TRAIN
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import Undecided

BOX_SET = "box set"
REJECTED = "rejected"
UNDECIDED = "undecided candidate"
NOT_DOWNLOADED = "not downloaded"
TWIN = "twin in the test set"
SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True)
class Cover:
    """What the ledger says of one book's cover."""

    outcome: str
    path: str
    sha256: str
    picture: str
    """What stands for the picture: books with the same here are twins."""


def read_covers(study: Study, chunks: Iterable[int]) -> dict[str, Cover]:
    """What the ledgers of `chunks` and the twins say of each book, by key.

    Raises:
        StageOrderError: A ledger is not there.
    """
    pictures = name_pictures(read_twins(study.workspace))
    covers: dict[str, Cover] = {}
    for chunk in chunks:
        file = study.workspace.ledger / f"chunk-{chunk:04d}.csv"
        if not file.exists():
            raise StageOrderError(f"the ledger of chunk {chunk} is gone", where=file, advice="Run `download` again.")
        covers.update(
            {
                row.key: Cover(row.outcome, row.path, row.sha256, pictures.get(row.key, row.sha256))
                for row in read_rows(file)
            }
        )
    return covers


def find_fault(
    book: Book,
    cover: Cover | None,
    decision: Decision | None,
    *,
    candidate: bool,
    undecided: Undecided,
) -> str:
    """Why `book` cannot be in the study; empty where nothing speaks against it.

    Args:
        book: The book.
        cover: What the ledger says of its cover; None where that was not downloaded.
        decision: What a person decided on it, if anybody did.
        candidate: Whether its title speaks of a box set.
        undecided: What the settings say of candidates that nobody decided on.

    Returns:
        "box set" (a candidate that a person rejected), "rejected" (another book that a person rejected), the outcome in
        the ledger ("missing", "placeholder", ...), "not downloaded", or "undecided candidate".
    """
    if decision is not None and decision.decision == "reject":
        return BOX_SET if candidate else REJECTED
    if cover is None:
        return NOT_DOWNLOADED
    if cover.outcome != Outcome.OK:
        return cover.outcome
    if candidate and decision is None and (undecided == "reject" or (undecided == "keep" and book.role == POOL)):
        return UNDECIDED
    return ""


def find_faults(
    books: Iterable[Book],
    covers: Mapping[str, Cover],
    decisions: Mapping[str, Decision],
    candidates: Collection[str],
    *,
    undecided: Undecided,
) -> dict[str, str]:
    """The faults of `books` by key; books without one are not in it."""
    faults = {
        book.key: find_fault(
            book,
            covers.get(book.key),
            decisions.get(book.key),
            candidate=book.key in candidates,
            undecided=undecided,
        )
        for book in books
    }
    return {key: fault for key, fault in faults.items() if fault}


def find_leaks(books: Iterable[Book], covers: Mapping[str, Cover], faults: Collection[str]) -> dict[str, str]:
    """The training books that must leave because of a test book with the same picture, by key; with that book's key.

    A network would be tested on a picture that it was trained on. The test book stays.

    Args:
        books: In the order of their keys.
        covers: Of all books, by key.
        faults: Books that leave anyhow.
    """
    sound = [book for book in books if book.key not in faults]
    tested: dict[str, str] = {}
    for book in sound:
        if book.role == TEST:
            tested.setdefault(covers[book.key].picture, book.key)
    return {
        book.key: tested[covers[book.key].picture]
        for book in sound
        if book.role == TRAIN and covers[book.key].picture in tested
    }
