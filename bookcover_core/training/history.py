"""The course of a training, as its `history.csv` has it, for whoever draws it or tells of it."""

from dataclasses import dataclass
from pathlib import Path

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.workspace import read_table

HISTORY = "history.csv"


@dataclass(frozen=True)
class TrainingCurve:
    """One training: values by epoch, from epoch 1, or 0 where it started from a trained network."""

    epochs: list[int]
    loss: list[float]
    accuracy: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    kept: int | None = None
    """The epoch whose weights were kept; none: the one with the best validation accuracy."""

    @property
    def best(self) -> int:
        """Position of the epoch that was kept: the first with the best validation accuracy, if nothing else is said."""
        if self.kept is not None and self.kept in self.epochs:
            return self.epochs.index(self.kept)
        return self.val_accuracy.index(max(self.val_accuracy))

    @property
    def best_epoch(self) -> int:
        """The epoch that was kept."""
        return self.epochs[self.best]


def read_curve(file: Path) -> TrainingCurve:
    """The training in a `history.csv`; raises WorkspaceError where it is missing, empty or altered."""
    measures = ("loss", "accuracy", "val_loss", "val_accuracy")
    wrong, cause = "is empty", None
    try:
        table = read_table(file, ("epoch", *measures), epoch="int64", **dict.fromkeys(measures, "float64"))
        if len(table):
            loss, accuracy, val_loss, val_accuracy = (table[name].tolist() for name in measures)
            return TrainingCurve(table["epoch"].tolist(), loss, accuracy, val_loss, val_accuracy)
    except (OSError, KeyError, ValueError) as error:
        wrong, cause = "cannot be read", error
    advice = "Run the study again: it makes anew what is missing or altered."
    raise WorkspaceError(f"the course of the training {wrong}", where=file, advice=advice) from cause
