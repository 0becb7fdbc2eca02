"""The books of a study with the measurements of their covers: splits/books.csv joined with prepared/measurements/."""

from dataclasses import dataclass

import numpy as np

from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.training.measurement_inputs import load_measurements


@dataclass(frozen=True)
class MeasuredBooks:
    """The books of a study, in the order of splits/books.csv."""

    keys: list[str]
    labels: Integers
    """(n,) the genre of each."""
    measured: dict[str, Floats]
    """(n,) values by the names of `distributions.MEASURES`."""

    @property
    def colours(self) -> Floats:
        """(n, 3) mean red, green and blue, 0 to 255."""
        return np.column_stack([self.measured[name] for name in ("red", "green", "blue")])


def read_measured_books(study: Study) -> MeasuredBooks:
    """The books with their measurements.

    Raises:
        StageOrderError: A cover has not been measured.
    """
    table = read_table(study.workspace.splits, ("key", "label"), label="int64")
    keys = table["key"].tolist()
    measured = dict(zip(Measurements._fields, load_measurements(study, keys).T, strict=True))
    return MeasuredBooks(
        keys=keys,
        labels=table["label"].to_numpy(np.int64),
        measured=measured | {"aspect_ratio": measured["width"] / measured["height"]},
    )
