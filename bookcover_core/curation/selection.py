"""The selection of books: which stay, which leave and why, and which replace them (section 3.1).

Excluded is a book that a person rejected, one without a usable cover, and an undecided candidate where the settings
reject those; in the pool always, for section 3.1 accepts no unreviewed box set as a replacement.

Replacements are drawn from the pool at random, but stable (consistent hashing): the seeded draws of a genre's pool
books are points on a ring; an excluded book has a point there too, and takes the next free book. A further exclusion in
a later review changes its own replacement and at most those of close neighbours on the ring.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bookcover_core.covers.chunks import DRAWN, ledger_parts
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.curation.box_set_candidates import candidate_files, candidate_rows
from bookcover_core.curation.decisions import Decision, decisions_file, standing_decisions
from bookcover_core.curation.label_marks import label_inputs, wrong_labels
from bookcover_core.curation.near_duplicates import Duplicate, name_pictures, read_duplicates
from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.errors import StageOrderError
from bookcover_core.listings.books import POOL, TEST, TRAIN, EligibleBook, read_eligible_books
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.study import Study

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


class Replacement(NamedTuple):
    """One row of `curation/replacements.csv`: a book that left the study, and the one that replaces it."""

    key: str
    genre: str
    split: str
    reason: str
    replaced_by: str = ""  # key of its replacement, if there is one
    twin_of: str = ""  # key of the test book that it duplicates, if that is the reason


@dataclass(frozen=True)
class BookSelection:
    """The selected and the excluded books of a study."""

    covers: Mapping[str, CoverRecord]
    decisions: Mapping[str, Decision]
    candidates: frozenset[str]  # keys of the books whose title has a box-set term, or whose cover
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


def selection_inputs(study: Study) -> dict[str, str]:
    """What people said that a selection depends on: the inputs of a stage that makes one."""
    decided = decisions_file(study)
    given = {"decisions": file_digest(decided) if decided.exists() else "none"}
    return given | label_inputs(study, "leave-out")


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
        excluded = self._exclusion_reasons(covers, decisions)
        remaining = [book for book in books if book.key not in excluded]
        tested = {covers[book.key].picture: book.key for book in reversed(remaining) if book.role == TEST}
        shown_twice = [book for book in remaining if book.role == TRAIN and covers[book.key].picture in tested]
        # A network would be tested on an image that it was trained on: the test book stays, of several the first.
        twin_of = {book.key: tested[covers[book.key].picture] for book in shown_twice}
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

    def _exclusion_reasons(
        self, covers: Mapping[str, CoverRecord], decisions: Mapping[str, Decision]
    ) -> dict[str, str]:
        """The reasons by key of the excluded books: one of the above, or the outcome in the ledger ("missing", ...)."""
        reasons: dict[str, str] = {}
        # Settings that exclude undecided candidates, of the listings and of the pool.
        excluding = {"reject"}, {"reject", "keep"}
        for book in self.books:
            cover, decision = covers.get(book.key), decisions.get(book.key)
            is_candidate, undecided = book.key in self._candidates, self._settings.curation.undecided
            if decision is not None and decision.decision == "reject":
                reasons[book.key] = BOX_SET if is_candidate else REJECTED
            elif cover is None:
                reasons[book.key] = NOT_DOWNLOADED
            elif cover.outcome != CoverOutcome.OK:
                reasons[book.key] = cover.outcome
            elif is_candidate and decision is None and undecided in excluding[book.role == POOL]:
                reasons[book.key] = UNDECIDED
            elif book.key in self._mislabelled:
                reasons[book.key] = WRONG_LABEL
        return reasons


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


def replace_excluded(
    excluded: Mapping[str, str],
    books: Iterable[EligibleBook],
    pool: Iterable[EligibleBook],
    covers: Mapping[str, CoverRecord],
    taken: Iterable[str],
    twin_of: Mapping[str, str],
    seed: int,
) -> list[Replacement]:
    """The replacement of each excluded book, in the order of keys, from the usable books of the pool.

    `excluded` are reasons by key, `covers` those of the pool. No book comes in with an image (`CoverRecord.picture`)
    that is `taken` already.
    """
    pictures, rings = set(taken), defaultdict[int, list[tuple[float, str]]](list)
    for book in pool:
        rings[book.label].append((seeded_draw(seed, "pool", book.key), book.key))
    for ring in rings.values():
        ring.sort()
    replacements = []
    for book in sorted(books, key=lambda book: book.key):
        ring = rings[book.label]
        start = bisect_left(ring, (seeded_draw(seed, "replace", book.key), ""))
        chosen = ""
        while ring and not chosen:
            start %= len(ring)
            _, key = ring.pop(start)
            if covers[key].picture not in pictures:
                chosen = key
                pictures.add(covers[key].picture)
        reason, twin = excluded[book.key], twin_of.get(book.key, "")
        replacements.append(Replacement(book.key, book.genre, book.role, reason, chosen, twin))
    return replacements


def shrink_genres(books: Collection[EligibleBook], sides: Mapping[str, str], seed: int) -> list[Replacement]:
    """The books that must leave so that, in each split, every genre has as many books as the smallest.

    Those with the highest draws leave; `sides` is the split of each book, by key.
    """
    drawn: defaultdict[tuple[str, int], list[tuple[float, str, EligibleBook]]] = defaultdict(list)
    for book in books:
        drawn[sides[book.key], book.label].append((seeded_draw(seed, "shrink", book.key), book.key, book))
    labels = sorted({book.label for book in books})
    leaving = []
    for side in sorted(set(sides.values())):
        smallest = min(len(drawn[side, label]) for label in labels)
        for label in labels:
            ordered = sorted(drawn[side, label], key=lambda draw: draw[:2])
            leaving += [Replacement(key, book.genre, side, SHRUNK) for _, key, book in ordered[smallest:]]
    return leaving
