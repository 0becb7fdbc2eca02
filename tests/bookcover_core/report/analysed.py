"""A specimen study with several systems that is analysed too, and may be compared with what is published."""

from pathlib import Path

import numpy as np

from bookcover_core.evaluation.analyse import analyse
from bookcover_core.pipeline.study import Study
from tests.bookcover_core.report.specimen import Specimen, invented_predictions, make_study


def make_analysed_study(folder: Path, specimen: Specimen | None = None, **settings: object) -> Study:
    """A study in `folder` of which every stage up to the analysis is done: by itself all of the dissertation's test."""
    wanted = specimen or Specimen(test_per_genre=190, covers_per_genre=0)
    study = make_study(folder, wanted, preparation={"shard_records": 100_000}, **settings)
    analyse(study, predict=invented_validation)
    return study


def invented_validation(study: Study, model: str, split: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Predictions for the validation books, as `invented_predictions` makes them; ResNeXt50 cannot give any."""
    assert split == "validation"
    keys, labels, probabilities = invented_predictions(study, model, split)
    return ([], labels[:0], probabilities[:0]) if model.startswith("ResNeXt50") else (keys, labels, probabilities)
