"""Probabilities come back as they were stored."""

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.training.stored_probabilities import (
    ValidationFigures,
    choose_by_validation,
    read_probabilities,
    write_probabilities,
)


def test_what_is_written_is_read(tmp_path):
    """Keys keep their leading zeros and their order, probabilities every bit, in a file named after the split."""
    keys = ["000647988X", "0006479227", "ä"]
    probabilities = np.random.default_rng(1).dirichlet(np.ones(4), 3).astype(np.float32)
    file = write_probabilities(tmp_path / "model", "test", keys, probabilities)
    assert file.name == "probabilities-test.npz"
    read = read_probabilities(tmp_path / "model", "test")
    assert read[0] == keys
    assert read[1].dtype == np.float32
    np.testing.assert_array_equal(read[1], probabilities)
    before = file.read_bytes()
    write_probabilities(tmp_path / "model", "test", keys, probabilities)
    assert file.read_bytes() == before


def test_missing_and_damaged_files_are_named(tmp_path):
    """Without the file, or with half of it, the error names it and says what to do."""
    with pytest.raises(StageOrderError, match=r"probabilities-validation\.npz.*there are no predictions"):
        read_probabilities(tmp_path, "validation")
    file = write_probabilities(tmp_path, "validation", ["a"], np.ones((1, 2), np.float32))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StageOrderError, match="damaged"):
        read_probabilities(tmp_path, "validation")


@pytest.mark.parametrize(
    ("figures", "names", "words"),
    [
        ({"a": (0.2, 3.0), "b": (0.3, 4.0)}, ["b", "a"], ""),
        ({"a": (0.3, 4.0), "b": (0.3, 3.0)}, ["b", "a"], "b ties with a, and has the lower validation loss"),
        ({"a": (0.3, 3.0), "b": (0.3, 3.0)}, ["a", "b"], "a ties with b, and comes first in the settings"),
        ({"a": (0.1, 1.0), "b": (0.3, 3.0), "c": (0.3, 2.0)}, ["c", "b", "a"], "c ties with b, and has the lower"),
    ],
)
def test_accuracy_then_loss_then_order(figures, names, words):
    """Each rule decides only where those before it do not."""
    choice = choose_by_validation({name: ValidationFigures(*each) for name, each in figures.items()})
    assert choice.names == names
    assert words in choice.words
    assert bool(choice.words) == bool(words)


def test_what_is_not_known_comes_last():
    """A card without figures is the worst there is."""
    assert ValidationFigures.of({}) == (0.0, float("inf"))
    assert ValidationFigures.of({"validation_accuracy": 0.25, "validation_loss": 2}) == (0.25, 2.0)
