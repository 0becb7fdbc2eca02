"""Box-set candidates: books whose title has one of the terms of section 3.1, anywhere and in any case.

Of BookCover30's 57,000 records 264 matched its regular expression, and 94 of those were rejected by eye. The pool of
replacements is searched too, because a box set is no replacement for another. With `curation.read_box_sets` the words
on covers propose further ones (`reading.cover_candidates`).
"""

import re
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from bookcover_core.listings.books import POOL, read_eligible_books
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_csv, write_csv

COLUMNS = ("key", "filename", "title", "category", "term")

COVER_CANDIDATES = "cover-candidates"
"""The stage that finds candidates by their covers; its table has one more column, `read`: what the cover says there."""


@stage("candidates", "Find box sets by title", step="curate", settings=("curation.title_terms",), after=("listings",))
def find_candidates(study: Study, _: StageRun) -> Result:
    """The manifest of `curation/candidates.csv`: the books of the study's genres, the pool's too, that may be box sets.

    The file has a row for each candidate, sorted by key, with the first of `curation.title_terms` that its title has.
    """
    books = read_eligible_books(study)
    terms = [(term, compile_term(term)) for term in study.settings.curation.title_terms if term.strip()]
    found = [(book, term) for book in books if (term := first_term(book.title, terms))]
    file = study.workspace.curation / "candidates.csv"
    write_csv(file, COLUMNS, ((book.key, book.filename, book.title, book.genre, term) for book, term in found))
    of_pool = sum(book.role == POOL for book, _ in found)
    counts = {"searched": len(books), "candidates": len(found) - of_pool, "candidates of the pool": of_pool}
    return Result(outputs=[file], counts=counts)


def candidate_files(study: Study) -> dict[str, Path]:
    """The tables of candidates, by the stage that writes each; a book stands in one of them."""
    found = {"candidates": study.workspace.curation / "candidates.csv"}
    if study.settings.curation.read_box_sets:
        found[COVER_CANDIDATES] = study.workspace.curation / "cover_candidates.csv"
    return found


def candidate_rows(files: Iterable[Path]) -> dict[str, dict[str, str]]:
    """The rows of tables of candidates, of those that are there, by key; `read` is empty for a candidate by title."""
    return {row["key"]: {"read": ""} | row for file in files for row in table_rows(file)}


def table_rows(file: Path, keys: Container[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a table, or those of these keys (its first column); none where there is no such file."""
    if not file.exists():
        return []
    columns, *rows = read_csv(file)
    return [dict(zip(columns, row, strict=True)) for row in rows if keys is None or row[0] in keys]


def compile_term(term: str) -> re.Pattern[str]:
    """The search for `term`: case does not count, `#` is a number in digits, and a space any white space."""
    return _compile(term, {"#": r"\d+", " ": r"\s+"})


def compile_read_term(term: str) -> re.Pattern[str]:
    """The search for `term` in what was read: spaces may be missing, and a hyphen be a dash, "to", "and", "&"."""
    return _compile(term, {"#": r"\d+", " ": r"[\W_]*", "-": r"[\W_]*(?:[-\u2010-\u2015~&]|to|and)[\W_]*"})


def _compile(term: str, pieces: dict[str, str]) -> re.Pattern[str]:
    pattern = "".join(pieces.get(character, re.escape(character)) for character in " ".join(term.split()))
    return re.compile(pattern, re.IGNORECASE)


def first_term(title: str, terms: Sequence[tuple[str, re.Pattern[str]]]) -> str:
    """The first of `terms` that `title` has; empty where it has none."""
    return next((term for term, pattern in terms if pattern.search(title)), "")
