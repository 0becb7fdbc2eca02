"""Tests of `evaluation.paired_differences`: differences on the same books."""

import numpy as np
import pytest

from bookcover_core.evaluation.paired_differences import macro_f1_difference, paired_share_difference
from bookcover_core.genres import number_genres


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """On which books either is right."""
    counts = [both, only_first, only_second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((18, 12, 2, 18), 0.0562, 0.3290), ((14, 5, 0, 22), 0.0115, 0.2265)],
)
def test_paired_shares_agree_with_newcombe(counts: tuple[int, int, int, int], low: float, high: float):
    """Intervals are those of the examples in Newcombe (1998) and in Altman et al. (2000), table 6.2."""
    found = paired_share_difference(*answers(*counts), 0.95)
    assert found.value == pytest.approx((counts[1] - counts[2]) / sum(counts))
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_two_that_never_differ_are_not_known_to_be_equal():
    """A few books on which both agree leave room for a difference, to either side alike."""
    found = paired_share_difference(*answers(4, 0, 0, 0), 0.95)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert found.high > 0.1


def test_macro_f1_differs_as_the_scores_of_both_do():
    """The value is that of the two scores; the interval holds it, turns with the two, and is nothing for one system."""
    from bookcover_core.evaluation.scores import score

    generator = np.random.default_rng(4)
    labels = np.repeat(np.arange(3), (12, 9, 15)).astype(np.int64)
    first, second = (np.where(generator.random(36) < skill, labels, 2) for skill in (0.8, 0.3))

    def difference(one: np.ndarray, other: np.ndarray):
        return macro_f1_difference(labels, one, other, 4, confidence=0.95, resamples=400, seed=1)

    def f1(named: np.ndarray) -> float:
        scores = score(
            labels,
            np.eye(3)[named],
            number_genres("ABC"),
            backbone="x",
            preparation="y",
            confidence=0.95,
            resamples=100,
            seed=1,
        )
        return scores.totals["macro_f1"].value

    found = difference(first, second)
    assert found.value == pytest.approx(f1(first) - f1(second))
    assert 0 < found.low < found.value < found.high
    turned = difference(second, first)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=0.05)
    same = difference(first, first)
    assert (same.low, same.value, same.high) == (0, 0, 0)
