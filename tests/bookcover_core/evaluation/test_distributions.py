"""Distributions by genre: SciPy's distance, shares that add up, and odd covers that do not squeeze the others."""

import numpy as np
import pytest

from bookcover_core.evaluation.distributions import MEASURES, distributions


def test_the_distance_is_that_from_all_other_books():
    """Kolmogorov and Smirnov's, ties and all; without other books it is 0, without overlap 1."""
    generator = np.random.default_rng(4)
    values = generator.integers(0, 12, size=400).astype(float)
    inside = generator.random(400) < 0.2 + 0.03 * values

    def apart(labels: np.ndarray) -> float:
        return distributions(labels, dict.fromkeys(MEASURES, values), 2)[0].genres[-1].apart

    steps = np.arange(12)
    shares = [(own[:, None] <= steps).mean(axis=0) for own in (values[inside], values[~inside])]
    assert apart(inside.astype(np.int64)) == pytest.approx(np.abs(shares[0] - shares[1]).max())
    assert apart(np.ones(400, dtype=np.int64)) == 0
    assert apart((values > 5).astype(np.int64)) == 1


def test_every_genre_has_its_quantiles_and_its_shape():
    """Medians are numpy's, shapes hold the share of books within their range, and a genre without books is left out."""
    generator = np.random.default_rng(5)
    labels = np.repeat([0, 2], [300, 100])
    measured = {name: generator.normal(labels, 1) for name in MEASURES}
    measured["width"][0] = 1_000
    found = {measure.name: measure for measure in distributions(labels, measured, 3)}
    assert list(found) == list(MEASURES)
    width = found["width"]
    assert width.high < 100, "one odd cover does not set the range"
    assert [spread.label for spread in width.genres] == [0, 2]
    for spread in width.genres:
        own = measured["width"][labels == spread.label]
        assert spread.quantiles == pytest.approx(np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95]))
        assert sum(spread.density) == pytest.approx(((own >= width.low) & (own <= width.high)).mean())


def test_covers_of_one_size_have_a_distribution():
    """A measure that never varies has a range around its value."""
    labels = np.zeros(20, dtype=np.int64)
    measure = distributions(labels, {name: np.full(20, 299.0) for name in MEASURES}, 1)[0]
    assert measure.low < 299 < measure.high
    assert sum(measure.genres[0].density) == pytest.approx(1)
