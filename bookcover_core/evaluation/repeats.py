"""The stage `repeats`: what the repeated trainings of the frozen networks say together, in evaluation/repeats.json.

The variance of an accuracy is that of the mean over books, groups drawn together (Cameron and Miller 2015), and that
between trainings, by their number. The interval is exact for as many books as would give that variance, fewer by what
Student's t exceeds the normal quantile by (Korn and Graubard 1998); degrees of freedom follow Satterthwaite (1946). For
cross-validation no estimate is unbiased (Bengio and Grandvalet 2004): its luck of training is what exceeds its books.
"""

from collections.abc import Sequence
from contextlib import suppress
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from bookcover_core.evaluation.intervals import Estimate, student_quantile
from bookcover_core.evaluation.metrics import Floats
from bookcover_core.models.backbones import pretrained
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import NOT_KNOWN
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_result, read_table, write_json
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import chosen_preparation, model_name, split_model_name
from bookcover_core.training.repeated_training import variants
from bookcover_core.training.stored_probabilities import predict_split, read_probabilities

_REPEATS = "repeats.json"
_CURVE = 422  # purpose of the generator that draws for the learning curve

Hits = npt.NDArray[np.bool_]


class RepeatedAccuracy(BaseModel, frozen=True):
    """Accuracy over several trainings."""

    runs: list[float] = Field(description="Accuracy of each training.")
    spread: float = Field(description="Standard deviation between them.")
    estimate: Estimate = Field(description="Of the mean: the interval holds the luck of training and of the books.")


class CurvePoint(BaseModel, frozen=True):
    """Accuracies of the trainings with so many books."""

    books: int
    accuracies: list[float]


class LearningCurve(BaseModel, frozen=True):
    """Accuracy against the number of training books, and the line through its logarithm."""

    points: list[CurvePoint] = Field(description="From few books to all.")
    fitted: list[Estimate] = Field(description="The line at each point, and at twice all books.")
    gain: Estimate = Field(description="What each doubling of the books brings.")


class SystemRepeats(BaseModel, frozen=True):
    """The repeated trainings of one system."""

    seeds: RepeatedAccuracy | None = None
    folds: RepeatedAccuracy | None = None
    curve: LearningCurve | None = None


class Repeats(BaseModel, frozen=True):
    """The repeated trainings of a study, by system."""

    confidence: float
    systems: dict[str, SystemRepeats]


def repeated_models(study: Study) -> list[str]:
    """The models of today's settings all of whose trainings are done."""
    models = []
    for name in pretrained(study.settings):
        with suppress(*NOT_KNOWN):
            model = model_name(name, chosen_preparation(study, name))
            wanted = [f"train/{model}", *(f"repeat/{model}/{variant}" for variant in variants(study.settings))]
            if all(study.manifest_file(label).is_file() for label in wanted):
                models.append(model)
    return models


def _inputs(study: Study) -> Inputs:
    models = repeated_models(study)
    again = [f"repeat/{model}/{variant}" for model in models for variant in variants(study.settings)]
    return Inputs(
        after=["split", *(f"train/{model}" for model in models), *again],
        given={"models": " ".join(models), "variants": " ".join(variants(study.settings))},
    )


@stage(
    "repeats",
    "Sum up the repeated trainings",
    step="analyse",
    settings=("seed", "evaluation.confidence", "evaluation.resamples"),
    inputs=_inputs,
    parts=lambda study: [()] if variants(study.settings) else [],
)
def sum_up_repeats(study: Study, run: StageRun) -> Result:
    """Mean, spread and interval over seeds and over folds, and the learning curve, of each frozen network."""
    found = {split_model_name(model)[0]: _of_model(study, model) for model in run.inputs["models"].split()}
    file = study.workspace.evaluation / _REPEATS
    write_json(file, Repeats(confidence=study.settings.evaluation.confidence, systems=found).model_dump(mode="json"))
    counts = {
        f"{kind} of {name}": round(each.estimate.value, 6)
        for name, system in found.items()
        for kind, each in (("seeds", system.seeds), ("folds", system.folds))
        if each
    }
    return Result(outputs=[file], counts={"systems": len(found), **counts})


def read_repeats(workspace: Workspace) -> Repeats:
    """The repeated trainings of a study."""
    return read_result(workspace.evaluation / _REPEATS, Repeats, "what the repeated trainings say")


def _of_model(study: Study, model: str) -> SystemRepeats:
    settings = study.settings
    books = read_table(study.workspace.splits, ("key", "label", "split", "group"), label="int32").set_index("key")
    keys, labels, probabilities = predict_split(study, model, "test")
    hits, groups = {"seed-1": probabilities.argmax(axis=1) == labels}, {"seed-1": books["group"].loc[keys].to_numpy()}
    for variant in variants(settings):
        keys, probabilities = read_probabilities(study.workspace.repeats / model / variant, "test")
        hits[variant] = probabilities.argmax(axis=1) == books["label"].loc[keys].to_numpy()
        groups[variant] = books["group"].loc[keys].to_numpy()
    seeds, shares, folds = ([each for each in hits if each.startswith(kind)] for kind in ("seed", "share", "fold"))
    alike, confidence = np.array([hits[variant] for variant in (*seeds, *shares)]), settings.evaluation.confidence
    train = books[books["split"] == "train"]["label"].value_counts().to_numpy()
    numbers = [int(np.ceil(float(share.split("-")[1]) * train).sum()) for share in shares]
    numbers = [int(train.sum())] * len(seeds) + numbers
    return SystemRepeats(
        seeds=over_seeds(alike[: len(seeds)], groups["seed-1"], confidence) if len(seeds) > 1 else None,
        folds=over_folds([(hits[fold], groups[fold]) for fold in folds], confidence) if folds else None,
        curve=learning_curve(alike, numbers, groups["seed-1"], settings) if shares else None,
    )


