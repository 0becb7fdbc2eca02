"""Baselines: rules that never look at a picture, fitted on the training books (section 5.2).

All are a softmax of a linear function of what was measured of a cover before preparation.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.families.family import Family, System
from bookcover_core.families.finished_system import finish_rule
from bookcover_core.families.prediction import Floats, PredictorInput, Square
from bookcover_core.listings.books import read_genres
from bookcover_core.models.extra_inputs import load_measurements, select_columns
from bookcover_core.models.model_cards import read_card, whole_file
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import model_name
from bookcover_core.training.stored_probabilities import STORED_SPLITS

if TYPE_CHECKING:
    import pandas as pd

COLOUR, SHAPE = ("red", "green", "blue"), ("width", "height", "aspect_ratio")
_PREFIX, _NAME = "Baseline-", "baseline"
_ORIGINAL = "original"  # stands for the preparation: measurements are those of covers as they came
_RULE = "rule.npz"
_STEPS = 1_000  # of the fit, at most: some 40 are enough for six numbers
_DRAW = 601  # purpose of the generator that draws genres
_APART = 1e-4  # equal frequencies are set apart by this share of themselves, in the order of the draw

_Integers = npt.NDArray[np.integer]
_Doubles = npt.NDArray[np.float64]


class LinearRule(NamedTuple):
    """Probabilities of the genres: the softmax of a linear function."""

    weights: _Doubles  # (inputs, genres)
    bias: _Doubles  # (genres,); minus infinity for a genre without training books

    def probabilities(self, inputs: Any) -> _Doubles:
        """(n, genres) of the inputs (n, d), dense or sparse."""
        from scipy.special import softmax  # noqa: PLC0415 - slow to import

        return np.asarray(softmax(inputs @ self.weights + self.bias, axis=1))


Fit = Callable[[_Doubles, _Integers, int], LinearRule]
"""(inputs (n, d), labels (n,), genres) of the training books -> the rule."""


def fit_frequencies(inputs: _Doubles, labels: _Integers, genres: int) -> LinearRule:
    """The share of each genre among the training books, for every book."""
    with np.errstate(divide="ignore"):
        return LinearRule(np.zeros((inputs.shape[1], genres)), np.log(np.bincount(labels, minlength=genres)))


def fit_nearest_mean(inputs: _Doubles, labels: _Integers, genres: int) -> LinearRule:
    """The genre whose mean is nearest: normal densities around the means, of one variance in all directions."""
    seen = np.unique(labels)
    means = np.zeros((genres, inputs.shape[1]))
    means[seen] = [inputs[labels == label].mean(axis=0) for label in seen]
    variance = float(((inputs - means[labels]) ** 2).mean()) or 1.0
    bias = np.full(genres, -np.inf)
    bias[seen] = -(means[seen] ** 2).sum(axis=1) / (2 * variance)
    return LinearRule(means.T / variance, bias)


def fit_logistic(inputs: _Doubles, labels: _Integers, genres: int) -> LinearRule:
    """Multinomial logistic regression on standardised inputs: see `logistic_rule`."""
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - slow to import

    scaler = StandardScaler().fit(inputs)
    rule = logistic_rule(scaler.transform(inputs), labels, genres, max_iter=_STEPS)
    weights = rule.weights / scaler.scale_[:, None]
    return LinearRule(weights, rule.bias - scaler.mean_ @ weights)


def logistic_rule(inputs: Any, labels: _Integers, genres: int, **options: Any) -> LinearRule:
    """Multinomial logistic regression of inputs (n, d), dense or sparse; one genre alone is certain.

    Genres without a label have a bias of minus infinity; `options` are scikit-learn's.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import

    seen = np.unique(labels)
    weights, bias = np.zeros((inputs.shape[1], genres)), np.full(genres, -np.inf)
    bias[seen] = 0
    if len(seen) > 1:
        model = LogisticRegression(**options).fit(inputs, labels)
        two = len(seen) == 2  # scikit-learn keeps the second of two genres alone
        weights[:, seen] = (np.vstack([0 * model.coef_, model.coef_]) if two else model.coef_).T
        bias[seen] = np.append(0 * model.intercept_, model.intercept_) if two else model.intercept_
    return LinearRule(weights, bias)


