"""The stage `curate`: the final selection of books, with box sets and unusable covers replaced (section 3.1).

An unusable training or test book is replaced by one of its genre from the pool; in a study that draws its own split
there is no pool, and the book is left out.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from bookcover_core.covers.chunks import ledger_parts
from bookcover_core.curation.box_set_candidates import candidate_files
from bookcover_core.curation.edited_table import book_names
from bookcover_core.curation.review_queue import check_known, check_reviewed
from bookcover_core.curation.selection import BOX_SET, TWIN, Replacement, select_books, selection_inputs, shrink_genres
from bookcover_core.errors import GenreError, PoolExhaustedError
from bookcover_core.listings.book_groups import title_names
from bookcover_core.listings.books import POOL, EligibleBook
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_csv
from bookcover_core.settings import BookSource

logger = logging.getLogger(__name__)

_TEXTS = ("title", "author", "url")
SELECTION = ("key", "filename", "path", "label", "genre", "split", "group", "replaces", *_TEXTS, "sha256")
REPLACEMENTS = Replacement._fields
FEWEST_BOOKS = 3  # one each for training, validation and test


def _inputs(study: Study) -> Inputs:
    downloads = [f"download/{part}" for part in ledger_parts(study)]
    return Inputs(after=["listings", *candidate_files(study), "twins", *downloads], given=selection_inputs(study))


@stage(
    "curate",
    "Replace unusable books",
    settings=(
        "seed",
        "curation.undecided",
        "curation.pool_exhausted",
        "curation.train_on_pool",
        "curation.twins",
        "curation.labels",
        "splits.by_title",
    ),
    inputs=_inputs,
)
def curate(study: Study, _: StageRun) -> Result:
    """The manifest of `curation/selection.csv` and `curation/replacements.csv`.

    `selection.csv` has the columns `SELECTION`, sorted by key: `path` of the cover, relative to the study's folder;
    `split`, train, test or pool where the listings say so, else empty; `replaces`, the key of the book that it
    replaces. `replacements.csv` has a row for each `Replacement`, sorted by key. Raises `PoolExhaustedError` where a
    book has no replacement and `curation.pool_exhausted` is "fail"; `GenreError` where a genre is left with fewer than
    three books.
    """
    selection = select_books(study)
    listed = {*(book.key for book in selection.kept), *(replacement.key for replacement in selection.replacements)}
    check_known(study, selection.decisions, book_names(study) or BookNames(()))
    undecided = check_reviewed(study, selection)
    covers, replacements = selection.covers, list(selection.replacements)
    replaced = {replacement.replaced_by: replacement for replacement in replacements if replacement.replaced_by}
    selected = selection.kept + selection.added
    sides = {book.key: replaced[book.key].split if book.key in replaced else book.role for book in selected}
    short = [replacement for replacement in replacements if not replacement.replaced_by]
    if short and any(sides.values()):
        shrunk = _handle_exhausted(study, short, selected, sides)
        replacements += shrunk
        leaving = {replacement.key for replacement in shrunk}
        selected = [book for book in selected if book.key not in leaving]
    _check_genres(study, selected)
    if study.settings.curation.train_on_pool:
        selected = selected + selection.rest
        sides |= dict.fromkeys((book.key for book in selection.rest), POOL)

    groups = unite_groups((book.key, book.group, {covers[book.key].picture, *_names(study, book)}) for book in selected)
    rows = []
    for book in sorted(selected, key=lambda book: book.key):
        key, cover = book.key, covers[book.key]
        drawn = (sides[key], groups[key], replaced[key].key if key in replaced else "")
        texts = (getattr(book, column) for column in _TEXTS)
        rows.append((key, book.filename, cover.path, book.label, book.genre, *drawn, *texts, cover.sha256))
    write_csv(study.workspace.selection, SELECTION, rows)
    left = study.workspace.curation / "replacements.csv"
    write_csv(left, REPLACEMENTS, sorted(replacements))
    reasons = Counter(replacement.reason for replacement in replacements)
    counts: dict[str, Any] = {
        "selected": len(selected),
        "candidates": len(listed & selection.candidates),
        "undecided": undecided,
        "rejected box sets": reasons[BOX_SET],
        "replaced": len(replaced),
        "short": len(short),
        "twins across splits": reasons[TWIN],
        "twins left": len(selected) - len({covers[book.key].picture for book in selected}),
        "groups": len(set(groups.values())),
        "reasons": dict(sorted(reasons.items())),
        "splits": dict(sorted(Counter(sides[book.key] for book in selected if sides[book.key]).items())),
        "genres": dict(sorted(Counter(book.genre for book in selected).items())),
    }
    return Result(outputs=[study.workspace.selection, left], counts=counts)


def unite_groups(books: Iterable[tuple[str, str, Collection[str]]]) -> dict[str, str]:
    """The group of each book, by key: books that share a group or a link, or that others join, stay on one side.

    Of each book key, group of the listing, and links are given: names of its work and series, and its image. A united
    group has the alphabetically first of its names.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    rows = sorted(books, key=lambda row: row[:2])
    first_with: dict[tuple[str, str], int] = {}
    edges = [(row, first_with.setdefault(("group", group), row)) for row, (_, group, _) in enumerate(rows)]
    edges += [(row, first_with.setdefault(("", link), row)) for row, (*_, links) in enumerate(rows) for link in links]
    one, other = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    joined = coo_array((np.ones(len(edges)), (one, other)), shape=(len(rows), len(rows)))
    roots = connected_components(joined, directed=False)[1].tolist() if rows else []
    names: dict[int, str] = {}
    for root, (_, group, _) in zip(roots, rows, strict=True):
        names[root] = min(group, names.get(root, group))
    return {key: names[root] for root, (key, _, _) in zip(roots, rows, strict=True)}


def _names(study: Study, book: EligibleBook) -> set[str]:
    """Names of the work and the series that a book's title gives; none of a picture's file, which is no title."""
    settings = study.settings
    by_title = settings.splits.by_title and settings.books.source is not BookSource.FOLDER
    return {f"title {name}" for name in title_names(book.title)} if by_title else set()


def _handle_exhausted(
    study: Study, short: Collection[Replacement], selected: Collection[EligibleBook], sides: Mapping[str, str]
) -> list[Replacement]:
    """The books that leave because the pool is exhausted."""
    genres = Counter(replacement.genre for replacement in short)
    named = ", ".join(f"{genre} {count}" for genre, count in sorted(genres.items()))
    if study.settings.curation.pool_exhausted == "fail":
        what = f"the pool has no book left to replace {len(short)} ({named})"
        advice = "Download more chunks, name a larger books.pool_listing, or set it to short or shrink."
        raise PoolExhaustedError(what, where="curation.pool_exhausted", advice=advice)
    logger.warning("curate: the pool has no book left to replace %d (%s)", len(short), named)
    if study.settings.curation.pool_exhausted == "short":
        return []
    return shrink_genres(selected, sides, study.settings.seed)


def _check_genres(study: Study, selected: Iterable[EligibleBook]) -> None:
    """Raise `GenreError` where a genre is left with too few books."""
    books = Counter(book.genre for book in selected)
    genres = read_table(study.workspace.genres)["name"]
    scarce = [f"{genre} {books[genre]}" for genre in genres if books[genre] < FEWEST_BOOKS]
    if scarce:
        what = f"fewer than {FEWEST_BOOKS} usable books are left of {len(scarce)} genres ({', '.join(scarce)})"
        advice = "Add books of these genres or leave the genres out; the ledger says what became of each cover."
        raise GenreError(what, where=study.workspace.curation, advice=advice)
