"""Measurements come to the books that they belong to, and count as an input where a head is told of them."""

import numpy as np
import pandas as pd
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.models.extra_inputs import load_measurements
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.settings import HeadSettings
from bookcover_core.training.features import compute_features, load_split
from bookcover_core.training.hyperparameter_search import head_inputs

TOLD = HeadSettings(extra_inputs=("height", "aspect_ratio"))


def write_measurements(study, wider=0):
    """Measurements of the small study's books: the genre tells their width."""
    for number, keys in shard_keys(study).items():
        rows = [int(key) for key in keys]
        table = pd.DataFrame(
            {
                "key": keys,
                "width": [100 + 10 * (row % 3) + wider for row in rows],
                "height": 200,
            }
        ).assign(red=1.5, green=2.5, blue=3.5)
        write_table(study.workspace.prepared / "measurements" / f"shard-{number:04d}.csv", table)


def test_a_split_has_its_books_measurements(small_study, invented_features):
    """The extra inputs of a split are those of its own books, in their order."""
    write_measurements(small_study)
    compute_features(small_study, "MobileNetV2", "padded")
    books = load_split(small_study, "MobileNetV2", "padded", "validation", TOLD.extra_inputs)
    assert books.measurements[:, 1].tolist() == [200.0] * 9
    np.testing.assert_allclose(
        books.measurements[:, 0], [(100 + 10 * label) / 200 for label in books.labels], rtol=1e-6
    )
    assert load_split(small_study, "MobileNetV2", "padded", "validation").measurements.size == 0


def test_a_cover_that_was_not_measured_is_named(small_study):
    """A book or a shard without measurements stops the training with what to do."""
    write_measurements(small_study)
    assert load_measurements(small_study, ["0000000017"]).tolist() == [[120, 200, 1.5, 2.5, 3.5]]
    with pytest.raises(StageOrderError, match="'9' among them"):
        load_measurements(small_study, ["0000000017", "9"])
    (small_study.workspace.prepared / "measurements" / "shard-0002.csv").unlink()
    with pytest.raises(StageOrderError, match=r"shard-0002.csv.*Run the stage `prepare` again"):
        load_measurements(small_study, ["0000000017"])


def test_measurements_are_an_input_where_they_are_used(small_study):
    """A head that is told of measurements depends on them, another does not, and needs none."""
    told = Study(small_study.settings.model_copy(update={"head": TOLD}))

    def given(study):
        return head_inputs(study, "MobileNetV2", "padded").given

    assert "measurements" not in given(small_study)
    write_measurements(small_study)
    before = given(told)
    assert given(told) == before
    write_measurements(small_study, wider=1)
    assert given(told) != before
