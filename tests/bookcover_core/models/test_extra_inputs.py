"""Extra inputs are the same columns in the same order wherever a cover comes from."""

import numpy as np

from bookcover_core.models.extra_inputs import extra_columns, extra_values
from bookcover_core.preparation.cover_measurements import Measurements

COVERS = [Measurements(300, 400, 10.0, 20.0, 30.0), Measurements(500, 250, 1.5, 2.5, 3.5)]


def test_columns_have_one_order():
    """However the inputs are named, once or twice, their columns stand in one order, and the values below them."""
    wanted = ("mean_colour", "height", "aspect_ratio", "width", "height")
    assert extra_columns(wanted) == ["aspect_ratio", "width", "height", "red", "green", "blue"]
    assert extra_columns(wanted[::-1]) == extra_columns(wanted)
    values = extra_values(COVERS, wanted)
    assert values.dtype == np.float32
    assert values.tolist() == [[0.75, 300, 400, 10, 20, 30], [2.0, 500, 250, 1.5, 2.5, 3.5]]


def test_only_what_is_wanted_is_given():
    """One input is one column, no input none; a single new cover is a row like that of a training book."""
    assert extra_values(COVERS, ["height"]).tolist() == [[400], [250]]
    assert extra_values(np.array(COVERS), []).shape == (2, 0)
    assert np.array_equal(extra_values(COVERS[:1], ["mean_colour"]), extra_values(COVERS, ["mean_colour"])[:1])
