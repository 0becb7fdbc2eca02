"""Intervals: Wilson's against published values, the bootstrap against itself and against theory."""

import numpy as np
import pytest

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Interval, Resampling, bootstrap, difference, share


def _bootstrap(labels, probabilities, genres, **changes):
    predicted, ranks = metrics.predicted_labels(probabilities), metrics.true_ranks(labels, probabilities)
    return bootstrap(labels, predicted, ranks, genres, Resampling(0.95, 2_000, 1)._replace(**changes))


def _predictions(books: int, genres: int, seed: int = 5):
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(genres), books // genres)
    probabilities = generator.random((len(labels), genres))
    probabilities[np.arange(len(labels)), labels] += 0.3
    return labels, probabilities


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_values(successes: int, trials: int, low: float, high: float):
    """The four examples of Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    interval = share(successes, trials, 0.95)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_wilson_ends_at_nothing_and_everything():
    """No success starts at exactly 0, all successes end at exactly 1, and nothing tried has no interval."""
    none, everything = share(0, 190, 0.95), share(190, 190, 0.95)
    assert none is not None
    assert everything is not None
    assert none.low == 0
    assert everything.high == 1
    assert share(0, 0, 0.95) is None


def test_difference_gives_the_published_value():
    """56/70 against 48/80: Newcombe (1998), Statistics in Medicine 17, 873-890, table II, (a), method 10."""
    first, second = share(56, 70, 0.95), share(48, 80, 0.95)
    assert first is not None
    assert second is not None
    apart = difference(first, second)
    assert apart.value == pytest.approx(56 / 70 - 48 / 80)
    assert (round(apart.low, 4), round(apart.high, 4)) == (0.0524, 0.3339)


def test_the_same_seed_gives_the_same_intervals():
    """The bootstrap is drawn from the seed alone, and another seed moves it."""
    labels, probabilities = _predictions(300, 6)
    assert _bootstrap(labels, probabilities, 6) == _bootstrap(labels, probabilities, 6)
    assert _bootstrap(labels, probabilities, 6) != _bootstrap(labels, probabilities, 6, seed=2)


def test_the_interval_of_accuracy_is_as_wide_as_theory_says():
    """On a balanced test the bootstrap's interval of accuracy is the stratified binomial's, to a tenth."""
    labels, probabilities = _predictions(3_000, 6)
    interval = _bootstrap(labels, probabilities, 6)["accuracy"]
    right = metrics.predicted_labels(probabilities) == labels
    shares = np.array([right[labels == genre].mean() for genre in range(6)])
    deviation = np.sqrt((shares * (1 - shares) / 500).mean() / 6)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert interval.low < right.mean() < interval.high


def test_totals_lie_within_their_intervals():
    """Every total that is reported has an interval, and that holds it."""
    labels, probabilities = _predictions(600, 6)
    intervals = _bootstrap(labels, probabilities, 6)
    assert set(intervals) == {"accuracy", "top3", "top5", "macro_precision", "macro_recall", "macro_f1"}
    confusion = metrics.confusion_matrix(labels, metrics.predicted_labels(probabilities), 6)
    value = metrics.macro(metrics.precision(confusion), confusion.sum(axis=1))
    assert intervals["macro_precision"].low < value < intervals["macro_precision"].high


def test_a_perfect_score_is_not_certain():
    """All books right in a small test still leaves an interval, Wilson's."""
    labels = np.repeat(np.arange(3), 4)
    intervals = _bootstrap(labels, np.eye(3)[labels], 3)
    assert intervals["accuracy"].low == pytest.approx(0.7575, abs=1e-3)
    assert intervals["accuracy"].high == 1


def test_a_higher_confidence_is_wider():
    """99 % needs a wider interval than 80 %."""
    labels, probabilities = _predictions(300, 6)

    def width(interval: Interval) -> float:
        return interval.high - interval.low

    wide, narrow = (_bootstrap(labels, probabilities, 6, confidence=each)["top3"] for each in (0.99, 0.8))
    assert width(wide) > width(narrow)
