"""Probabilities of a system, stored beside it when it is made: `models/<model>/probabilities-<split>.npz`.

The validation books choose among systems or preparations: by their accuracy, where that ties by the lower loss, and
then by the order.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, read_table

LEAST = 1e-12
"""Probabilities are taken for at least this where their logarithm is wanted."""

STORED_SPLITS = ("validation", "test")
"""The splits that every system predicts."""


def write_probabilities(folder: Path, split: str, keys: Sequence[str], probabilities: npt.NDArray[np.floating]) -> Path:
    """The file in a system's folder that the probabilities (books, genres) of the books of `keys` were written to."""
    file = _file(folder, split)
    with atomic(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, keys=np.array(keys, np.str_), probabilities=probabilities.astype(np.float32))
    return file


def read_probabilities(folder: Path, split: str) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Keys of the books of a split, and the probabilities (books, genres) that the system in `folder` gives them.

    `StageOrderError` where it has not been trained, or the file is damaged.
    """
    file = _file(folder, split)
    try:
        with np.load(file, allow_pickle=False) as stored:
            keys, probabilities = stored["keys"].tolist(), stored["probabilities"]
    except FileNotFoundError:
        raise StageOrderError(
            f"there are no predictions for the {split} books", where=file, advice="Train the system first."
        ) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        what = "the stored probabilities are damaged"
        raise StageOrderError(what, where=file, advice="Train the system again.") from error
    return keys, probabilities


def predict_split(
    study: Study, model: str, split: str
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Keys, labels (books,) and probabilities (books, genres) of one split, as `model` predicted them."""
    keys, probabilities = read_probabilities(study.workspace.models / model, split)
    books = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"]
    return keys, books.loc[keys].to_numpy(np.int32), probabilities


def validation_figures(labels: npt.NDArray[np.int32], probabilities: npt.NDArray[np.floating]) -> dict[str, float]:
    """Accuracy and mean cross entropy on the validation books."""
    given = probabilities[np.arange(len(labels)), labels]
    return {
        "validation_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "validation_loss": float(-np.log(np.maximum(given, LEAST)).mean()),
    }


def _file(folder: Path, split: str) -> Path:
    return folder / f"probabilities-{split}.npz"


_DIGITS = 9  # accuracies that differ by less are those of as many books


class ValidationFigures(NamedTuple):
    """What a system makes of the validation books."""

    accuracy: float
    loss: float  # mean cross entropy; infinite where it is not known

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> "ValidationFigures":
        """Those among the metrics of a card, an ensemble or a trial; the worst where there are none."""
        loss = metrics.get("validation_loss")
        return cls(float(metrics.get("validation_accuracy") or 0.0), float("inf") if loss is None else float(loss))


class ValidationChoice(NamedTuple):
    """Names by their validation figures, the chosen first."""

    names: list[str]
    tied: list[str]  # those after the first that have its accuracy
    by_loss: bool  # whether the loss set the first apart from these

    @property
    def words(self) -> str:
        """How a tie was resolved, as a sentence; empty without one."""
        if not self.tied:
            return ""
        rule = "has the lower validation loss" if self.by_loss else "comes first in the settings"
        return f"On the validation books {self.names[0]} ties with {' and '.join(self.tied)}, and {rule}."


def choose_by_validation(figures: Mapping[str, ValidationFigures]) -> ValidationChoice:
    """At least one name, in the order that decides last, put in the order of their validation figures."""
    accuracy = {name: round(each.accuracy, _DIGITS) for name, each in figures.items()}
    names = sorted(figures, key=lambda name: (-accuracy[name], figures[name].loss))
    tied = [name for name in names[1:] if accuracy[name] == accuracy[names[0]]]
    return ValidationChoice(names, tied, all(figures[names[0]].loss < figures[name].loss for name in tied))
