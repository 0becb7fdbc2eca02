"""Predictions as a file: nothing is lost, and what cannot be scored is refused."""

from pathlib import Path

import numpy as np
import pytest

from bookcover_core.errors import TrainingError, WorkspaceError
from bookcover_core.evaluation.metrics import Predictions, read_predictions, write_predictions
from bookcover_core.genres import number_genres


def _predictions(books: int = 50, genres: int = 4) -> Predictions:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(genres), size=books)
    keys = [f"{number:010d}" for number in range(books)]
    groups = [f"group {number // 2}" for number in range(books)]
    return Predictions(keys, np.arange(books) % genres, probabilities.astype(np.float32).astype(float), groups)


def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path):
    """Keys keep leading zeros, and probabilities their float32 value, so that ties stay ties."""
    written = _predictions()
    file = tmp_path / "predictions.csv"
    write_predictions(file, written, number_genres(["Key", "Label", "A, B", "Élan"]))
    read = read_predictions(file)
    assert (read.keys, read.groups) == (written.keys, written.groups)
    assert (read.labels == written.labels).all()
    assert (read.probabilities.astype(np.float32) == written.probabilities.astype(np.float32)).all()
    assert file.read_text("utf-8").splitlines()[0] == "key,group,label,key-2,label-2,a-b,elan"


def test_predictions_that_are_not_numbers_are_refused():
    """A network that diverged is an error with advice, not a score."""
    with pytest.raises(TrainingError, match="not numbers"):
        Predictions(["a"], np.array([0]), np.array([[np.nan, 1.0]]), ["a"]).check(2, "evaluate/x")


@pytest.mark.parametrize(("keys", "shape"), [([], (0, 3)), (["a"], (1, 2)), (["a"], (2, 3))])
def test_predictions_of_another_shape_are_refused(keys: list[str], shape: tuple[int, int]):
    """No books, other genres or other rows than books: refused."""
    with pytest.raises(TrainingError, match="shape"):
        Predictions(keys, np.zeros(len(keys), dtype=int), np.zeros(shape), keys).check(3, "evaluate/x")


def test_an_altered_file_is_an_error_that_names_it(tmp_path: Path):
    """A predictions.csv that was damaged is named in the error."""
    file = tmp_path / "predictions.csv"
    file.write_text("key,group,label,a\nx,x,0,not a number\n", "utf-8")
    with pytest.raises(WorkspaceError, match=r"predictions\.csv"):
        read_predictions(file)


def test_mistakes_come_by_confidence():
    """The wrong predictions, the most confident first, and no right one among them."""
    predictions = _predictions()
    mistakes = predictions.most_confident(right=False)
    sure = predictions.probabilities[mistakes].max(axis=1)
    assert (np.diff(sure) <= 0).all()
    assert (predictions.probabilities[mistakes].argmax(axis=1) != predictions.labels[mistakes]).all()
    assert len(mistakes) + len(predictions.most_confident(right=True)) == len(predictions.keys)
