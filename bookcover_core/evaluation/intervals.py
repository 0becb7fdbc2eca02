"""Confidence intervals: Wilson's for the shares of one genre, a stratified bootstrap for totals.

They allow for the luck of which test books were drawn, and for nothing else: not for the luck of a training run.
"""

from statistics import NormalDist
from typing import NamedTuple, Self

import numpy as np
from pydantic import BaseModel

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.metrics import Floats, Integers

# Separates the random numbers of the bootstrap from those of other purposes.
_BOOTSTRAP = 51

# Resamples drawn at once: bounds the memory to some 30 MB with 30 genres.
_BATCH = 2_000


class Resampling(NamedTuple):
    """How the intervals of a study are made."""

    confidence: float
    """Of every interval, such as 0.95."""
    resamples: int
    """Of a bootstrap."""
    seed: int
    """Of the study: the same seed gives the same intervals on any machine."""


class Interval(NamedTuple):
    """A confidence interval, ends included."""

    low: float
    high: float


class Estimate(BaseModel, frozen=True):
    """A number with its confidence interval; mostly a share."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, interval: Interval) -> Self:
        """The estimate of a value and the interval around it."""
        return cls(value=value, low=interval.low, high=interval.high)

    @classmethod
    def of_share(cls, successes: int, trials: int, confidence: float) -> Self:
        """A share of at least one trial with Wilson's score interval.

        It keeps its promise near 0 and 1 and for few trials, where the textbook interval does not: Wilson (1927), JASA
        22, 209-212; recommended by Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.
        """
        z = normal_quantile(confidence)
        share = successes / trials
        centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
        half = z / (1 + z * z / trials) * (share * (1 - share) / trials + z * z / (4 * trials * trials)) ** 0.5
        # The ends meet 0 and 1 exactly there, which floating point misses by a hair.
        low = 0.0 if successes == 0 else max(0.0, centre - half)
        return cls(value=share, low=low, high=1.0 if successes == trials else min(1.0, centre + half))

    @classmethod
    def of_mean(cls, values: Floats, confidence: float) -> Self:
        """The mean of (n,) values with its normal interval; a single value has no interval but itself."""
        mean = float(values.mean())
        error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
        half = normal_quantile(confidence) * error
        return cls(value=mean, low=mean - half, high=mean + half)

    @property
    def interval(self) -> Interval:
        """The interval around the value."""
        return Interval(self.low, self.high)

    @property
    def holds_zero(self) -> bool:
        """Whether the interval holds 0: of a difference, whether it is a tie."""
        return self.low <= 0 <= self.high


def share(successes: int, trials: int, confidence: float) -> Estimate | None:
    """A share with Wilson's interval; None where nothing was tried."""
    return Estimate.of_share(successes, trials, confidence) if trials else None


def normal_quantile(confidence: float) -> float:
    """Standard deviations to either side of the mean within which a normal variable falls: 1.96 at 95 %."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """`first - second`, of independent samples, with the interval that follows from the intervals of both.

    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10, for shares; for any two numbers: Zou and Donner
    (2008), Statistics in Medicine 27, 1693-1702. Where both rest on the same books it is too wide, not too narrow.
    """
    below = ((first.value - first.low) ** 2 + (second.high - second.value) ** 2) ** 0.5
    above = ((first.high - first.value) ** 2 + (second.value - second.low) ** 2) ** 0.5
    apart = first.value - second.value
    return Estimate(value=apart, low=apart - below, high=apart + above)


def percentiles(values: Floats, confidence: float) -> Interval:
    """The percentile interval of the resampled values (n,) of a bootstrap."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def bootstrap(
    labels: Integers, predicted: Integers, ranks: Integers, genres: int, how: Resampling
) -> dict[str, Interval]:
    """Percentile intervals of the totals: accuracy, top-3, top-5, macro precision, macro recall and macro F1.

    Books are drawn anew with replacement within each genre, because the test set is balanced by genre by design:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; Davison and Hinkley (1997), Bootstrap
    Methods and their Application, section 3.2, for strata. Books of a genre that have the same predicted genre and the
    same band of ranks are alike for every total, so a resample is one multinomial draw over those kinds.

    An accuracy or top-k of exactly 0 or 1 never varies in a resample; Wilson's interval stands in for it.

    Args:
        labels: (n,) the genre of each book.
        predicted: (n,) the genre that the network names.
        ranks: (n,) the rank of each book's own genre, from 1.
        genres: Number of genres.
        how: Confidence, resamples and seed.
    """
    generator = np.random.default_rng([how.seed, _BOOTSTRAP])
    samples: dict[str, list[Floats]] = {}
    for start in range(0, how.resamples, _BATCH):
        size = min(_BATCH, how.resamples - start)
        for name, values in _resample(labels, predicted, ranks, genres, generator, size).items():
            samples.setdefault(name, []).append(values)
    intervals = {name: percentiles(np.concatenate(batches), how.confidence) for name, batches in samples.items()}
    for k in metrics.TOP:
        hits = int((ranks <= k).sum())
        if hits in {0, len(ranks)} and (exact := share(hits, len(ranks), how.confidence)):
            intervals[total_name(k)] = exact.interval
    return intervals


def total_name(k: int) -> str:
    """What the total of top-k recall is called: "accuracy" for 1, "top3", "top5"."""
    return "accuracy" if k == 1 else f"top{k}"


def _resample(
    labels: Integers, predicted: Integers, ranks: Integers, genres: int, generator: np.random.Generator, size: int
) -> dict[str, Floats]:
    """The totals of `size` resamples."""
    bands = np.searchsorted(np.array(metrics.TOP), ranks).astype(np.int64)
    confusion = np.zeros((size, genres, genres), dtype=np.int64)
    hits = np.zeros((len(metrics.TOP), size), dtype=np.int64)
    for genre in range(genres):
        of_genre = labels == genre
        kinds, counts = np.unique(predicted[of_genre] * (len(metrics.TOP) + 1) + bands[of_genre], return_counts=True)
        if not len(kinds):
            continue
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=size)
        named, band = np.divmod(kinds, len(metrics.TOP) + 1)
        for kind in range(len(kinds)):
            confusion[:, genre, named[kind]] += drawn[:, kind]
        for position in range(len(metrics.TOP)):
            hits[position] += drawn[:, band <= position].sum(axis=1)
    books = confusion.sum(axis=2)
    totals = {total_name(k): hits[position] / len(labels) for position, k in enumerate(metrics.TOP)}
    return totals | {
        "macro_precision": metrics.macro(metrics.precision(confusion), books[0]),
        "macro_recall": metrics.macro(metrics.recall(np.diagonal(confusion, axis1=1, axis2=2), books), books[0]),
        "macro_f1": metrics.macro(metrics.f1(confusion), books[0]),
    }
