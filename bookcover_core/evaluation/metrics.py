"""Predictions of a system for each test book, and their recall, precision and confusion.

`predictions.csv` has one row a book: key, group, label, and the probability of each genre under its slug, with nine
significant digits, which give a float32 back bit for bit: ties stay ties. Of genres with the same probability the lower
label goes first, as in `numpy.argmax`: top-1 recall agrees with the confusion matrix, and a network that gives every
genre the same probability scores chance. What is undefined is NaN: the recall of a genre without test books.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bookcover_core.errors import TrainingError, WorkspaceError
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import read_csv, write_csv

_KEY_COLUMNS = ("key", "group", "label")
TOP = (1, 3, 5)  # the k of top-k recall: Table 2 gives 1 and 3, Figure 5.1 gives 5 too

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """The predictions of one network for the books of one split."""

    keys: list[str]  # of n books
    labels: Integers  # (n,) true genre of each
    probabilities: Floats  # (n, genres) what the network gives each genre: float32 values, held as float64
    groups: list[str]  # the leakage group of each: editions of one title, say, which may be right together

    def check(self, genres: int, where: str) -> None:
        """Raise TrainingError where they cannot be scored: their shapes disagree, or values are not finite."""
        shape = self.probabilities.shape
        if not self.keys or shape != (len(self.keys), genres):
            what = f"predictions for {len(self.keys)} books and {genres} genres have the shape {shape}"
            advice = "Train the network again."
            raise TrainingError(what, where=where, advice=advice)
        if not np.isfinite(self.probabilities).all():
            what = "the network predicts values that are not numbers"
            advice = "Train it again with a smaller training.learning_rate."
            raise TrainingError(what, where=where, advice=advice)

    def at(self, places: Integers) -> "Predictions":
        """Those for the books at some places."""
        keys, groups = ([names[place] for place in places] for names in (self.keys, self.groups))
        return Predictions(keys, self.labels[places], self.probabilities[places], groups)

    def most_confident(self, *, right: bool) -> Integers:
        """Positions of the books predicted rightly, or of those predicted wrongly, the most confident first."""
        positions = np.flatnonzero((predicted_labels(self.probabilities) == self.labels) == right).astype(np.int64)
        return positions[np.argsort(-self.probabilities[positions].max(axis=1), kind="stable")]


def write_predictions(file: Path, predictions: Predictions, genres: Sequence[Genre]) -> None:
    """Write `predictions`, whole or not at all."""
    columns = predictions.keys, predictions.groups, predictions.labels, predictions.probabilities
    write_csv(
        file,
        [*_KEY_COLUMNS, *(genre.slug for genre in genres)],
        (
            [key, group, int(label), *(f"{value:.9g}" for value in row)]
            for key, group, label, row in zip(*columns, strict=True)
        ),
    )


def read_predictions(file: Path) -> Predictions:
    """The predictions in `file`; raises WorkspaceError where it is missing or altered."""
    try:
        _, *rows = read_csv(file)
        values = np.array([row[len(_KEY_COLUMNS) :] for row in rows], dtype=np.float64)
        keys, groups, labels = list(zip(*rows, strict=True))[: len(_KEY_COLUMNS)]
        return Predictions(list(keys), np.array(labels, dtype=np.int64), values, list(groups))
    except (OSError, ValueError, IndexError) as error:
        advice = "Run the study again: it makes anew what is missing or altered."
        raise WorkspaceError("the predictions cannot be read", where=file, advice=advice) from error


def true_ranks(labels: Integers, probabilities: Floats) -> Integers:
    """The rank (n,) of each book's own genre, from 1, of (n,) labels and (n, genres) probabilities."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    before = np.arange(probabilities.shape[1])[None, :] < labels[:, None]
    ahead = (probabilities > own) | ((probabilities == own) & before)
    return np.asarray(1 + ahead.sum(axis=1), dtype=np.int64)


def predicted_labels(probabilities: Floats) -> Integers:
    """The genre with the highest probability for each row of (n, genres); the lower label where two are equal."""
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def confusion_matrix(labels: Integers, predicted: Integers, genres: int) -> Integers:
    """Books by true genre (rows) and predicted genre (columns): (genres, genres)."""
    cells = np.bincount(labels * genres + predicted, minlength=genres * genres)
    return cells.reshape(genres, genres).astype(np.int64)


def recall(labels: Integers, predicted: Integers, genres: int) -> Floats:
    """Books of each genre that are predicted rightly, over all its books: (genres,); NaN for a genre without books."""
    return _ratio(np.bincount(labels[labels == predicted], minlength=genres), np.bincount(labels, minlength=genres))


def f1(confusion: Integers) -> Floats:
    """Harmonic mean of precision and recall: (genres,); NaN for a genre without books and predictions."""
    return _ratio(2 * confusion.diagonal(), confusion.sum(axis=1) + confusion.sum(axis=0))


def chance(books: Integers, k: int = 1) -> float:
    """Top-k accuracy of the best constant answer, the k commonest genres in every case: k / 30 on BookCover30."""
    return float(np.sort(books)[-k:].sum() / books.sum())


def _ratio(part: Integers, whole: Integers) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))
