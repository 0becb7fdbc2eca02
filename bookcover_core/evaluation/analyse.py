"""The stage `analyse`: what the predictions and the colours and shapes of the covers tell beyond recall (section 5.2).

splits/books.csv, prepared/measurements/, evaluation/<model>/  ->  evaluation/analysis.json    Analysis
                                                                   evaluation/analysis/*.csv   the same as tables
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.attribute_baselines import RuleScore, judge_rules
from bookcover_core.evaluation.calibration import Calibration, calibrate
from bookcover_core.evaluation.class_overlap import OverlapStudy, study_overlap
from bookcover_core.evaluation.colour_analysis import ColourStudy, GenreColour, genre_colours, study_colour
from bookcover_core.evaluation.confusion import ConfusedPair, confused_pairs, genre_order
from bookcover_core.evaluation.distributions import Measure, distributions
from bookcover_core.evaluation.evaluate import Predict
from bookcover_core.evaluation.measured_books import MeasuredBooks, read_measured_books
from bookcover_core.evaluation.metrics import Floats, Integers, confusion_matrix, predicted_labels
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.evaluation.significance import PairComparison, Together, compare_pairs, judge_together
from bookcover_core.genres import Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.models.systems import Kind, systems
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, write_json
from bookcover_core.preparation.prepare import shards
from bookcover_core.training.preparation_choice import model_of
from bookcover_core.training.split_predictions import predict_split

logger = logging.getLogger(__name__)

# Digits of the numbers in analysis.json.
_DIGITS = 6


class SystemAnalysis(BaseModel):
    """What is told of one system beyond its scores."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(description="<system>-<preparation>.")
    colour: ColourStudy
    overlap: OverlapStudy
    calibration: Calibration
    confused: list[ConfusedPair]


class Analysis(BaseModel):
    """Everything that the stage `analyse` finds."""

    model_config = ConfigDict(frozen=True)

    confidence: float
    genres: list[Genre]
    order: list[int] = Field(description="Labels, so that genres that are taken for each other stand together.")
    books: int = Field(description="Books of the study, of all splits.")
    test_books: int
    chance: float = Field(description="Accuracy of always naming the commonest genre of the test books.")
    measures: list[Measure] = Field(description="Figure 5.2, over all books.")
    colours: list[GenreColour] = Field(description="Figure 5.3, over all books.")
    rules: list[RuleScore]
    systems: dict[str, SystemAnalysis] = Field(description="By the system's name.")
    pairs: list[PairComparison] = Field(description="Of all systems, on the same test books.")
    together: Together | None = Field(description="Of all systems but ensembles; None for fewer than two.")

    def summary(self) -> dict[str, Any]:
        """The analysis as a JSON value, without what fills most of it: shapes, matrices, and confused pairs."""
        of_systems: Any = {"confused": True, "overlap": {"matrix"}, "colour": {"points"}}
        return self.model_dump(
            mode="json", exclude={"genres": True, "measures": True, "systems": {"__all__": of_systems}}
        )


def _inputs(study: Study, predict: Predict | None = None) -> Inputs:  # noqa: ARG001 - what predicts makes no key
    return Inputs(
        after=[
            "listings",
            "split",
            *(f"prepare/shard-{number:04d}" for number in shards(study)),
            *(f"evaluate/{model}" for model in evaluated_models(study).values()),
        ]
    )


@stage(
    "analyse",
    "Analyse colour, shape, overlap and agreement",
    settings=("seed", "evaluation"),
    inputs=_inputs,
)
def analyse(study: Study, _: StageRun, *, predict: Predict | None = None) -> Result:
    """What was written: what colour, shape and overlap tell of the genres and of all systems that are evaluated.

    Args:
        study: The study.
        predict: What predicts the validation books, on which temperatures are fitted; none: the trained systems.

    Raises:
        StageOrderError: The books have not been split, their covers not been prepared, or no system is evaluated.
        WorkspaceError: A file of predictions or measurements is missing or altered, or of other books.
    """
    models = evaluated_models(study)
    from bookcover_core.evaluation.analysis_files import write_tables  # noqa: PLC0415 - imports pandas

    folder = study.workspace.evaluation
    predictions = {name: read_predictions(folder / model / "predictions.csv") for name, model in models.items()}
    analysis = _analysis(study, models, predictions, read_measured_books(study), predict or predict_split)
    write_json(analysis_file(study.workspace), _rounded(analysis.model_dump(mode="json")))
    tables = write_tables(analysis, folder / "analysis")
    return Result(
        outputs=[analysis_file(study.workspace), *tables],
        counts={
            "books": analysis.books,
            "test_books": analysis.test_books,
            "systems": len(models),
            **{f"overlapping pairs of {name}": len(system.overlap.pairs) for name, system in analysis.systems.items()},
        },
    )


