"""Probabilities that a network gave, stored beside it: `models/<model>/probabilities-<split>.npz`.

A network that learns from pixels takes minutes or hours to judge all test books. It does so once, when its training
ends; evaluation and ensembles read what it said.
"""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.workspace import atomic


def write_probabilities(folder: Path, split: str, keys: Sequence[str], probabilities: npt.NDArray[np.float32]) -> Path:
    """The file that probabilities were written to.

    Args:
        folder: The network's folder.
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
    """Keys of the books of a split, and the probabilities (books, genres) that the network in `folder` gives them.

    Raises:
        StageOrderError: The network has not been trained, or the file is damaged.
    """
    file = _file(folder, split)
    try:
        with np.load(file, allow_pickle=False) as stored:
            keys, probabilities = stored["keys"].tolist(), stored["probabilities"]
    except FileNotFoundError:
        raise StageOrderError(
            f"the network has not judged the {split} books", where=file, advice="Train it first."
        ) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise StageOrderError(
            "the stored probabilities are damaged", where=file, advice="Train the network again."
        ) from error
    return keys, probabilities


def _file(folder: Path, split: str) -> Path:
    return folder / f"probabilities-{split}.npz"
