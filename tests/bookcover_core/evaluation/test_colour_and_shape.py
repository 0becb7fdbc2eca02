"""Colour and shape by genre, and colour distance against recall: cases worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from bookcover_core.evaluation.colour_and_shape import MEASURES, Correlation, distributions, genre_colours, study_colour
from bookcover_core.evaluation.published_results import published_precision, published_recall

SHUFFLES = (200, 1)

BLACK, GREY, WHITE = (0.0, 0.0, 0.0), (100.0, 100.0, 100.0), (200.0, 200.0, 200.0)


def test_a_genres_colour_is_the_mean_of_its_covers():
    """Every cover counts the same; brightness is their mean luma, with an interval around it."""
    labels = np.array([0, 0, 2])
    colours = np.array([(10.0, 0.0, 0.0), (30.0, 20.0, 0.0), (255.0, 255.0, 255.0)])
    first, last = genre_colours(labels, colours, 3, 0.95)
    assert (first.label, first.red, first.green, first.blue, first.books) == (0, 20, 10, 0, 2)
    assert first.brightness.value == pytest.approx(0.2126 * 20 + 0.7152 * 10)
    assert first.brightness.low < first.brightness.value < first.brightness.high
    assert last.label == 2
    assert last.rgb == (1, 1, 1)
    assert last.brightness.value == pytest.approx(255)


def test_distance_is_between_the_genres_books_and_those_put_into_it():
    """Euclidean: two genres of two books each; one black book is taken for the white genre."""
    labels = np.array([0, 0, 1, 1])
    predicted = np.array([0, 1, 1, 1])
    colours = np.array([BLACK, BLACK, WHITE, WHITE])
    dark, bright = study_colour(labels, predicted, colours, 2, 0.95, SHUFFLES).points
    assert (dark.recall, dark.predicted, dark.distance, dark.distance_of_mistakes) == (0.5, 1, 0, None)
    assert bright.recall == 1
    assert bright.predicted == 3
    assert bright.distance == pytest.approx(200 / 3 * np.sqrt(3))
    assert bright.distance_of_mistakes == pytest.approx(200 * np.sqrt(3))


def test_a_genre_that_is_never_named_has_no_distance():
    """It is left out of the correlation, which wants four genres at least."""
    labels = np.arange(5)
    colours = np.array([BLACK, GREY, WHITE, GREY, BLACK])
    study = study_colour(labels, np.array([0, 1, 2, 3, 0]), colours, 5, 0.95, SHUFFLES)
    assert study.points[4].distance is None
    assert study.pearson is None, "all four distances are 0"
    assert study_colour(labels, np.zeros(5, dtype=np.int64), colours, 5, 0.95, SHUFFLES).pearson is None


def test_nearer_colours_and_better_recall_correlate_below_nothing():
    """Black genres lose more and more books to a white one, and get white books for them."""
    labels = np.repeat(np.arange(7), [20, 20, 20, 20, 20, 20, 45])
    colours = np.where(labels == 6, 255.0, 0.0)[:, None] * np.ones(3)
    predicted = labels.copy()
    for genre in range(6):
        predicted[np.flatnonzero(labels == genre)[: 3 * genre]] = 6
    predicted[labels == 6] = np.repeat(np.arange(6), 3 * np.arange(6))
    study = study_colour(labels, predicted, colours, 7, 0.95, SHUFFLES)
    assert study.pearson is not None
    assert study.spearman is not None
    assert study.pearson.value < -0.9
    assert study.spearman.value == pytest.approx(-1)
    assert study.pearson.points == 7
    assert study.pearson_of_mistakes is None, "the mistakes of all genres are as far away"
    assert study.pearson.p < 0.05, "a planted signal is found"
    assert study.pearson.value < study.pearson.low < study.pearson.expected


@pytest.mark.parametrize("network", ["MobileNetV2", "InceptionResNetV2", "ResNeXt50"])
def test_colours_that_are_noise_prove_nothing(network: str):
    """With the dissertation's recall and precision, colour that tells nothing is called a finding once in twenty.

    The correlation itself is far below 0 then, and would pass a test of no correlation nearly always.
    """
    labels, predicted = _as_published(network)
    generator = np.random.default_rng(7)
    found = []
    for seed in range(60):
        colours = generator.normal(120, 60, size=(len(labels), 3))
        found.append(study_colour(labels, predicted, colours, 30, 0.95, (99, seed)).pearson)
    assert np.mean([each.value for each in found]) == pytest.approx(
        np.mean([each.expected for each in found]), abs=0.05
    )
    assert np.mean([each.expected for each in found]) < -0.25
    assert sum(each.p < 0.05 for each in found) <= 9, "three standard deviations above one in twenty"
    study = study_colour(labels, predicted, colours, 30, 0.95, (99, 1))
    assert study.pearson_of_mistakes.expected < -0.15, "over mistakes alone it comes by itself too"


def _as_published(network: str) -> tuple[np.ndarray, np.ndarray]:
    """190 books of each genre and what is predicted, with the recall and precision of Tables 2 and 3."""
    recall = np.array(list(published_recall()[network].recall[1].values()))
    precision = np.array([each or 0.0 for each in published_precision()[network].precision.values()])
    right = np.round(190 * recall).astype(int)
    named = np.maximum(right, np.divide(right, precision, out=np.zeros(30), where=precision > 0).astype(int))
    labels = np.repeat(np.arange(30), 190)
    predicted = np.full(len(labels), -1)
    for genre in range(30):
        predicted[190 * genre : 190 * genre + right[genre]] = genre
    left = np.random.default_rng(0).permutation(np.flatnonzero(predicted < 0))
    others = np.repeat(np.arange(30), named - right)
    others = np.append(others, np.full(max(0, len(left) - len(others)), named.argmax()))[: len(left)]
    predicted[left] = others
    return labels, predicted


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