# By name: what the rule is given of a cover, and how it is fitted.
_RULES: dict[str, tuple[tuple[str, ...], Fit]] = {
    "commonest": ((), fit_frequencies),  # always that genre
    "frequencies": ((), fit_frequencies),  # a genre drawn by them
    "mean-colour": (COLOUR, fit_nearest_mean),
    "colour": (COLOUR, fit_logistic),
    "shape": (SHAPE, fit_logistic),
    "colour-and-shape": ((*COLOUR, *SHAPE), fit_logistic),
}


def draw_genres(probabilities: _Doubles, seed: int) -> _Doubles:
    """The same probabilities (books, genres) for each book, in an order drawn by them."""
    generator = np.random.default_rng([seed, _DRAW])
    order = np.argsort(generator.exponential(size=probabilities.shape) / np.maximum(probabilities, 1e-300), axis=1)
    apart = 1 - _APART * np.arange(probabilities.shape[1])
    drawn = np.empty_like(probabilities)
    np.put_along_axis(drawn, order, np.sort(probabilities, axis=1)[:, ::-1] * apart, axis=1)
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def _inputs(study: Study, baseline: str) -> Inputs:
    columns, _ = _RULES[baseline.removeprefix(_PREFIX)]
    measured = [f"prepare/shard-{number:04d}" for number in shards(study)] if columns else []
    return Inputs(model_name(baseline, _ORIGINAL), after=["listings", "split", *measured])


@stage(
    _NAME,
    "Fit the baselines",
    step="evaluate",
    run_title="fit {baseline}",
    settings=("seed",),
    inputs=_inputs,
    parts=lambda study: [(f"{_PREFIX}{name}",) for name in study.settings.baselines.names],
)
def fit_baseline(study: Study, run: StageRun, baseline: str) -> Result:
    """One rule, such as "Baseline-commonest", fitted on the training books: `models/<baseline>-original/rule.npz`."""
    name, file = baseline.removeprefix(_PREFIX), study.workspace.models / run.part / _RULE
    (columns, fit), genres = _RULES[name], len(read_genres(study.workspace))
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    labels, splits = books["label"].to_numpy(), books["split"].to_numpy()
    measured = load_measurements(study, books["key"].tolist()) if columns else np.empty((len(books), 5))
    inputs = select_columns(measured, columns)
    rule = fit(inputs[splits == "train"], labels[splits == "train"], genres)
    with atomic(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, weights=rule.weights, bias=rule.bias, columns=np.array(columns, np.str_))

    def predict(split: str, held: "pd.DataFrame") -> Floats:
        probabilities = rule.probabilities(inputs[held.index])
        if name == "frequencies":
            probabilities = draw_genres(probabilities, study.settings.seed + STORED_SPLITS.index(split))
        return probabilities.astype(np.float32)

    parameters = {"trainable": rule.weights.size + rule.bias.size}
    return finish_rule(run, books, predict, file=file, kind=_NAME, parameters=parameters)


class _RulePredictor:
    """The rule of a folder, at work on covers from outside; chance is not drawn, but told as the frequencies."""

    squares: frozenset[Square] = frozenset()

    def __init__(self, folder: Path) -> None:
        with np.load(whole_file(folder, _RULE, read_card(folder)), allow_pickle=False) as stored:
            self._rule = LinearRule(stored["weights"], stored["bias"])
            self._columns = stored["columns"].tolist()

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, None]:
        """Probabilities (n, genres)."""
        inputs = select_columns([cover.measurements for cover in covers], self._columns)
        return self._rule.probabilities(inputs).astype(np.float32), None


class Baselines(Family):
    """Rules that never look at a picture."""

    name = _NAME
    stage = "baseline"
    competes = False
    explains = False
    unprepared = _ORIGINAL
    evidence = frozenset()
    predictor = _RulePredictor

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each name of the settings."""
        return [System(f"{_PREFIX}{name}", self, f"{_PREFIX}{name}") for name in settings.baselines.names]
