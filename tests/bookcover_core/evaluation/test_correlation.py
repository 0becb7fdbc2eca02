"""Correlations: SciPy's values, published intervals, and nothing where nothing can be told."""

import numpy as np
import pytest
from scipy import stats

from bookcover_core.evaluation.correlation import pearson, spearman


def test_pearson_has_fishers_interval():
    """With r = 0.5 over 28 points the interval of 95 % is 0.156 to 0.736: z of 0.5493, give or take 1.96 / 5."""
    generator = np.random.default_rng(1)
    first, noise = generator.normal(size=(2, 28))
    first = (first - first.mean()) / first.std()
    noise -= noise.mean() + first * (first @ noise) / (first @ first)
    second = 0.5 * first + np.sqrt(0.75) * noise / noise.std()
    found = pearson(first, second, 0.95)
    assert found is not None
    assert (round(found.value, 6), round(found.low, 3), round(found.high, 3), found.points) == (0.5, 0.156, 0.736, 28)
    assert found.p == pytest.approx(stats.pearsonr(first, second).pvalue)


def test_spearman_is_of_ranks_and_wider_than_pearson():
    """A curve that only rises has a rank correlation of 1, and the interval still ends at 1."""
    first = np.arange(1.0, 11.0)
    risen = spearman(first, np.exp(first), 0.95)
    assert risen is not None
    assert risen.value == pytest.approx(1)
    assert risen.high <= 1
    generator = np.random.default_rng(2)
    values, others = generator.normal(size=(2, 30))
    wide, narrow = spearman(values, others, 0.95), pearson(stats.rankdata(values), stats.rankdata(others), 0.95)
    assert wide is not None
    assert narrow is not None
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize("correlate", [pearson, spearman])
def test_what_never_varies_or_is_too_few_has_no_correlation(correlate):
    """Three points, or one quantity that is always the same, tell nothing."""
    assert correlate(np.arange(3.0), np.arange(3.0), 0.95) is None
    assert correlate(np.ones(9), np.arange(9.0), 0.95) is None
