"""Box-set candidates: books whose title has one of the terms of section 3.1, anywhere and in any case.

Of BookCover30's 57,000 records 264 matched its regular expression, and 94 of those were rejected by eye. The pool of
replacements is searched too, because a box set is no replacement for another.
"""

import re
from collections.abc import Sequence

from bookcover_core.listings.books import POOL, read_eligible_books
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_csv

COLUMNS = ("key", "filename", "title", "category", "term")


@stage("candidates", "Find box sets by title", step="curate", settings=("curation.title_terms",), after=("listings",))
def find_candidates(study: Study, _: StageRun) -> Result:
    """The manifest of `curation/candidates.csv`: the books of the study's genres, the pool's too, that may be box sets.

    The file has a row for each candidate, sorted by key, with the first of `curation.title_terms` that its title has.
    """
    books = read_eligible_books(study)
    terms = [(term, compile_term(term)) for term in study.settings.curation.title_terms if term.strip()]
    rows = [
        (book.key, book.filename, book.title, book.genre, term)
        for book in books
        if (term := first_term(book.title, terms))
    ]
    file = study.workspace.curation / "candidates.csv"
    write_csv(file, COLUMNS, rows)
    pool = {book.key for book in books if book.role == POOL}
    of_pool = sum(row[0] in pool for row in rows)
    counts = {"searched": len(books), "candidates": len(rows) - of_pool, "candidates of the pool": of_pool}
    return Result(outputs=[file], counts=counts)


def compile_term(term: str) -> re.Pattern[str]:
    """The search for `term`: case does not count, `#` is a number in digits, and a space any white space."""
    pieces = {"#": r"\d+", " ": r"\s+"}
    pattern = "".join(pieces.get(character, re.escape(character)) for character in " ".join(term.split()))
    return re.compile(pattern, re.IGNORECASE)


def first_term(title: str, terms: Sequence[tuple[str, re.Pattern[str]]]) -> str:
    """The first of `terms` that `title` has; empty where it has none."""
    return next((term for term, pattern in terms if pattern.search(title)), "")
