"""The choice: which books stay, which leave, and which come in, by what is known and decided now.

Everything that the choice hangs on is read here, so that the stage which writes it down (`curate`) and the review,
which asks people about the candidates that it would bring in, choose alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bookcover_core.covers.chunks import chunks
from bookcover_core.curation.decisions import Decision, decisions_file, read_decisions
from bookcover_core.curation.eligible_books import Book, read_books
from bookcover_core.curation.exclusions import TWIN, Cover, find_faults, find_leaks, read_covers
from bookcover_core.curation.replacement import Replacement, replace_faulty
from bookcover_core.listings.books import POOL
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table


@dataclass(frozen=True)
class Choice:
    """What the books of a study come to."""

    books: list[Book]
    """Every book of the listings, sorted by key."""
    covers: Mapping[str, Cover]
    decisions: Mapping[str, Decision]
    candidates: frozenset[str]
    """Keys of the books whose title speaks of a box set."""
    sound: list[Book]
    """The books that were wanted and can stay."""
    came: list[Book]
    """The books of the pool that come in."""
    replacements: list[Replacement]
    """The books that leave, in the order of their keys."""

    @property
    def wanted(self) -> list[Book]:
        """The books that the listings want in the study."""
        return [book for book in self.books if book.role != POOL]

    @property
    def unreviewed(self) -> list[str]:
        """Keys of the books that would come in, are candidates for box sets, and that nobody has decided on."""
        return [book.key for book in self.came if book.key in self.candidates and book.key not in self.decisions]


def choose_books(study: Study) -> Choice:
    """The books that stay, leave and come in.

    Raises:
        StageOrderError: The listings, the candidates, the twins or one of the chunks are not done.
        DecisionsError: The file of decisions is malformed.
    """
    for stage in ("candidates", "twins"):
        study.manifest(stage)
    settings = study.settings
    books = read_books(study)
    covers = read_covers(study, chunks(study))
    decisions = read_decisions(decisions_file(study))
    candidates = frozenset(read_table(study.workspace.curation / "candidates.csv")["key"])
    faults = find_faults(books, covers, decisions, candidates, undecided=settings.curation.undecided)
    twin_of = find_leaks(books, covers, faults)
    faults |= dict.fromkeys(twin_of, TWIN)

    wanted = [book for book in books if book.role != POOL]
    pool = [book for book in books if book.role == POOL and book.key not in faults]
    sound = [book for book in wanted if book.key not in faults]
    replacements = replace_faulty(
        faults,
        [book for book in wanted if book.key in faults],
        pool,
        covers,
        taken=[covers[book.key].picture for book in sound],
        twin_of=twin_of,
        seed=settings.seed,
    )
    came = {replacement.replaced_by for replacement in replacements}
    return Choice(
        books=books,
        covers=covers,
        decisions=decisions,
        candidates=candidates,
        sound=sound,
        came=[book for book in pool if book.key in came],
        replacements=replacements,
    )
