"""The predictions of a system for each test book: `predictions.csv`, one row a book, one column a genre.

Columns: key, group, label, then the probability of each genre under its slug. Probabilities are written with nine
significant digits, which give a float32 back bit for bit: ties stay ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bookcover_core.errors import TrainingError, WorkspaceError
from bookcover_core.evaluation.metrics import Floats, Integers, predicted_labels
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import read_csv, write_csv

_KEY_COLUMNS = ("key", "group", "label")


@dataclass(frozen=True)
class Predictions:
    """The predictions of one network for the books of one split."""

    keys: list[str]
    """(n) keys of the books."""
    labels: Integers
    """(n,) true genre of each."""
    probabilities: Floats
    """(n, genres) what the network gives each genre: float32 values, held as float64."""
    groups: list[str]
    """(n) the leakage group of each: editions of one title, say, which may be right together."""

    def check(self, genres: int, where: str) -> None:
        """Raise TrainingError where they cannot be scored: their shapes disagree, or values are not finite."""
        shape = self.probabilities.shape
        if not self.keys or shape != (len(self.keys), genres):
            raise TrainingError(
                f"predictions for {len(self.keys)} books and {genres} genres have the shape {shape}",
                where=where,
                advice="Train the network again.",
            )
        if not np.isfinite(self.probabilities).all():
            raise TrainingError(
                "the network predicts values that are not numbers",
                where=where,
                advice="Train it again with a smaller training.learning_rate.",
            )

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
        raise WorkspaceError(
            "the predictions cannot be read",
            where=file,
            advice="Run the study again: it makes anew what is missing or altered.",
        ) from error
