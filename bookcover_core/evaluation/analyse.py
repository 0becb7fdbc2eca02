"""The stage `analyse`: colour, shape, overlap, calibration and agreement (section 5.2).

splits/books.csv, prepared/measurements/, evaluation/<model>/  ->  evaluation/analysis.json    Analysis
                                                                   evaluation/analysis/*.csv   the same as tables
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.calibration import Calibration, calibrate
from bookcover_core.evaluation.colour_and_shape import (
    MEASURES,
    ColourStudy,
    GenreColour,
    Measure,
    distributions,
    genre_colours,
    study_colour,
)
from bookcover_core.evaluation.genre_pairs import ConfusedPair, OverlapStudy, confused_pairs, genre_order, study_overlap
from bookcover_core.evaluation.intervals import JointAccuracy, PairComparison, compare_pairs, joint_accuracy
from bookcover_core.evaluation.metrics import Predictions, read_predictions
from bookcover_core.evaluation.scores import Predict, tabulated
from bookcover_core.families.systems import systems as asked_for
from bookcover_core.genres import Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.models.extra_inputs import load_measurements
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_result, read_table, write_json, write_table
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepare import shards
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import predict_split

logger = logging.getLogger(__name__)

ANALYSIS = "analysis.json"
_DIGITS = 6  # of its numbers


class SystemAnalysis(BaseModel, frozen=True):
    """The analysis of one system, beyond its scores."""

    model: str = Field(description="<system>-<preparation>.")
    colour: ColourStudy
    overlap: OverlapStudy
    calibration: Calibration
    confused: list[ConfusedPair]


class Analysis(BaseModel, frozen=True):
    """The result of the stage `analyse`."""

    confidence: float
    genres: list[Genre]
    order: list[int] = Field(description="Labels, ordered so that genres which are confused are neighbours.")
    books: int = Field(description="Books of the study, of all splits.")
    test_books: int
    chance: float = Field(description="Accuracy of always naming the commonest genre of the test books.")
    measures: list[Measure] = Field(description="Figure 5.2, over all books.")
    colours: list[GenreColour] = Field(description="Figure 5.3, over all books.")
    systems: dict[str, SystemAnalysis] = Field(description="By the system's name.")
    pairs: list[PairComparison] = Field(description="Of all systems, on the same test books.")
    together: JointAccuracy | None = Field(description="Of all systems but ensembles; None for fewer than two.")

    def summary(self) -> dict[str, Any]:
        """The analysis as a JSON value, without its bulk: densities, matrices, and confused pairs."""
        of_systems: Any = {"confused": True, "overlap": {"matrix"}, "colour": {"points"}}
        return self.model_dump(
            mode="json", exclude={"genres": True, "measures": True, "systems": {"__all__": of_systems}}
        )


def _inputs(study: Study, predict: Predict | None = None) -> Inputs:  # noqa: ARG001 - what predicts makes no key
    models = evaluated_models(study)
    alone = [each.name for each in asked_for(study.settings) if each.name in models and not each.members]
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
    analysis = _analysis(study, models, alone, predictions, predict or predict_split)
    found = analysis.model_dump(mode="json")
    write_json(folder / ANALYSIS, _rounded(found))
    return Result(
        outputs=[folder / ANALYSIS, *_write_tables(found, folder / "analysis")],
        counts={
            "books": analysis.books,
            "test_books": analysis.test_books,
            "systems": len(models),
            **{f"overlapping pairs of {name}": len(system.overlap.pairs) for name, system in analysis.systems.items()},
        },
    )


def evaluated_models(study: Study) -> dict[str, str]:
    """The models of today's settings that compete and are evaluated, by the name of their system, in the study's order.

    `StageOrderError` where there is none.
    """
    models = {}
    for system in filter(lambda each: each.competes, asked_for(study.settings)):
        with suppress(StageOrderError):  # a comparison that is to choose its preparation has not been made
            model = system.model(study)
            if study.manifest_file(f"evaluate/{model}").exists():
                models[system.name] = model
    if not models:
        what = "no network has been evaluated"
        advice = "Run the stages in order, or the whole study with `bookcover run`."
        raise StageOrderError(what, where=study.workspace.root, advice=advice)
    return models


def read_analysis(workspace: Workspace) -> Analysis:
    """The analysis of a study."""
    return read_result(workspace.evaluation / ANALYSIS, Analysis, "the analysis")


def _analysis(
    study: Study,
    models: Mapping[str, str],
    alone: Sequence[str],
    predictions: Mapping[str, Predictions],
    predict: Predict,
) -> Analysis:
    """The result of the stage; all systems have judged the same books."""
    settings, genres = study.settings.evaluation, read_genres(study.workspace)
    books = read_table(study.workspace.splits, ("key", "label"), label="int64").set_index("key")
    books[list(Measurements._fields)] = load_measurements(study, books.index.tolist())
    books["aspect_ratio"] = books["width"] / books["height"]
    confidence, threshold = settings.confidence, settings.overlap_threshold
    (model, first), *others = predictions.items()
    labels, groups, judged = first.labels, first.groups, books.index.get_indexer(first.keys)  # type: ignore[arg-type]
    wrong = [
        f"the predictions of {name} are not of the same books as those of {model}"
        for name, each in others
        if each.keys != first.keys or (each.labels != labels).any()
    ] or [
        f"{(judged < 0).sum()} books were judged, {key!r} among them, that are not among the books of the study"
        for key, place in zip(first.keys, judged, strict=True)
        if place < 0
    ]
    if wrong:
        advice = "Run the study again: it makes anew what is missing or altered."
        raise WorkspaceError(wrong[0], where=study.workspace.evaluation, advice=advice)
    of_books, colours = books["label"].to_numpy(np.int64), books[["red", "green", "blue"]].to_numpy()
    shuffles = settings.resamples, study.settings.seed
    named = {name: metrics.predicted_labels(each.probabilities) for name, each in predictions.items()}
    found = {}
    for done, (name, each) in enumerate(predictions.items()):
        study.progress(done, len(predictions) + 1)
        validation = None
        try:
            keys, known, probabilities = predict(study, models[name], "validation")
            if len(keys):
                validation = known.astype(np.int64), probabilities.astype(np.float64)
        except (StageOrderError, WeightsError) as error:
            logger.warning("%s: no temperature is fitted: %s", models[name], error)
        overlap = study_overlap(each.probabilities, threshold, confidence)
        found[name] = SystemAnalysis(
            model=models[name],
            colour=study_colour(labels, named[name], colours[judged], len(genres), confidence, shuffles),
            overlap=overlap,
            calibration=calibrate(labels, each.probabilities, confidence, study.settings.seed, validation),
            confused=confused_pairs(each, confidence),
        )
        told = (name, len(overlap.pairs), overlap.all_pairs, threshold)
        logger.info("%s: %d of %d pairs of genres overlap by more than %g", *told)
    study.progress(len(predictions), len(predictions) + 1)
    of_alone = {name: named[name] for name in alone}
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
        together=joint_accuracy(labels, of_alone, groups, confidence) if len(alone) > 1 else None,
    )


def _rounded(value: Any) -> Any:
    """A JSON value with its numbers rounded to six significant digits, as the analysis is stored."""
    match value:
        case float():
            return float(f"{value:.{_DIGITS}g}")
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
        case _:
            return value


# The columns of each file, as `tabulated` takes them.
_COLUMNS = {
    "measures": "measure #genre=label books mean q05=quantiles.0 q25=quantiles.1 q50=quantiles.2 q75=quantiles.3 "
    "q95=quantiles.4 ks_distance_to_others=apart",
    "colours": "#genre=label books red green blue brightness*",
    "colour-distance": "system #genre=label recall predicted distance distance_of_mistakes",
    "colour-correlation": "system correlation value expected low high p points",
    "overlap": "system #first #second overlap above_threshold",
    "confused-pairs": "system #true #named books share* back examples",
    "pairs": "first second both_right=both only_first_right=only_first only_second_right=only_second "
    "neither_right=neither difference* mcnemar_p=p holm_p=p_holm standing same* kappa*",
    "calibration": "system mean_confidence=confidence accuracy ece ece_by_luck brier* brier_of_chance log_loss* "
    "log_loss_of_chance temperature=tempered.temperature ece_at_temperature=tempered.ece "
    "log_loss_at_temperature=tempered.log_loss.value",
    "reliability": "system books least=low most=high mean_confidence=confidence accuracy*",
}


def _write_tables(found: dict[str, Any], folder: Path) -> list[Path]:
    """The files that were written to `folder` of an `Analysis` as a JSON value; a table without rows is left out."""
    slugs = [genre["slug"] for genre in found["genres"]]
    systems = found["systems"].items()
    tables = {
        "measures": [
            {"measure": measure["name"], **row, "quantiles": dict(enumerate(row["quantiles"]))}
            for measure in found["measures"]
            for row in measure["genres"]
        ],
        "colours": found["colours"],
        "colour-distance": [{"system": name, **row} for name, each in systems for row in each["colour"]["points"]],
        "colour-correlation": [
            {"system": name, "correlation": what, **each["colour"][what]}
            for name, each in systems
            for what in ("pearson", "spearman", "pearson_of_mistakes")
            if each["colour"][what] is not None
        ],
        "overlap": [
            {
                "system": name,
                "first": first,
                "second": second,
                "overlap": value,
                "above_threshold": (value or 0) > least,
            }
            for name, each in systems
            for least in [each["overlap"]["threshold"]]
            for first, values in enumerate(each["overlap"]["matrix"])
            for second, value in enumerate(values[first + 1 :], start=first + 1)
        ],
        "confused-pairs": [
            {"system": name, **row, "examples": " ".join(row["examples"])}
            for name, each in systems
            for row in each["confused"]
        ],
        "pairs": found["pairs"],
        "calibration": [{"system": name, **each["calibration"]} for name, each in systems],
        "reliability": [{"system": name, **row} for name, each in systems for row in each["calibration"]["bins"]],
    }
    files = []
    for name, rows in tables.items():
        if rows:
            files.append(folder / f"{name}.csv")
            write_table(files[-1], tabulated(_rounded(rows), _COLUMNS[name], slugs))
    return files
