"""Probabilities come back as they were stored."""

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.training.stored_probabilities import read_probabilities, write_probabilities


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
