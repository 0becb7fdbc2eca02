"""The stage `split`: training, validation and test books (section 3.1).

For BookCover30 the test books are those of its test listing, and a tenth of each genre's training books is held out for
validation: 46,170 / 5,130 / 5,700, or 1,539 / 171 / 190 a genre. Where the source names no test books, they are drawn
first. Groups (`unite_groups`) never cross sides, but that a training book of BookCover30 which shares its title or
series, not its image, with a test book stays where the official listings have it: the column `shared_with_training`
marks such test books, 455 of 5,700 by 29,451 of the 51,300 training records.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
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
_SIDES = (TRAIN, VALIDATION, TEST)
_FIELDS = ("key", "label", "group", "split", "replaces")


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
    a training or validation book, else empty. Raises `GenreError` where a genre has no book for one of the splits,
    because its books form too few groups.
    """
    books = read_table(study.workspace.selection, label="int64")
    split_books = [SplitBook(*row) for row in books[list(_FIELDS)].itertuples(index=False, name=None)]
    shares = study.settings.splits
    drawn = split_books if shares.grouped else [replace(book, group=book.key) for book in split_books]
    sides = (fold_sides if shares.fold else assign_sides)(drawn, shares, study.settings.seed)
    held = {book.group for book in split_books if sides.get(book.key, TRAIN) != TRAIN}
    sides |= {book.key: TRAIN for book in split_books if book.side == POOL and book.group not in held}
    books = books[books["key"].isin(sides)]
    off_quota = _count_off_quota(books[books["split"] != POOL], sides, shares.validation_share)
    marked: dict[str, int] = {}
    if study.settings.curation.labels != "ignore":
        books, marked = apply_marks(study, books, sides)
    side = books["key"].map(sides)
    shared = (side == TEST) & books["group"].isin(books.loc[side != TEST, "group"])
    books = books.assign(split=side, shared_with_training=np.where(shared, "yes", ""))
    genres = _count_sides(books)
    if shared.any():
        titles = books.loc[shared, "title"].tolist()
        logger.warning(
            "split: %d test books share a title, a series or a group with training or validation books (%s)",
            len(titles),
            "; ".join(titles[:3]) + ("; ..." if len(titles) > 3 else ""),
        )
    write_table(study.workspace.splits, books.sort_values("key"))
    by_side = {side: [counts[side] for counts in genres.values()] for side in _SIDES}
    counts = {side: sum(found) for side, found in by_side.items()} | {
        "per genre": {side: {"least": min(found), "most": max(found)} for side, found in by_side.items()},
        "validation books off quota": off_quota,
        "test books shared with training": int(shared.sum()),
        "genres": genres,
    }
    if marked:
        counts["marked labels"] = marked
    return Result(outputs=[study.workspace.splits], counts=counts)


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
    sides = zip(_SIDES, division, strict=True)
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


def _count_sides(books: "pd.DataFrame") -> dict[str, dict[str, int]]:
    """Books of each genre on each side, by name, in the order of their labels."""
    found: dict[str, dict[str, int]] = {}
    for name in books.sort_values("label")["genre"].unique().tolist():
        rows = books[books["genre"] == name]
        found[name] = {side: int((rows["split"] == side).sum()) for side in _SIDES}
        if empty := [side for side, count in found[name].items() if not count]:
            groups = Counter(rows["group"])
            [(largest, size)] = groups.most_common(1)
            raise GenreError(
                f"the genre has no book for {' and '.join(empty)}: its {len(rows)} books form "
                f"{len(groups)} groups, which are not divided (by title, series, picture or books.groups; the "
                f"largest, {largest!r}, has {size})",
                where=name,
                advice="Add books to the genre, leave it out, ask for fewer splits.folds if this is one, or name "
                "smaller groups in the file of books.groups, with splits.by_title = false.",
            )
    return found


def _count_off_quota(books: "pd.DataFrame", sides: Mapping[str, str], share: float) -> int:
    """Validation books too many or too few, over all genres, because groups were not divided."""
    side = books["key"].map(sides)
    quotas = find_quotas({"": Counter(books.loc[side != TEST, "label"])}, share, others=1)
    have = Counter(books.loc[side == VALIDATION, "label"])
    return sum(abs(quota - have[label]) for label, quota in quotas.items())
