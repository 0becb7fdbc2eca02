"""Probabilities of a system, stored beside it: `models/<model>/probabilities-<split>.npz`.

A system predicts the genres of the validation and test books once, when it is made. Evaluation, ensembles and analysis
read what it said, and so need to know nothing of how it came about.
"""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, read_table

LEAST = 1e-12
"""Probabilities are taken for at least this where their logarithm is wanted."""

STORED_SPLITS = ("validation", "test")
"""The splits that every system predicts: one to choose by, one to be evaluated on."""


def write_probabilities(folder: Path, split: str, keys: Sequence[str], probabilities: npt.NDArray[np.float32]) -> Path:
    """The file that probabilities were written to.

    Args:
        folder: The system's folder.
        split: train, validation or test.
        keys: Keys of the books, in their order.
        probabilities: Probabilities (books, genres), a row for each book.

    Raises:
        DiskFullError, WorkspaceError: The disk is full, or the folder cannot be written.
    """
    file = _file(folder, split)
    with atomic(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, keys=np.array(keys, np.str_), probabilities=probabilities.astype(np.float32))
    return file


def read_probabilities(folder: Path, split: str) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Keys of the books of a split, and the probabilities (books, genres) that the system in `folder` gives them.

    Raises:
        StageOrderError: The system has not been trained, or the file is damaged.
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
        raise StageOrderError(
            "the stored probabilities are damaged", where=file, advice="Train the system again."
        ) from error
    return keys, probabilities


def predict_split(
    study: Study, model: str, split: str
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Keys, labels (books,) and probabilities (books, genres) of one split, validation or test.

    They are what `model`, a system on a preparation such as "Ensemble-mean-padded", predicted.

    Raises:
        StageOrderError: The system has not been trained, or the file is damaged.
    """
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
