"""Colour by genre, and colour distance against recall: cases worked out by hand."""

import numpy as np
import pytest

from bookcover_core.evaluation.colour_analysis import colour_distance, genre_colours, study_colour

BLACK, GREY, WHITE = (0.0, 0.0, 0.0), (100.0, 100.0, 100.0), (200.0, 200.0, 200.0)


def test_the_distance_is_euclidean():
    """Equation 5.1 without its stray square: 2, 3 and 6 apart are 7 apart."""
    assert colour_distance(np.array([2.0, 3.0, 6.0]), np.zeros(3)) == 7


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
    """Two genres of two books each; one black book is taken for the white genre."""
    labels = np.array([0, 0, 1, 1])
    predicted = np.array([0, 1, 1, 1])
    colours = np.array([BLACK, BLACK, WHITE, WHITE])
    dark, bright = study_colour(labels, predicted, colours, 2, 0.95).points
    assert (dark.recall, dark.predicted, dark.distance, dark.distance_of_mistakes) == (0.5, 1, 0, None)
    assert bright.recall == 1
    assert bright.predicted == 3
    assert bright.distance == pytest.approx(200 / 3 * np.sqrt(3))
    assert bright.distance_of_mistakes == pytest.approx(200 * np.sqrt(3))


def test_a_genre_that_is_never_named_has_no_distance():
    """It is left out of the correlation, which wants four genres at least."""
    labels = np.arange(5)
    colours = np.array([BLACK, GREY, WHITE, GREY, BLACK])
    study = study_colour(labels, np.array([0, 1, 2, 3, 0]), colours, 5, 0.95)
    assert study.points[4].distance is None
    assert study.pearson is None, "all four distances are 0"
    assert study_colour(labels, np.zeros(5, dtype=np.int64), colours, 5, 0.95).pearson is None


def test_nearer_colours_and_better_recall_correlate_below_nothing():
    """Black genres lose more and more books to a white one, and get white books for them."""
    labels = np.repeat(np.arange(7), [20, 20, 20, 20, 20, 20, 45])
    colours = np.where(labels == 6, 255.0, 0.0)[:, None] * np.ones(3)
    predicted = labels.copy()
    for genre in range(6):
        predicted[np.flatnonzero(labels == genre)[: 3 * genre]] = 6
    predicted[labels == 6] = np.repeat(np.arange(6), 3 * np.arange(6))
    study = study_colour(labels, predicted, colours, 7, 0.95)
    assert study.pearson is not None
    assert study.spearman is not None
    assert study.pearson.value < -0.9
    assert study.spearman.value == pytest.approx(-1)
    assert study.pearson.points == 7
    assert study.pearson_of_mistakes is None, "the mistakes of all genres are as far away"
