"""Exclusions: the reasons why a book cannot be in the study.

A book is excluded if a person rejected it, if it has no usable cover, or if it is an undecided candidate and the
settings reject those; in the pool always, for section 3.1 accepts no unreviewed box set as a replacement.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.covers.chunks import DRAWN
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.curation.decisions import Decision
from bookcover_core.curation.near_duplicates import Duplicate, name_pictures
from bookcover_core.errors import StageOrderError
from bookcover_core.listings.books import POOL, TEST, TRAIN, EligibleBook
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import Undecided

BOX_SET = "box set"  # a candidate that a person rejected
REJECTED = "rejected"  # another book that a person rejected
UNDECIDED = "undecided candidate"
NOT_DOWNLOADED = "not downloaded"
TWIN = "twin in the test set"
WRONG_LABEL = "label marked wrong"
SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True)
class CoverRecord:
    """The ledger's record of one cover."""

    outcome: str
    path: str
    sha256: str
    picture: str  # identifier of the image, shared by near duplicates


def read_ledgers(study: Study, parts: Iterable[str]) -> list[LedgerRow]:
    """The rows of `parts` of the download ("chunk-0001"); `StageOrderError` where a ledger is not there."""
    rows: list[LedgerRow] = []
    for part in parts:
        file = study.workspace.ledger / f"{part}.csv"
        if not file.exists():
            step = "curate" if part == DRAWN else "download"
            raise StageOrderError(f"the ledger of {part} is gone", where=file, advice=f"Run `{step}` again.")
        rows += read_rows(file)
    return rows


def cover_records(study: Study, rows: Iterable[LedgerRow], duplicates: Iterable[Duplicate]) -> dict[str, CoverRecord]:
    """The covers of ledger rows, by key of the book, where these books have duplicates."""
    pictures = name_pictures(duplicates)
    alone = study.settings.curation.twins == "none"
    return {
        row.key: CoverRecord(row.outcome, row.path, row.sha256, row.key if alone else pictures.get(row.key, row.sha256))
        for row in rows
    }


def exclusion_reasons(
    books: Iterable[EligibleBook],
    covers: Mapping[str, CoverRecord],
    decisions: Mapping[str, Decision],
    candidates: Collection[str],
    undecided: Undecided,
) -> dict[str, str]:
    """The reasons by key of the excluded `books`: one of the above, or the outcome in the ledger ("missing", ...)."""
    reasons: dict[str, str] = {}
    # Settings that exclude undecided candidates, of the listings and of the pool.
    excluding = {"reject"}, {"reject", "keep"}
    for book in books:
        cover, decision = covers.get(book.key), decisions.get(book.key)
        is_candidate = book.key in candidates
        if decision is not None and decision.decision == "reject":
            reasons[book.key] = BOX_SET if is_candidate else REJECTED
        elif cover is None:
            reasons[book.key] = NOT_DOWNLOADED
        elif cover.outcome != CoverOutcome.OK:
            reasons[book.key] = cover.outcome
        elif is_candidate and decision is None and undecided in excluding[book.role == POOL]:
            reasons[book.key] = UNDECIDED
    return reasons


def find_leaks(
    books: Iterable[EligibleBook], covers: Mapping[str, CoverRecord], excluded: Collection[str]
) -> dict[str, str]:
    """The training books that duplicate a test book, by key, with the key of that test book.

    A network would be tested on an image that it was trained on. The test book stays: of several, the first of `books`.
    """
    kept = [book for book in books if book.key not in excluded]
    tested = {covers[book.key].picture: book.key for book in reversed(kept) if book.role == TEST}
    return {
        book.key: tested[covers[book.key].picture]
        for book in kept
        if book.role == TRAIN and covers[book.key].picture in tested
    }
