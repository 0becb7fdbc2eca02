"""Calibration: scikit-learn's losses, a network that is right as often as it says, and one that is too sure."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from bookcover_core.evaluation.calibration import at_temperature, calibrate, fit_temperature

GENRES = 5


def _honest(books: int, seed: int = 1):
    """Probabilities, and genres that are drawn from them."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(GENRES, 0.5), size=books)
    labels = np.array([generator.choice(GENRES, p=row) for row in probabilities])
    return labels, probabilities


def test_losses_are_scikit_learns():
    """Brier score and log loss agree with scikit-learn's, and lie in their intervals."""
    labels, probabilities = _honest(400)
    found = calibrate(labels, probabilities, confidence=0.95, seed=1)
    assert found.log_loss.value == pytest.approx(log_loss(labels, probabilities, labels=range(GENRES)))
    brier = brier_score_loss(labels, probabilities, labels=range(GENRES), scale_by_half=False)
    assert found.brier.value == pytest.approx(brier)
    assert found.brier.low < found.brier.value < found.brier.high
    assert found.brier_of_chance == pytest.approx(0.8)
    uniform = np.full((400, GENRES), 1 / GENRES)
    assert calibrate(labels, uniform, confidence=0.95, seed=1).log_loss.value == pytest.approx(found.log_loss_of_chance)


def test_bins_hold_as_many_books_each_from_the_least_to_the_most_sure():
    """Every book is in one bin, bins do not overlap, and few books have few bins."""
    labels, probabilities = _honest(250)
    bins = calibrate(labels, probabilities, confidence=0.95, seed=1).bins
    assert sum(each.books for each in bins) == 250
    assert max(each.books for each in bins) - min(each.books for each in bins) <= 1
    assert all(one.high <= other.low for one, other in pairwise(bins))
    assert len(calibrate(labels[:19], probabilities[:19], confidence=0.95, seed=1).bins) == 1


def test_the_error_is_the_mean_gap():
    """Forty books, all named with 0.9 and half of them right: the error is 0.4."""
    probabilities = np.tile([0.9, 0.1], (40, 1))
    found = calibrate(np.arange(40) % 2, probabilities, confidence=0.95, seed=1)
    assert found.ece == pytest.approx(0.4)
    assert found.confidence == pytest.approx(0.9)
    assert found.accuracy == 0.5


def test_an_honest_network_errs_by_luck_alone():
    """Where every probability is right, the error is about what luck makes it; where they are sharpened, far more."""
    labels, probabilities = _honest(3_000)
    honest = calibrate(labels, probabilities, confidence=0.95, seed=1)
    assert honest.ece < 2 * honest.ece_by_luck
    sharp = calibrate(labels, at_temperature(probabilities, 0.4), confidence=0.95, seed=1)
    assert sharp.ece > 5 * sharp.ece_by_luck
    assert sharp.accuracy == honest.accuracy
    assert honest == calibrate(labels, probabilities, confidence=0.95, seed=1)


def test_the_temperature_undoes_what_made_a_network_too_sure():
    """Sharpened by 0.4, the temperature that fits is 2.5, and the test books are the better for it."""
    known, test = _honest(4_000, seed=2), _honest(1_000, seed=3)
    too_sure = [(labels, at_temperature(probabilities, 0.4)) for labels, probabilities in (known, test)]
    assert fit_temperature(*too_sure[0]) == pytest.approx(2.5, rel=0.05)
    found = calibrate(*too_sure[1], confidence=0.95, seed=1, validation=too_sure[0])
    assert found.tempered is not None
    assert found.tempered.ece < found.ece / 3
    assert found.tempered.log_loss.value < found.log_loss.value


def test_a_probability_of_nothing_costs_much_but_not_everything():
    """The true genre is given exactly 0: the loss stays a number."""
    found = calibrate(np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]), confidence=0.95, seed=1)
    assert np.isfinite(found.log_loss.value)
    assert found.log_loss.value > 40
