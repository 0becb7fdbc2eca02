"""Folds of a cross-validation: parts of all books, with whole groups, each of which is the test set once.

The stages `split` (`splits.fold`) and `repeat` (`repeats.folds`) divide by the same function, so that fold 2 of 5 is of
the same books for every system.
"""

import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import GenreError

Rows = npt.NDArray[np.intp]


class Division(NamedTuple):
    """Rows of the books on each side."""

    train: Rows
    validation: Rows
    test: Rows


def divide_fold(
    labels: npt.NDArray[np.integer],
    groups: npt.NDArray[np.str_],
    *,
    fold: int,
    folds: int,
    validation_share: float,
    seed: int,
) -> Division:
    """Fold `fold`, from 1, of `folds`, of books (n,) in the order of their keys.

    Each side has as many books of every genre as whole groups allow: stratified, grouped folds, and within the rest the
    first of as many as `validation_share` makes. Raises `GenreError` where there are too few groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415 - slow to import

    outer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class")  # a genre that not every side can have
            rest, test = list(outer.split(labels, labels, groups))[fold - 1]
            validated = max(2, min(round(1 / validation_share), np.bincount(labels[rest]).max()))
            inner = StratifiedGroupKFold(validated, shuffle=True, random_state=seed + fold)
            train, validation = next(inner.split(rest, labels[rest], groups[rest]))
    except ValueError as error:
        what = f"the books cannot be divided into {folds} folds ({error})"
        raise GenreError(what, where="splits.folds", advice="Ask for fewer folds.") from error
    return Division(rest[train], rest[validation], test)
