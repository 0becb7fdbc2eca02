"""Sums of repeated trainings: intervals that hold the luck of training and of the books."""

import numpy as np
import pytest

from bookcover_core.evaluation.repeats import learning_curve, over_folds, over_seeds
from bookcover_core.settings import StudySettings

SETTINGS = StudySettings.model_validate({"evaluation": {"resamples": 400}})


def draw_groups(generator, size):
    """Groups of one to four books."""
    return np.repeat(np.arange(size), generator.integers(1, 5, size))[:size].astype(str)


def draw_hits(generator, accuracy, runs, groups, luck=0.02):
    """Hits of some trainings, each a little better or worse, on books whose groups are easy or hard together."""
    _, members = np.unique(groups, return_inverse=True)
    ease = generator.normal(0, 0.15, members.max() + 1)[members]
    chances = np.clip(accuracy + generator.normal(0, luck, (runs, 1)) + ease, 0, 1)
    easy = generator.uniform(size=len(groups))  # trainings are right on the same books mostly
    return np.where(generator.uniform(size=chances.shape) < 0.7, easy, generator.uniform(size=chances.shape)) < chances


def covered(estimate, truth):
    return estimate.low <= truth <= estimate.high


@pytest.mark.parametrize(("books", "runs"), [(60, 5), (400, 3), (400, 10)])
def test_intervals_over_seeds_cover_at_their_rate(books, runs):
    """Of 400 studies whose true accuracy is 0.3, the 95 % interval misses it in 20 or so."""
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        groups = draw_groups(generator, books)
        hits += covered(over_seeds(draw_hits(generator, 0.3, runs, groups), groups, 0.95).estimate, 0.3)
    assert hits / 400 >= 0.93


def test_intervals_over_folds_cover_at_their_rate():
    """The same where each book is tested by one of five trainings."""
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        folds = []
        for number in range(5):
            groups = np.char.add(f"{number} ", draw_groups(generator, 80))
            folds.append((draw_hits(generator, 0.3, 1, groups)[0], groups))
        hits += covered(over_folds(folds, 0.95).estimate, 0.3)
    assert hits / 400 >= 0.93


def test_groups_and_luck_make_intervals_wider():
    """Books drawn together tell less than as many drawn one by one, and trainings that differ less than equal ones."""
    generator = np.random.default_rng(3)
    right = np.repeat(generator.uniform(size=50) < 0.4, 4)
    alone, together = (
        over_seeds(np.array([right, right]), groups, 0.95).estimate
        for groups in (np.arange(200).astype(str), np.repeat(np.arange(50), 4).astype(str))
    )
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    differing = over_seeds(np.array([right, ~right]), np.arange(200).astype(str), 0.95)
    assert differing.estimate.high - differing.estimate.low > alone.high - alone.low
    assert differing.spread > 0


def test_no_interval_has_no_width():
    """Where every book is judged rightly, or wrongly, the interval says how few they are."""
    groups = np.arange(12).astype(str)
    for value in (False, True):
        estimate = over_seeds(np.full((3, 12), value), groups, 0.95).estimate
        assert estimate.value == value
        assert 0.15 < estimate.high - estimate.low < 0.5


def test_a_learning_curve_finds_what_a_doubling_brings():
    """Accuracies that rise by 0.05 with each doubling give that gain, and its interval holds it."""
    numbers = [100] * 3 + [200] * 3 + [400] * 3
    groups = np.arange(2_000).astype(str)
    for gain in (0.05, 0.0):
        generator = np.random.default_rng(4)
        easy = generator.uniform(size=2_000)
        hits = np.array([easy < 0.2 + gain * np.log2(number / 100) for number in numbers])
        curve = learning_curve(hits, numbers, groups, SETTINGS)
        assert curve.gain.value == pytest.approx(gain, abs=0.01)
        assert curve.gain.low - 1e-9 <= gain <= curve.gain.high + 0.01
        assert [point.books for point in curve.points] == [100, 200, 400]
        assert curve.fitted[-1].value == pytest.approx(0.2 + 3 * gain, abs=0.03)
        assert curve.fitted[-1].high - curve.fitted[-1].low > 0.01


def test_one_number_of_books_makes_no_learning_curve():
    """A share that comes to all books of each genre says nothing of what more books bring."""
    hits = np.random.default_rng(6).uniform(size=(4, 300)) < 0.4
    assert learning_curve(hits, [216] * 4, np.arange(300).astype(str), SETTINGS) is None


def test_a_learning_curve_does_not_depend_on_the_order_of_its_trainings():
    """Each training is drawn as one of its number of books."""
    generator = np.random.default_rng(5)
    numbers, groups = [400, 100, 200, 100, 200], np.arange(300).astype(str)
    hits = np.array([generator.uniform(size=300) < number / 1_000 for number in numbers])
    order = [1, 3, 2, 4, 0]
    one, other = (
        learning_curve(hits[list(rows)], [numbers[row] for row in rows], groups, SETTINGS) for rows in (range(5), order)
    )
    assert one.points == other.points
    assert one.gain.value == pytest.approx(other.gain.value)