def over_seeds(hits: Hits, groups: npt.NDArray[np.str_], confidence: float) -> RepeatedAccuracy:
    """Accuracy over trainings that were tested on the same books, of (trainings, books) hits and (books,) groups."""
    runs, books = hits.mean(axis=1), _variance_of_mean(hits.mean(axis=0), groups)
    return _summary(runs, books, runs.var(ddof=1) / len(runs), len(np.unique(groups)), confidence, runs.mean())


def over_folds(folds: Sequence[tuple[Hits, npt.NDArray[np.str_]]], confidence: float) -> RepeatedAccuracy:
    """Accuracy over the folds of a cross-validation: whether each book was judged rightly, and its group, by fold."""
    hits, groups = (np.concatenate(each) for each in zip(*folds, strict=True))
    runs = np.array([own.mean() for own, _ in folds])
    books = _variance_of_mean(hits.astype(float), groups)
    training = max(0.0, runs.var(ddof=1) / len(runs) - books)
    return _summary(runs, books, training, len(np.unique(groups)), confidence, hits.mean())


def _variance_of_mean(values: Floats, groups: npt.NDArray[np.str_]) -> float:
    """Variance of the mean of (books,) values, groups drawn together."""
    _, members = np.unique(groups, return_inverse=True)
    sums = np.bincount(members, weights=values - values.mean())
    return float((sums**2).sum() / len(values) ** 2 * len(sums) / max(1, len(sums) - 1))


def _summary(
    runs: Floats, books: float, training: float, clusters: int, confidence: float, mean: float
) -> RepeatedAccuracy:
    """The sum of trainings: `books` and `training` are the variances of the mean, over clusters of books."""
    value, variance = float(mean), books + training
    freedom, trials = float(clusters - 1), float(clusters)
    if variance:
        freedom = variance**2 / (books**2 / max(1, clusters - 1) + training**2 / (len(runs) - 1))
        trials = value * (1 - value) / variance
    trials *= (NormalDist().inv_cdf((1 + confidence) / 2) / student_quantile(confidence, max(1, freedom))) ** 2
    return RepeatedAccuracy(
        runs=runs.tolist(),
        spread=float(runs.std(ddof=1)),
        estimate=Estimate.of_share(value * trials, trials, confidence),
    )


def learning_curve(
    hits: Hits, numbers: Sequence[int], groups: npt.NDArray[np.str_], settings: StudySettings
) -> LearningCurve | None:
    """The line of accuracy against the logarithm of the number of training books, and where twice as many would lead.

    `hits` are (trainings, books), `numbers` the training books of each training, `groups` those of the test books.
    Intervals come from drawing groups anew, and trainings with each number of books. None where all numbers are one.
    """
    if len(set(numbers)) < 2:
        return None
    confidence, size = settings.evaluation.confidence, settings.evaluation.resamples
    generator = np.random.default_rng([settings.seed, _CURVE])
    _, members = np.unique(groups, return_inverse=True)
    in_group = np.array([np.bincount(members, weights=each) for each in hits.astype(float)])
    weights = generator.multinomial(len(in_group[0]), np.full(len(in_group[0]), 1 / len(in_group[0])), size=size)
    drawn = weights @ in_group.T / (weights @ np.bincount(members))[:, None]
    at = {number: np.flatnonzero(np.array(numbers) == number) for number in sorted(set(numbers))}
    places = np.concatenate([generator.choice(rows, (size, len(rows))) for rows in at.values()], axis=1)
    drawn = np.take_along_axis(drawn, places, axis=1)
    runs = hits.mean(axis=1)
    x = np.log2(np.repeat(list(at), [len(rows) for rows in at.values()]))
    slopes, offsets = np.polyfit(x, np.column_stack([runs[np.concatenate(list(at.values()))], drawn.T]), 1)
    wanted = np.log2([*at, 2 * max(at)])

    def estimate(values: Floats) -> Estimate:
        low, high = np.quantile(values[1:], [(1 - confidence) / 2, (1 + confidence) / 2])
        return Estimate(value=float(values[0]), low=float(low), high=float(high))

    return LearningCurve(
        points=[CurvePoint(books=number, accuracies=runs[rows].tolist()) for number, rows in at.items()],
        fitted=[estimate(np.clip(offsets + slopes * place, 0, 1)) for place in wanted],
        gain=estimate(slopes),
    )
