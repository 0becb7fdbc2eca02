"""Folds of the real covers, and how two systems measured on them are compared: what `real_covers.py` stands on.

Books that show one picture, or belong to one record of BookCover30, are a group, and no group is on two sides. Every
book is tested once, by a network that saw neither it nor its group; within each fold a tenth of the other books is held
out for validation, which chooses epochs, hyperparameters and weights. The same folds serve all systems, so that their
differences are paired, book by book.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from bookcover_core.curation.leakage_groups import unite_groups
from bookcover_core.curation.near_duplicates import read_duplicates
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table

FOLDS = 5
_VALIDATION_FOLDS = 10
_RESAMPLES = 10_000

Rows = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Fold:
    """Rows of the selection on each side."""

    number: int
    train: Rows
    validation: Rows
    test: Rows


def groups_of(study: Study) -> Rows:
    """(books,) the group of each book of the selection: books of one group, and twins, hang together."""
    selection = read_table(study.workspace.selection)
    twins = {twin.key: (twin.cluster,) for twin in read_duplicates(study.workspace)}
    books = zip(selection["key"], selection["group"], strict=True)
    groups = unite_groups((key, group, twins.get(key, ())) for key, group in books)
    first: dict[str, int] = {}
    return np.array([first.setdefault(groups[key], row) for row, key in enumerate(selection["key"])])


def make_folds(labels: Rows, groups: Rows, seed: int) -> list[Fold]:
    """The folds, each with as many books of every genre as can be."""
    folds = []
    outer = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (rest, test) in enumerate(outer.split(labels, labels, groups), 1):
        inner = StratifiedGroupKFold(_VALIDATION_FOLDS, shuffle=True, random_state=seed + number)
        train, validation = next(inner.split(rest, labels[rest], groups[rest]))
        folds.append(Fold(number, rest[train], rest[validation], test))
    return folds


def interval_of_mean(values: npt.NDArray[np.float64], groups: Rows, seed: int) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of one value a book, groups drawn anew with replacement.

    Books of a group are not independent of one another: drawing books would promise too much.
    """
    _, members = np.unique(groups, return_inverse=True)
    sums = np.bincount(members, weights=values)
    sizes = np.bincount(members)
    generator = np.random.default_rng(seed)
    means = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        drawn = generator.integers(0, len(sums), len(sums))
        means[number] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
