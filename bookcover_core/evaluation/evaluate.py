"""The stage `evaluate`: a trained system, judged on the test books (section 5.1).

models/<model>/, splits/books.csv  ->  evaluation/<model>/predictions.csv   what it predicts
                                                         metrics.json      scores.Scores
                                                         genres.csv        a row for each genre
                                                         confusion.csv     true genre by predicted genre
"""

import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.predictions import Predictions, write_predictions
from bookcover_core.evaluation.scores import Estimate, Scores, score
from bookcover_core.listings.books import read_genres
from bookcover_core.models.systems import find_system
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_table
from bookcover_core.settings import Preparation
from bookcover_core.training.features import model_name
from bookcover_core.training.preparation_comparison import preparation_of
from bookcover_core.training.split_predictions import predict_split

logger = logging.getLogger(__name__)

Predict = Callable[[Study, str, str], tuple[Sequence[str], NDArray[np.integer], NDArray[np.floating]]]
"""(study, model, split) -> keys, labels (n,), probabilities (n, genres)."""


def evaluate(
    study: Study, name: str, *, preparation: Preparation | None = None, predict: Predict | None = None
) -> Manifest:
    """What was written: the predictions and scores of a system on the test books.

    Args:
        study: The study.
        name: A system of the study that has been trained: "MobileNetV2", "Ensemble-mean".
        preparation: The preparation that it was trained on; none: the chosen one.
        predict: What predicts; none: the trained system.

    Raises:
        SettingsError: The study has no such system.
        StageOrderError: It has not been trained, or the books have not been split.
        TrainingError: It predicts values that are not numbers.
    """
    system = find_system(study.settings, name)
    prepared = str(preparation or preparation_of(study, system))
    model = model_name(name, prepared)
    run = study.stage("evaluate", model, after=[f"{system.stage}/{model}", "split"])
    if run.done:
        return run.done
    genres = read_genres(study.workspace)
    keys, labels, probabilities = (predict or predict_split)(study, model, "test")
    predictions = Predictions.checked(
        keys, labels.astype(np.int64), probabilities.astype(np.float64), len(genres), where=run.label
    )
    scores = score(
        predictions.labels,
        predictions.probabilities,
        genres,
        backbone=name,
        preparation=prepared,
        confidence=study.settings.evaluation.confidence,
        resamples=study.settings.evaluation.resamples,
        seed=study.settings.seed,
    )
    logger.info(
        "%s: accuracy %.1f %% (%.1f to %.1f) on %d test books",
        model,
        100 * scores.accuracy.value,
        100 * scores.accuracy.low,
        100 * scores.accuracy.high,
        scores.books,
    )
    folder = study.workspace.evaluation / model
    write_predictions(folder / "predictions.csv", predictions, genres)
    write_json(folder / "metrics.json", scores.model_dump(mode="json"))
    _write_genres(study, scores)
    _write_confusion(study, scores)
    return run.finish(
        outputs=[folder / name for name in ("predictions.csv", "metrics.json", "genres.csv", "confusion.csv")],
        counts={"test_books": scores.books, **{name: round(each.value, 6) for name, each in scores.totals.items()}},
    )


def _write_genres(study: Study, scores: Scores) -> None:
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    rows = [
        {
            "label": genre.label,
            "genre": genre.name,
            "slug": genre.slug,
            "test_books": genre.books,
            **{name: value for k in TOP for name, value in _columns(f"top{k}_recall", genre.recall.get(k)).items()},
            **_columns("precision", genre.precision),
            "f1": genre.f1,
            "predicted": genre.predicted,
        }
        for genre in scores.genres
    ]
    write_table(study.workspace.evaluation / scores.model / "genres.csv", pd.DataFrame(rows))


def _write_confusion(study: Study, scores: Scores) -> None:
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    slugs = [genre.slug for genre in scores.genres]
    table = pd.DataFrame(scores.confusion, columns=slugs)
    table.insert(0, "true genre", slugs)
    write_table(study.workspace.evaluation / scores.model / "confusion.csv", table)


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    return {
        name: None if estimate is None else round(estimate.value, 6),
        f"{name}_low": None if estimate is None else round(estimate.low, 6),
        f"{name}_high": None if estimate is None else round(estimate.high, 6),
    }
