"""Correlations: SciPy's values, what shuffles give beside them, and nothing where nothing can be told."""

import numpy as np
import pytest
from scipy import stats

from bookcover_core.evaluation.correlation import Correlation


def _shuffled(first: np.ndarray, shuffles: int = 400) -> np.ndarray:
    generator = np.random.default_rng(3)
    return np.array([first, *(generator.permutation(first) for _ in range(shuffles))])


@pytest.mark.parametrize(("ranks", "known"), [(False, stats.pearsonr), (True, stats.spearmanr)])
def test_coefficients_are_scipys_and_p_is_near_it(ranks: bool, known):
    """Where shuffles leave no relation, the permutation test agrees with the test of no correlation."""
    first, noise = np.random.default_rng(1).normal(size=(2, 28))
    second = 0.45 * first + noise
    found = Correlation.of(_shuffled(first), second, 0.95, ranks=ranks)
    wanted = known(first, second)
    assert found.value == pytest.approx(wanted.statistic)
    assert found.p == pytest.approx(wanted.pvalue, abs=0.02)
    assert found.expected == pytest.approx(0, abs=0.05)
    assert (found.low, found.high) == pytest.approx((-0.37, 0.37), abs=0.08)
    assert found.beyond == found.value - found.expected


def test_what_comes_by_itself_is_no_finding():
    """Rows that all correlate as the data do leave nothing beyond, and a p far from 0."""
    generator = np.random.default_rng(2)
    second = np.arange(20.0)
    found = Correlation.of(-second + generator.normal(0, 5, size=(300, 20)), second, 0.95)
    assert found.value < -0.5
    assert abs(found.beyond) < 0.2
    assert found.p > 0.1


@pytest.mark.parametrize("ranks", [False, True])
def test_what_never_varies_or_is_too_few_has_no_correlation(ranks: bool):
    """Three points, or one quantity that is always the same, tell nothing."""
    assert Correlation.of(_shuffled(np.arange(3.0)), np.arange(3.0), 0.95, ranks=ranks) is None
    assert Correlation.of(_shuffled(np.ones(9)), np.arange(9.0), 0.95, ranks=ranks) is None
