"""The selection of books: which stay, which leave, and which replace them, by the current covers and decisions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bookcover_core.covers.chunks import ledger_parts
from bookcover_core.curation.box_set_candidates import candidate_files, candidate_rows
from bookcover_core.curation.decisions import Decision, standing_decisions
from bookcover_core.curation.exclusions import (
    TWIN,
    WRONG_LABEL,
    CoverRecord,
    cover_records,
    exclusion_reasons,
    find_leaks,
    read_ledgers,
)
from bookcover_core.curation.label_marks import wrong_labels
from bookcover_core.curation.near_duplicates import read_duplicates
from bookcover_core.curation.replacement import Replacement, replace_excluded
from bookcover_core.listings.books import POOL, TRAIN, EligibleBook, read_eligible_books
from bookcover_core.pipeline.study import Study


@dataclass(frozen=True)
class BookSelection:
    """The selected and the excluded books of a study."""

    covers: Mapping[str, CoverRecord]
    decisions: Mapping[str, Decision]
    candidates: frozenset[str]
    """Keys of the books whose title has a box-set term, or whose cover."""
    kept: list[EligibleBook]
    added: list[EligibleBook]
    rest: list[EligibleBook]
    """Other usable books of the pool: no candidates that nobody has kept, each picture once, none of a listed book."""
    replacements: list[Replacement]

    def undecided(self, books: Iterable[EligibleBook]) -> list[str]:
        """Keys of the candidates among `books` that nobody has decided on."""
        return [book.key for book in books if book.key in self.candidates and book.key not in self.decisions]


def select_books(study: Study) -> BookSelection:
    """The selection by what is known and decided now."""
    study.manifest("twins")
    rows = read_ledgers(study, ledger_parts(study))
    return BookSelector(study).select(cover_records(study, rows, read_duplicates(study.workspace)))


class BookSelector:
    """Selects the books of a study by its listings, candidates and decisions as they are now."""

    def __init__(self, study: Study) -> None:
        for label in candidate_files(study):
            study.manifest(label)
        self.books = read_eligible_books(study)
        self._settings = study.settings
        self._decisions = standing_decisions(study)
        self._candidates = frozenset(candidate_rows(candidate_files(study).values()))
        self._mislabelled: set[str] = set()
        if study.settings.curation.labels == "leave-out":
            # Where the listings do not say which books are tested, `split` leaves them out, when it has drawn those.
            learnt = {book.key for book in self.books if book.role in {TRAIN, POOL}}
            self._mislabelled = learnt & wrong_labels(study).keys()

    def select(self, covers: Mapping[str, CoverRecord], unseen: Collection[str] = ()) -> BookSelection:
        """The selection by these covers, by key, as if nobody had rejected `unseen` books.

        A book without a cover is not downloaded.
        """
        books, candidates = self.books, self._candidates
        decisions = {
            key: each for key, each in self._decisions.items() if each.decision != "reject" or key not in unseen
        }
        excluded = exclusion_reasons(books, covers, decisions, candidates, self._settings.curation.undecided)
        excluded |= dict.fromkeys(sorted(self._mislabelled - excluded.keys()), WRONG_LABEL)
        twin_of = find_leaks(books, covers, excluded)
        excluded |= dict.fromkeys(twin_of, TWIN)

        pool = [book for book in books if book.role == POOL and book.key not in excluded]
        kept = [book for book in books if book.role != POOL and book.key not in excluded]
        leaving = [book for book in books if book.role != POOL and book.key in excluded]
        shown = {covers[book.key].picture for book in kept}
        replacements = replace_excluded(excluded, leaving, pool, covers, shown, twin_of, self._settings.seed)
        replacing = {replacement.replaced_by for replacement in replacements}
        added = [book for book in pool if book.key in replacing]
        shown |= {covers[book.key].picture for book in added}
        reviewed = [book for book in reversed(pool) if book.key in decisions or book.key not in candidates]
        rest = {covers[book.key].picture: book for book in reviewed if covers[book.key].picture not in shown}
        ordered = sorted(rest.values(), key=lambda book: book.key)
        return BookSelection(covers, decisions, candidates, kept, added, ordered, replacements)
