"""Differences of two systems on the same books, beyond their accuracies: recall in one genre, and macro F1.

`pairs` compares the systems of one study. Here the two need not know the same genres: labels number the genres of both.
"""

import numpy as np

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Interval, wilson
from bookcover_core.evaluation.metrics import Floats, Integers
from bookcover_core.evaluation.scores import Estimate

# What sets the random numbers of this bootstrap apart from those of other purposes.
_PAIRED_F1 = 54

# Resamples drawn at once: bounds the memory to some 10 MB with 60 genres.
_BATCH = 2_000


def paired_share_difference(first_right: np.ndarray, second_right: np.ndarray, confidence: float) -> Estimate:
    """The difference of two shares of the same books, and its interval, which holds for few books too.

    Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10: Wilson's intervals of both shares, joined with
    their correlation. Where a bootstrap would find no difference at all, among ten books say, it still has a width.

    Args:
        first_right: (n,) whether the first is right on each book; n is at least 1.
        second_right: (n,) whether the second is.
        confidence: Of the interval.
    """
    books = len(first_right)
    first, second = int(first_right.sum()), int(second_right.sum())
    around_first, around_second = wilson(first, books, confidence), wilson(second, books, confidence)
    assert around_first is not None
    assert around_second is not None
    phi = _correlation(int((first_right & second_right).sum()), first, second, books)
    difference = (first - second) / books
    below = _joined(first / books - around_first.low, around_second.high - second / books, phi)
    above = _joined(around_first.high - first / books, second / books - around_second.low, phi)
    return Estimate(value=difference, low=difference - below, high=difference + above)


def _joined(one: float, other: float, phi: float) -> float:
    return float(max(0.0, one * one - 2 * phi * one * other + other * other) ** 0.5)


def _correlation(both: int, first: int, second: int, books: int) -> float:
    """Newcombe's estimate of the correlation, with his continuity correction."""
    margins = first * (books - first) * second * (books - second)
    if margins == 0:
        return 0.0
    product = both * (books - first - second + both) - (first - both) * (second - both)
    corrected = max(product - books / 2, 0.0) if product > 0 else product
    return float(corrected / margins**0.5)


def macro_f1_difference(
    labels: Integers,
    first: Integers,
    second: Integers,
    genres: int,
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """The difference of two macro F1 scores on the same books, with the percentile interval of a paired bootstrap.

    Books are drawn anew with replacement within each genre, each with what both systems made of it: see
    `pairs.paired_bootstrap`.

    Args:
        labels: (n,) the genre of each book; n is at least 1.
        first: (n,) the genre that the first system names.
        second: (n,) the genre that the second names.
        genres: Number of genres, of both systems together.
        confidence: Of the interval.
        resamples: Number of resamples.
        seed: Of the study; the same seed gives the same interval on any machine.
    """
    generator = np.random.default_rng([seed, _PAIRED_F1])
    differences = []
    for start in range(0, resamples, _BATCH):
        size = min(_BATCH, resamples - start)
        one, other = _resample(labels, (first, second), genres, generator, size)
        differences.append(one - other)
    low, high = np.quantile(np.concatenate(differences), [(1 - confidence) / 2, (1 + confidence) / 2])
    values = [_macro_f1(metrics.confusion_matrix(labels, named, genres)) for named in (first, second)]
    return Estimate.of(values[0] - values[1], Interval(float(low), float(high)))


def _macro_f1(confusion: Integers) -> float:
    return float(metrics.macro(metrics.f1(confusion), confusion.sum(axis=1)))


def _resample(
    labels: Integers, named: tuple[Integers, Integers], genres: int, generator: np.random.Generator, size: int
) -> list[Floats]:
    """The macro F1 of both systems in each of `size` resamples: two of (size,)."""
    books = np.bincount(labels, minlength=genres)
    right = np.zeros((2, size, genres))
    predicted = np.zeros((2, size, genres))
    for genre in np.flatnonzero(books):
        of_genre = labels == genre
        kinds, counts = np.unique(named[0][of_genre] * genres + named[1][of_genre], return_counts=True)
        # As floats, whose products are computed fast; counts of books are exact in them.
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=size).astype(np.float64)
        for system, names in enumerate(np.divmod(kinds, genres)):
            right[system, :, genre] = drawn[:, names == genre].sum(axis=1)
            predicted[system] += drawn @ np.eye(genres)[names]
    # A genre with books has a score: its denominator is not 0.
    tested = books > 0
    scores = 2 * right[:, :, tested] / (books[tested] + predicted[:, :, tested])
    return [scores[system].mean(axis=1) for system in (0, 1)]
