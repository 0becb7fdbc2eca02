"""Faults: why a book cannot be in the study.

One rule serves the chosen books and the pool alike: a book is at fault when a person rejected it, when its cover is not
there or is no cover, or when it is a candidate that nobody decided on and the settings reject those. In the pool an
undecided candidate is always at fault: section 3.1 lets no unreviewed box set in as a replacement.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.covers.ledger import Outcome, read_rows
from bookcover_core.curation.books import Book
from bookcover_core.curation.decisions import Decision
from bookcover_core.errors import StageOrderError
from bookcover_core.listing.books import POOL, TEST, TRAIN
from bookcover_core.study import Study

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


def read_covers(study: Study, chunks: Iterable[int]) -> dict[str, Cover]:
    """What the ledgers of `chunks` say of each book, by key.

    Raises:
        StageOrderError: A ledger is not there.
    """
    covers: dict[str, Cover] = {}
    for chunk in chunks:
        file = study.workspace.ledger / f"chunk-{chunk:04d}.csv"
        if not file.exists():
            raise StageOrderError(f"the ledger of chunk {chunk} is gone", where=file, advice="Run `download` again.")
        covers.update({row.key: Cover(row.outcome, row.path, row.sha256) for row in read_rows(file)})
    return covers


def find_fault(
    book: Book,
    cover: Cover | None,
    decision: Decision | None,
    *,
    candidate: bool,
    reject_undecided: bool,
) -> str:
    """Why `book` cannot be in the study; empty where nothing speaks against it.

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
    if candidate and decision is None and (reject_undecided or book.role == POOL):
        return UNDECIDED
    return ""


def find_faults(
    books: Iterable[Book],
    covers: Mapping[str, Cover],
    decisions: Mapping[str, Decision],
    candidates: Collection[str],
    *,
    reject_undecided: bool,
) -> dict[str, str]:
    """The faults of `books` by key; books without one are not in it.

    A training book with the same picture, byte for byte, as a sound test book is at fault too ("twin in the test set"):
    a network would be tested on a picture that it was trained on. The test book stays.
    """
    faults = {}
    sound_test: set[str] = set()
    training: list[Book] = []
    for book in books:
        fault = find_fault(
            book,
            covers.get(book.key),
            decisions.get(book.key),
            candidate=book.key in candidates,
            reject_undecided=reject_undecided,
        )
        if fault:
            faults[book.key] = fault
        elif book.role == TEST:
            sound_test.add(covers[book.key].sha256)
        elif book.role == TRAIN:
            training.append(book)
    return faults | {book.key: TWIN for book in training if covers[book.key].sha256 in sound_test}
