"""The stage `split`: training, validation and test books (section 3.1).

For BookCover30 the test books are those of its test listing, and a tenth of each genre's training books is held out for
validation: 46,170 / 5,130 / 5,700, or 1,539 / 171 / 190 a genre. Where the source names no test books, they are drawn
first, genre by genre. Groups (`curation.leakage_groups`) never cross sides, with one exception: a training book of
BookCover30 that shares its title or series, not its image, with a test book stays where the official listings have it.
The column `shared_with_training` marks such test books: 455 of 5,700 by 29,451 of the 51,300 training records.

With `splits.fold` the sides are those of one fold of a cross-validation (`folds`), whatever the listings say.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bookcover_core.curation.folds import divide_fold
from bookcover_core.curation.grouped_split import draw_groups, find_quotas
from bookcover_core.curation.label_marks import apply_marks, label_inputs
from bookcover_core.curation.seeded_draw import seeded_draw
from bookcover_core.errors import GenreError
from bookcover_core.listings.books import POOL, TEST, TRAIN
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.settings import SplitSettings

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class SplitBook:
    """The fields of a book that its side depends on."""

    key: str
    label: int
    group: str
    side: str = ""  # train, test or pool where the listings say so; else empty
    replaces: str = ""  # the book that it replaces, whose draw it inherits


@stage(
    "split",
    "Split into training, validation and test",
    step="curate",
    settings=("seed", "splits", "curation.labels"),
    inputs=lambda study: Inputs(after=["curate"], given=label_inputs(study, "correct", "leave-out")),
)
def split(study: Study, _: StageRun) -> Result:
    """The manifest of `splits/books.csv`: the selection's rows, sorted by key, with split train, validation or test.

    Labels that people marked as wrong are used as `curation.labels` says (`apply_marks`) when the sides are drawn: no
    mark moves a book from one side to another. The column `shared_with_training` is yes for a test book whose group has
    a training or validation book, else empty.

    Raises:
        GenreError: A genre has no book for one of the splits, because its books form too few groups.
    """
    books = read_table(study.workspace.selection, label="int64")
    split_books = _split_books(books)
    shares = study.settings.splits
    drawn = split_books if shares.grouped else [replace(book, group=book.key) for book in split_books]
    sides = (fold_sides if shares.fold else assign_sides)(drawn, shares, study.settings.seed)
    held = {book.group for book in split_books if sides.get(book.key, TRAIN) != TRAIN}
    sides |= {book.key: TRAIN for book in split_books if book.side == POOL and book.group not in held}
    books = books[books["key"].isin(sides)]
    off_quota = _count_off_quota(_split_books(books), sides, shares.validation_share)
    marked: dict[str, int] = {}
    if study.settings.curation.labels != "ignore":
        books, marked = apply_marks(study, books, sides)
    split_books = _split_books(books)
    sides = {book.key: sides[book.key] for book in split_books}
    names = {int(label): genre for label, genre in zip(books["label"], books["genre"], strict=True)}
    per_genre = _count_sides(split_books, sides, names)
    shared = find_shared(split_books, sides)
    books = books.assign(
        split=[sides[key] for key in books["key"]],
        shared_with_training=["yes" if key in shared else "" for key in books["key"]],
    )
    if shared:
        titles = books.loc[books["key"].isin(shared), "title"].tolist()
        logger.warning(
            "split: %d test books share a title, a series or a group with training or validation books (%s)",
            len(shared),
            "; ".join(titles[:3]) + ("; ..." if len(titles) > 3 else ""),
        )
    write_table(study.workspace.splits, books.sort_values("key"))
    by_side = {side: [counts[side] for counts in per_genre.values()] for side in (TRAIN, VALIDATION, TEST)}
    counts = {side: sum(found) for side, found in by_side.items()} | {
        "per genre": {side: {"least": min(found), "most": max(found)} for side, found in by_side.items()},
        "validation books off quota": off_quota,
        "test books shared with training": len(shared),
        "genres": {names[label]: dict(counts) for label, counts in sorted(per_genre.items())},
    }
    if marked:
        counts["marked labels"] = marked
    return Result(outputs=[study.workspace.splits], counts=counts)


def _split_books(books: "pd.DataFrame") -> list[SplitBook]:
    fields = books[["key", "label", "group", "split", "replaces"]]
    return [SplitBook(*row) for row in fields.itertuples(index=False, name=None)]


def assign_sides(split_books: Iterable[SplitBook], shares: SplitSettings, seed: int) -> dict[str, str]:
    """The side of every book, by key: train, validation or test; books of the pool are given none.

    The order of `split_books` does not matter. Where any of them has a side, those with side "test" are the test books,
    and `test_share` is not used.
    """
    split_books = [book for book in split_books if book.side != POOL]
    if any(book.side for book in split_books):
        test = {book.key for book in split_books if book.side == TEST}
    else:
        test = _draw_side(split_books, shares.test_share, others=2, seed=seed, purpose=TEST)
    rest = [book for book in split_books if book.key not in test]
    validation = _draw_side(rest, shares.validation_share, others=1, seed=seed, purpose=VALIDATION)
    sides = {book.key: VALIDATION if book.key in validation else TRAIN for book in rest}
    return sides | dict.fromkeys(test, TEST)


def fold_sides(split_books: Iterable[SplitBook], shares: SplitSettings, seed: int) -> dict[str, str]:
    """The same in the fold that `shares` names, whatever sides the listings name.

    Raises `GenreError` where the books form too few groups.
    """
    books = sorted((book for book in split_books if book.side != POOL), key=lambda book: book.key)
    labels, groups = np.array([book.label for book in books]), np.array([book.group for book in books])
    division = divide_fold(
        labels, groups, fold=shares.fold, folds=shares.folds, validation_share=shares.validation_share, seed=seed
    )
    sides = zip((TRAIN, VALIDATION, TEST), division, strict=True)
    return {books[row].key: side for side, rows in sides for row in rows}


def _draw_side(split_books: list[SplitBook], share: float, *, others: int, seed: int, purpose: str) -> set[str]:
    """Keys of the books on one side; a group has the draw of its first book."""
    sizes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    draws: dict[str, float] = {}
    for book in sorted(split_books, key=lambda book: book.replaces or book.key):
        sizes[book.group][book.label] += 1
        if book.group not in draws:
            draws[book.group] = seeded_draw(seed, purpose, book.replaces or book.key)
    drawn = draw_groups(sizes, draws, share, others)
    return {book.key for book in split_books if book.group in drawn}


def _count_sides(
    split_books: list[SplitBook], sides: Mapping[str, str], names: Mapping[int, str]
) -> dict[int, dict[str, int]]:
    """Books of each genre on each side, by label."""
    counts = {label: dict.fromkeys((TRAIN, VALIDATION, TEST), 0) for label in names}
    groups: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for book in split_books:
        counts[book.label][sides[book.key]] += 1
        groups[book.label][book.group] += 1
    for label, genre in counts.items():
        empty = [side for side, books in genre.items() if not books]
        if empty:
            [(largest, size)] = groups[label].most_common(1)
            raise GenreError(
                f"the genre has no book for {' and '.join(empty)}: its {sum(genre.values())} books form "
                f"{len(groups[label])} groups, which are not divided (by title, series, picture or books.groups; the "
                f"largest, {largest!r}, has {size})",
                where=names[label],
                advice="Add books to the genre, leave it out, or name smaller groups in the file of books.groups, with "
                "splits.by_title = false.",
            )
    return counts


def _count_off_quota(split_books: list[SplitBook], sides: Mapping[str, str], share: float) -> int:
    """Validation books too many or too few, over all genres, because groups were not divided."""
    learnt = [book for book in split_books if sides[book.key] != TEST and book.side != POOL]
    quotas = find_quotas({book.key: {book.label: 1} for book in learnt}, share, others=1)
    have = Counter(book.label for book in learnt if sides[book.key] == VALIDATION)
    return sum(abs(quota - have[label]) for label, quota in quotas.items())


def find_shared(split_books: Collection[SplitBook], sides: Mapping[str, str]) -> set[str]:
    """Keys of the test books whose group has a training or validation book too."""
    learnt = {book.group for book in split_books if sides[book.key] != TEST}
    return {book.key for book in split_books if sides[book.key] == TEST and book.group in learnt}
