"""Intervals: Clopper and Pearson's against published values, and every kind against how often it holds the truth."""

import numpy as np
import pytest
from scipy import stats

from bookcover_core.evaluation.intervals import (
    Estimate,
    difference,
    effective_books,
    paired_difference,
    share,
    share_right,
)
from bookcover_core.evaluation.metrics import Predictions
from bookcover_core.evaluation.scores import score
from bookcover_core.genres import number_genres

# No interval of 95 % may hold the truth less often than that.
LEAST = 0.93


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_shares_have_the_published_intervals(successes: int, trials: int, low: float, high: float):
    """The four examples of Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 5."""
    interval = Estimate.of_share(successes, trials, 0.95)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_no_share_is_certain():
    """Nothing tried has no interval; what never or always happened has one of some width, as any other share has."""
    assert share(0, 0, 0.95) is None
    for successes in range(7):
        found = Estimate.of_share(successes, 6, 0.95)
        assert found.low <= found.value <= found.high
        assert found.width > 0.4
    assert Estimate.of_share(4, 6, 0.95).low == pytest.approx(0.2228, abs=1e-4)


def test_shares_hold_the_truth_as_often_as_they_say():
    """Exactly, by every possible count: from 1 to 190 books, with accuracies from 0.02 to 0.98."""
    accuracies = np.linspace(0.02, 0.98, 49)
    for books in (*range(1, 41), 60, 95, 190):
        counts = np.arange(books + 1)
        found = [Estimate.of_share(count, books, 0.95) for count in counts]
        low, high = (np.array([getattr(each, end) for each in found])[:, None] for end in ("low", "high"))
        holds = (low <= accuracies) & (accuracies <= high)
        assert ((stats.binom.pmf(counts[:, None], books, accuracies) * holds).sum(axis=0) >= 0.95 - 1e-9).all()


@pytest.mark.parametrize(("groups", "size"), [(3, 1), (2, 5), (12, 4), (40, 3)])
def test_books_of_one_group_that_are_right_together_count_once(groups: int, size: int):
    """As if only one of each group had been tested, whatever the size of the group."""
    generator = np.random.default_rng(groups)
    for accuracy in (0.05, 0.3, 0.9):
        draws = generator.random((400, groups)) < accuracy
        names = np.repeat(np.arange(groups), size)
        found = [share_right(np.repeat(right, size), names, 0.95) for right in draws]
        assert np.mean([each.low <= accuracy <= each.high for each in found]) >= LEAST
    assert effective_books(names) == groups


@pytest.mark.parametrize("books", [4, 30, 300])
@pytest.mark.parametrize(("first", "second", "together"), [(0.5, 0.5, 0.45), (0.1, 0.3, 0.1), (0.95, 0.9, 0.88)])
def test_paired_differences_hold_the_truth(books: int, first: float, second: float, together: float):
    """Of two systems that are often right on the same books."""
    shares = [together, first - together, second - together, 1 - first - second + together]
    counts = np.random.default_rng(books).multinomial(books, shares, size=400)
    found = [paired_difference(*answers(*each), np.arange(books), 0.95) for each in counts]
    assert np.mean([each.low <= first - second <= each.high for each in found]) >= LEAST


@pytest.mark.parametrize("books", [1, 3, 40])
def test_totals_hold_what_they_estimate(books: int):
    """Accuracy, and macro averages as they are on average over test sets of this size."""
    generator = np.random.default_rng(books)
    genres, skills = number_genres("ABCDE"), np.array([0.0, 0.1, 0.2, 0.5, 0.9])
    labels = np.repeat(np.arange(5), books)
    found = []
    for _ in range(200):
        named = np.where(generator.random(len(labels)) < skills[labels], labels, generator.integers(0, 5, len(labels)))
        keys = [str(place) for place in range(len(labels))]
        found.append(score(Predictions(keys, labels, np.eye(5)[named], keys), genres, "x", "y", 0.95).totals)
    for name in ("accuracy", "macro_recall", "macro_precision", "macro_f1"):
        truth = np.mean([each[name].value for each in found])
        assert np.mean([each[name].low <= truth <= each[name].high for each in found]) >= LEAST, name
        assert all(each[name].low <= each[name].value <= each[name].high for each in found)


def test_difference_joins_both_intervals():
    """Newcombe's method 10: the ends lie as far off as the roots of the sums of squares."""
    first, second = Estimate(value=0.8, low=0.7, high=0.85), Estimate(value=0.6, low=0.5, high=0.72)
    apart = difference(first, second)
    assert (apart.value, apart.low, apart.high) == pytest.approx((0.2, 0.2 - 0.0244**0.5, 0.2 + 0.0125**0.5))


def test_two_that_never_differ_are_not_known_to_be_equal():
    """A few books on which both agree leave room for a difference, to either side alike."""
    found = paired_difference(*answers(4, 0, 0, 0), np.arange(4), 0.95)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert found.high > 0.1


def test_a_mean_of_one_value_is_not_known():
    """One cover's brightness says nothing of its genre's: the interval is all that is possible."""
    assert Estimate.of_mean(np.array([7.0]), 0.95, (0, 255)) == Estimate(value=7, low=0, high=255)
    few = Estimate.of_mean(np.array([7.0, 9.0, 8.0]), 0.95, (0, 255))
    assert few.high - few.value == pytest.approx(stats.t.ppf(0.975, 2) / 3**0.5)


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """On which books either is right."""
    counts = [both, only_first, only_second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)
