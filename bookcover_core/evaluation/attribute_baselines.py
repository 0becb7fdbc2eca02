"""What colour and shape alone tell of a genre: rules that never look at a picture, fitted on the training books.

Section 5.2 says that guessing by closeness to the average colour makes small improvements, and that width and aspect
ratio tell some genres apart; these rules measure how much. A network that sees more should do better than all of them.
"""

from collections.abc import Callable, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import bootstrap, total_name
from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.evaluation.scores import Estimate

_COLOUR = ("red", "green", "blue")
_SHAPE = ("width", "height", "aspect_ratio")

# Steps of the fit, at most: some 40 are enough for six numbers.
_STEPS = 1_000


class RuleScore(BaseModel):
    """How well a rule does on the test books."""

    model_config = ConfigDict(frozen=True)

    name: str
    sees: list[str] = Field(description="Names of the measures that it is given.")
    top: dict[int, Estimate] = Field(description="Top-k accuracy by k.")


def judge_rules(
    labels: Integers,
    measured: Mapping[str, Floats],
    train: np.ndarray,
    test: np.ndarray,
    genres: int,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[RuleScore]:
    """The rules, from the one that sees least: nearest mean colour, then logistic regressions.

    Args:
        labels: (n,) the genre of each book.
        measured: (n,) values by the names of `distributions.MEASURES`.
        train: (n,) whether it is a training book.
        test: (n,) whether it is a test book; there is at least one.
        genres: Number of genres.
        confidence: Of the intervals.
        resamples: Of the bootstrap behind them.
        seed: Of the study.
    """
    found = []
    for name, sees, fit in _RULES:
        inputs = np.column_stack([measured[measure] for measure in sees])
        scores = fit(inputs[train], labels[train], inputs[test], genres)
        predicted, ranks = metrics.predicted_labels(scores), metrics.true_ranks(labels[test], scores)
        intervals = bootstrap(
            labels[test], predicted, ranks, genres, confidence=confidence, resamples=resamples, seed=seed
        )
        top = {k: Estimate.of(float((ranks <= k).mean()), intervals[total_name(k)]) for k in metrics.TOP}
        found.append(RuleScore(name=name, sees=list(sees), top=top))
    return found


def nearest_mean(inputs: Floats, labels: Integers, wanted: Floats, genres: int) -> Floats:
    """How near each book is to the mean of each genre's training books: (m, genres), 0 at the mean, less further away.

    Args:
        inputs: (n, d) of the training books.
        labels: (n,) the genre of each.
        wanted: (m, d) of the books to judge.
        genres: Number of genres; one without training books is infinitely far.
    """
    nearness = np.full((len(wanted), genres), -np.inf)
    for label in range(genres):
        own = inputs[labels == label]
        if len(own):
            nearness[:, label] = -np.sqrt(((wanted - own.mean(axis=0)) ** 2).sum(axis=1))
    return nearness


def logistic(inputs: Floats, labels: Integers, wanted: Floats, genres: int) -> Floats:
    """The probabilities of a multinomial logistic regression on standardised inputs: (m, genres).

    Args:
        inputs: (n, d) of the training books.
        labels: (n,) the genre of each; one genre alone is certain.
        wanted: (m, d) of the books to judge.
        genres: Number of genres; one without training books has no probability.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - as above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - as above

    probabilities = np.zeros((len(wanted), genres))
    seen = np.unique(labels)
    if len(seen) == 1:
        probabilities[:, seen[0]] = 1
        return probabilities
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_STEPS))
    probabilities[:, seen] = model.fit(inputs, labels).predict_proba(wanted)
    return probabilities


_Fit = Callable[[Floats, Integers, Floats, int], Floats]

# Name, what it is given, and how it is fitted.
_RULES: tuple[tuple[str, tuple[str, ...], _Fit], ...] = (
    ("nearest mean colour", _COLOUR, nearest_mean),
    ("logistic regression on colour", _COLOUR, logistic),
    ("logistic regression on shape", _SHAPE, logistic),
    ("logistic regression on colour and shape", (*_COLOUR, *_SHAPE), logistic),
)