def analysis_file(workspace: Workspace) -> Path:
    """Where the analysis lies."""
    return workspace.evaluation / "analysis.json"


def read_analysis(workspace: Workspace) -> Analysis:
    """The analysis of a study.

    Raises:
        WorkspaceError: It is missing or altered.
    """
    file = analysis_file(workspace)
    try:
        return Analysis.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise WorkspaceError(
            "the analysis cannot be read", where=file, advice="Delete the file and run the study again."
        ) from error


def evaluated_models(study: Study) -> dict[str, str]:
    """The models of today's settings that are evaluated, by the name of their system, in the study's order.

    Raises:
        StageOrderError: There is none.
    """
    models = {}
    for system in systems(study.settings):
        with suppress(StageOrderError):  # a comparison that is to choose its preparation has not been made
            model = model_of(study, system)
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
    predictions: Mapping[str, Predictions],
    books: MeasuredBooks,
    predict: Predict,
) -> Analysis:
    """What the stage finds."""
    settings, seed = study.settings.evaluation, study.settings.seed
    confidence = settings.confidence
    genres = read_genres(study.workspace)
    labels, judged = _judged_books(study, predictions, books)
    named = {name: predicted_labels(each.probabilities) for name, each in predictions.items()}
    found = {}
    for done, (name, each) in enumerate(predictions.items()):
        study.progress(done, len(predictions) + 1)
        found[name] = SystemAnalysis(
            model=models[name],
            colour=study_colour(labels, named[name], books.colours[judged], len(genres), confidence),
            overlap=study_overlap(each.probabilities, settings.overlap_threshold, confidence),
            calibration=calibrate(
                labels,
                each.probabilities,
                confidence=confidence,
                seed=seed,
                validation=_validation(study, models[name], predict),
            ),
            confused=confused_pairs(each, confidence),
        )
        logger.info(
            "%s: %d of %d pairs of genres overlap by more than %g",
            name,
            len(found[name].overlap.pairs),
            found[name].overlap.all_pairs,
            settings.overlap_threshold,
        )
    study.progress(len(predictions), len(predictions) + 1)
    alone = [each.name for each in systems(study.settings) if each.kind is not Kind.ENSEMBLE and each.name in named]
    rules = judge_rules(
        books.labels,
        books.measured,
        books.train,
        books.test,
        len(genres),
        confidence=confidence,
        resamples=settings.resamples,
        seed=seed,
    )
    pairs = compare_pairs(labels, named, len(genres), confidence=confidence, resamples=settings.resamples, seed=seed)
    return Analysis(
        confidence=confidence,
        genres=genres,
        order=genre_order([confusion_matrix(labels, each, len(genres)) for each in named.values()]),
        books=len(books.keys),
        test_books=len(labels),
        chance=float(np.bincount(labels).max() / len(labels)),
        measures=distributions(books.labels, books.measured, len(genres)),
        colours=genre_colours(books.labels, books.colours, len(genres), confidence),
        rules=rules,
        systems=found,
        pairs=pairs,
        together=judge_together(labels, {name: named[name] for name in alone}, confidence) if len(alone) > 1 else None,
    )


def _validation(study: Study, model: str, predict: Predict) -> tuple[Integers, Floats] | None:
    """Labels and probabilities of the validation books; None where the system cannot judge them any more."""
    try:
        keys, labels, probabilities = predict(study, model, "validation")
    except (StageOrderError, WeightsError) as error:
        logger.warning("%s: no temperature is fitted: %s", model, error)
        return None
    return (labels.astype(np.int64), probabilities.astype(np.float64)) if len(keys) else None


def _judged_books(
    study: Study, predictions: Mapping[str, Predictions], books: MeasuredBooks
) -> tuple[Integers, Integers]:
    """The labels of the test books, and their places among all books; all systems have judged the same."""
    first = next(iter(predictions.values()))
    for name, each in predictions.items():
        if each.keys != first.keys or (each.labels != first.labels).any():
            raise WorkspaceError(
                f"the predictions of {name} are not of the same books as those of {next(iter(predictions))}",
                where=study.workspace.evaluation,
                advice="Delete the folder and evaluate the networks again.",
            )
    places = {key: place for place, key in enumerate(books.keys)}
    if unknown := [key for key in first.keys if key not in places]:
        raise WorkspaceError(
            f"{len(unknown)} books were judged, {unknown[0]!r} among them, that are not among the books of the study",
            where=study.workspace.evaluation,
            advice="Delete the folder and evaluate the networks again.",
        )
    return first.labels, np.array([places[key] for key in first.keys], dtype=np.int64)


def _rounded(value: object) -> object:
    """A JSON value with its numbers cut to the digits that are worth keeping."""
    match value:
        case float():
            return float(f"{value:.{_DIGITS}g}")
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
        case _:
            return value
