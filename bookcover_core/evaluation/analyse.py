"""The stage `analyse`: colour, shape, overlap, calibration and agreement (section 5.2).

splits/books.csv, prepared/measurements/, evaluation/<model>/  ->  evaluation/analysis.json    Analysis
                                                                   evaluation/analysis/*.csv   the same as tables
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.analysis import Analysis, SystemAnalysis, analysis_file, rounded, write_tables
from bookcover_core.evaluation.calibration import calibrate
from bookcover_core.evaluation.class_overlap import study_overlap
from bookcover_core.evaluation.colour_analysis import genre_colours, study_colour
from bookcover_core.evaluation.confusion import confused_pairs, genre_order
from bookcover_core.evaluation.distributions import MEASURES, distributions
from bookcover_core.evaluation.evaluate import Predict
from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.evaluation.significance import compare_pairs, joint_accuracy
from bookcover_core.families.systems import systems
from bookcover_core.listings.books import read_genres
from bookcover_core.models.extra_inputs import load_measurements
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_json
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepare import shards
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import predict_split

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def _inputs(study: Study, predict: Predict | None = None) -> Inputs:  # noqa: ARG001 - what predicts makes no key
    models = evaluated_models(study)
    alone = [each.name for each in systems(study.settings) if each.name in models and not each.members]
    return Inputs(
        after=[
            "listings",
            "split",
            *(f"prepare/shard-{number:04d}" for number in shards(study)),
            *(f"evaluate/{model}" for model in models.values()),
        ],
        given={"systems": " ".join(models.values()), "alone": " ".join(alone)},
    )


@stage(
    "analyse",
    "Analyse colour, shape, overlap and agreement",
    settings=("seed", "evaluation"),
    inputs=_inputs,
    kept=True,
)
def analyse(study: Study, run: StageRun, *, predict: Predict | None = None) -> Result:
    """Analyse the genres and all evaluated systems: colour, shape, overlap, calibration, agreement.

    `predict` predicts the validation books, on which temperatures are fitted; none: the trained systems do.
    """
    models = {split_model_name(model)[0]: model for model in run.inputs["systems"].split()}
    alone = run.inputs["alone"].split()
    folder = study.workspace.evaluation
    predictions = {name: read_predictions(folder / model / "predictions.csv") for name, model in models.items()}
    analysis = _analysis(study, models, alone, predictions, measured_books(study), predict or predict_split)
    found = analysis.model_dump(mode="json")
    write_json(analysis_file(study.workspace), rounded(found))
    tables = write_tables(found, folder / "analysis")
    return Result(
        outputs=[analysis_file(study.workspace), *tables],
        counts={
            "books": analysis.books,
            "test_books": analysis.test_books,
            "systems": len(models),
            **{f"overlapping pairs of {name}": len(system.overlap.pairs) for name, system in analysis.systems.items()},
        },
    )


def evaluated_models(study: Study) -> dict[str, str]:
    """The models of today's settings that compete and are evaluated, by the name of their system, in the study's order.

    Raises:
        StageOrderError: There is none.
    """
    models = {}
    for system in filter(lambda each: each.competes, systems(study.settings)):
        with suppress(StageOrderError):  # a comparison that is to choose its preparation has not been made
            model = system.model(study)
            if study.manifest_file(f"evaluate/{model}").exists():
                models[system.name] = model
    if not models:
        raise StageOrderError(
            "no network has been evaluated",
            where=study.workspace.root,
            advice="Run the stages in order, or the whole study with `bookcover run`.",
        )
    return models


def _analysis(
    study: Study,
    models: Mapping[str, str],
    alone: Sequence[str],
    predictions: Mapping[str, Predictions],
    books: "pd.DataFrame",
    predict: Predict,
) -> Analysis:
    """The result of the stage."""
    confidence, threshold = study.settings.evaluation.confidence, study.settings.evaluation.overlap_threshold
    shuffles = study.settings.evaluation.resamples, study.settings.seed
    genres = read_genres(study.workspace)
    labels, judged = _judged_books(study, predictions, books)
    of_books, colours = books["label"].to_numpy(np.int64), books[["red", "green", "blue"]].to_numpy()
    groups = next(iter(predictions.values())).groups
    named = {name: metrics.predicted_labels(each.probabilities) for name, each in predictions.items()}
    found = {}
    for done, (name, each) in enumerate(predictions.items()):
        study.progress(done, len(predictions) + 1)
        validation = _validation(study, models[name], predict)
        found[name] = SystemAnalysis(
            model=models[name],
            colour=study_colour(labels, named[name], colours[judged], len(genres), confidence, shuffles),
            overlap=study_overlap(each.probabilities, threshold, confidence),
            calibration=calibrate(labels, each.probabilities, confidence, study.settings.seed, validation),
            confused=confused_pairs(each, confidence),
        )
        overlap = found[name].overlap
        told = (name, len(overlap.pairs), overlap.all_pairs, threshold)
        logger.info("%s: %d of %d pairs of genres overlap by more than %g", *told)
    study.progress(len(predictions), len(predictions) + 1)
    return Analysis(
        confidence=confidence,
        genres=genres,
        order=genre_order([metrics.confusion_matrix(labels, each, len(genres)) for each in named.values()]),
        books=len(books),
        test_books=len(labels),
        chance=metrics.chance(np.bincount(labels)),
        measures=distributions(of_books, {name: books[name].to_numpy() for name in MEASURES}, len(genres)),
        colours=genre_colours(of_books, colours, len(genres), confidence),
        systems=found,
        pairs=compare_pairs(labels, named, groups, confidence),
        together=joint_accuracy(labels, {name: named[name] for name in alone}, groups, confidence)
        if len(alone) > 1
        else None,
    )


def _validation(study: Study, model: str, predict: Predict) -> tuple[Integers, Floats] | None:
    """Labels and probabilities of the validation books; None where the system can no longer predict them."""
    try:
        keys, labels, probabilities = predict(study, model, "validation")
    except (StageOrderError, WeightsError) as error:
        logger.warning("%s: no temperature is fitted: %s", model, error)
        return None
    return (labels.astype(np.int64), probabilities.astype(np.float64)) if len(keys) else None


def measured_books(study: Study) -> "pd.DataFrame":
    """The books of the study by key: the label of each, and the measures of its cover (`MEASURES`)."""
    books = read_table(study.workspace.splits, ("key", "label"), label="int64").set_index("key")
    books[list(Measurements._fields)] = load_measurements(study, books.index.tolist())
    return books.assign(aspect_ratio=books["width"] / books["height"])


def _judged_books(
    study: Study, predictions: Mapping[str, Predictions], books: "pd.DataFrame"
) -> tuple[Integers, Integers]:
    """The labels of the test books, and their places among all books; all systems have judged the same."""
    (model, first), *others = predictions.items()
    odd = [name for name, each in others if each.keys != first.keys or (each.labels != first.labels).any()]
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    places = books.index.get_indexer(pd.Index(first.keys))
    wrong = ""
    if odd:
        wrong = f"the predictions of {odd[0]} are not of the same books as those of {model}"
    elif (unknown := places < 0).any():
        key = first.keys[int(unknown.argmax())]
        wrong = f"{unknown.sum()} books were judged, {key!r} among them, that are not among the books of the study"
    if wrong:
        advice = "Run the study again: it makes anew what is missing or altered."
        raise WorkspaceError(wrong, where=study.workspace.evaluation, advice=advice)
    return first.labels, places.astype(np.int64)
