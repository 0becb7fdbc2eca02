"""Splits: which books a network learns from, is chosen by, and is tested on.

Takes `curation/selection.csv`; gives `splits/books.csv`, the same books with training, validation or test beside each.
For BookCover30 the test books are those of its test listing, and a tenth of each genre's training books is held out for
validation: 46,170 / 5,130 / 5,700, or 1,539 / 171 / 190 a genre (section 3.1). Where the source names no test books,
they are drawn first, genre by genre, and the validation books from the rest.

Groups (`bookcover_core.curation.leakage_groups`) never stand on two sides, with one exception: a training book of
BookCover30 that shares its main title, not its picture, with a test book stays where the official listings have it.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bookcover_core.curation.grouped_split import draw_groups, find_quotas
from bookcover_core.curation.seeded_draw import draw_lot
from bookcover_core.errors import GenreError
from bookcover_core.listings.books import TEST, TRAIN
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table

logger = logging.getLogger(__name__)

VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Place:
    """One book, as far as its side hangs on it."""

    key: str
    label: int
    group: str
    side: str = ""
    """train or test where the listings say so; else empty."""
    replaces: str = ""
    """The book in whose place it came, and whose lot it takes over."""


def split(study: Study) -> Manifest:
    """The manifest of `splits/books.csv`: the selection's rows, sorted by key, with split train, validation or test.

    Raises:
        StageOrderError: The books have not been curated.
        GenreError: A genre has no book for one of the splits, because its books form too few groups.
    """
    run = study.stage("split", after=["curate"])
    if run.done:
        return run.done
    books = read_table(study.workspace.selection, label="int64")
    places = [
        Place(key, int(label), group, side, replaces)
        for key, label, group, side, replaces in zip(
            books["key"], books["label"], books["group"], books["split"], books["replaces"], strict=True
        )
    ]
    shares = study.settings.splits
    sides = assign_sides(
        places, validation_share=shares.validation_share, test_share=shares.test_share, seed=study.settings.seed
    )
    names = {int(label): genre for label, genre in zip(books["label"], books["genre"], strict=True)}
    per_genre = _count_sides(places, sides, names)
    books["split"] = [sides[key] for key in books["key"]]
    write_table(study.workspace.splits, books.sort_values("key"))
    totals = Counter(sides.values())
    counts = {side: totals[side] for side in (TRAIN, VALIDATION, TEST)} | {
        "per genre": {
            side: {"least": min(counts[side] for counts in per_genre.values())}
            | {"most": max(counts[side] for counts in per_genre.values())}
            for side in (TRAIN, VALIDATION, TEST)
        },
        "validation books off quota": _count_off_quota(places, sides, shares.validation_share),
        "titles in training and test": _count_shared(places, sides),
        "genres": {names[label]: dict(counts) for label, counts in sorted(per_genre.items())},
    }
    return run.finish(outputs=[study.workspace.splits], counts=counts)


def assign_sides(places: list[Place], *, validation_share: float, test_share: float, seed: int) -> dict[str, str]:
    """The side of every book, by key: train, validation or test.

    The order of `places` does not matter. Where any of them has a side, those with side "test" are the test books, and
    `test_share` is not used.
    """
    if any(place.side for place in places):
        test = {place.key for place in places if place.side == TEST}
    else:
        test = _draw_side(places, test_share, others=2, seed=seed, purpose=TEST)
    rest = [place for place in places if place.key not in test]
    validation = _draw_side(rest, validation_share, others=1, seed=seed, purpose=VALIDATION)
    return {
        place.key: TEST if place.key in test else VALIDATION if place.key in validation else TRAIN for place in places
    }


def _draw_side(places: list[Place], share: float, *, others: int, seed: int, purpose: str) -> set[str]:
    """Keys of the books on one side; a group has the lot of its first book."""
    sizes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    lots: dict[str, float] = {}
    for place in sorted(places, key=lambda place: place.replaces or place.key):
        sizes[place.group][place.label] += 1
        if place.group not in lots:
            lots[place.group] = draw_lot(seed, purpose, place.replaces or place.key)
    drawn = draw_groups(sizes, lots, share, others)
    return {place.key for place in places if place.group in drawn}


def _count_sides(places: list[Place], sides: Mapping[str, str], names: Mapping[int, str]) -> dict[int, dict[str, int]]:
    """Books of each genre on each side, by label.

    Raises:
        GenreError: There is none on one side.
    """
    counts = {label: dict.fromkeys((TRAIN, VALIDATION, TEST), 0) for label in names}
    groups: defaultdict[int, set[str]] = defaultdict(set)
    for place in places:
        counts[place.label][sides[place.key]] += 1
        groups[place.label].add(place.group)
    for label, genre in counts.items():
        empty = [side for side, books in genre.items() if not books]
        if empty:
            raise GenreError(
                f"the genre has no book for {' and '.join(empty)}: its {sum(genre.values())} books form "
                f"{len(groups[label])} groups, which are not divided",
                where=names[label],
                advice="Add books to the genre, leave it out, or name smaller groups in the file of books.groups.",
            )
    return counts


def _count_off_quota(places: list[Place], sides: Mapping[str, str], share: float) -> int:
    """Validation books too many or too few, over all genres, because groups were not divided."""
    learnt = [place for place in places if sides[place.key] != TEST]
    quotas = find_quotas({place.key: {place.label: 1} for place in learnt}, share, others=1)
    have = Counter(place.label for place in learnt if sides[place.key] == VALIDATION)
    return sum(abs(quota - have[label]) for label, quota in quotas.items())


def _count_shared(places: list[Place], sides: Mapping[str, str]) -> int:
    """Training and validation books whose group has a test book too."""
    tested = {place.group for place in places if sides[place.key] == TEST}
    return sum(place.group in tested for place in places if sides[place.key] != TEST)
