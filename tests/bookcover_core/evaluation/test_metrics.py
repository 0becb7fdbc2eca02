"""Recall, precision, F1 and confusion: by hand, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from bookcover_core.evaluation import metrics
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import Predictions
from bookcover_core.evaluation.scores import Scores, score
from bookcover_core.genres import number_genres


def _random(seed: int, books: int = 400, genres: int = 7):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, genres, size=books)
    probabilities = generator.dirichlet(np.ones(genres), size=books)
    probabilities[np.arange(books), labels] += 0.15
    return labels, probabilities


def _scores(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Scores of predictions for as many books, each of a group of its own."""
    keys = [str(place) for place in range(len(labels))]
    genres = number_genres([f"Genre {label}" for label in range(probabilities.shape[1])])
    return score(Predictions(keys, labels, probabilities, keys), genres, "A", "padded", 0.95)


def test_a_genre_that_is_never_named_is_no_further_book():
    """Three books say no more about macro precision than three can: one genre is named twice, one never."""
    precision = _scores(np.array([0, 1, 2]), np.eye(3)[[0, 0, 2]]).totals["macro_precision"]
    assert precision == Estimate.of_share(1.5, 3, 0.95)


def test_a_case_counted_by_hand():
    """Four books, three genres: ranks, confusion, recall, precision and F1 are what counting gives."""
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    ranks = metrics.true_ranks(labels, probabilities)
    assert ranks.tolist() == [1, 2, 2, 3]
    confusion = metrics.confusion_matrix(labels, metrics.predicted_labels(probabilities), 3)
    assert confusion.tolist() == [[1, 1, 0], [1, 0, 0], [1, 0, 0]]
    assert metrics.recall(labels, metrics.predicted_labels(probabilities), 3).tolist() == [0.5, 0, 0]
    assert metrics.f1(confusion).tolist() == pytest.approx([2 / 5, 0, 0])
    found = _scores(labels, probabilities)
    assert [genre.recall[3].value for genre in found.genres] == [1, 1, 1]
    assert [genre.precision.value for genre in found.genres[:2]] == pytest.approx([1 / 3, 0])
    assert found.genres[2].precision is None, "the third genre is never predicted"
    assert found.totals["macro_precision"].value == pytest.approx(1 / 9)


def test_equal_probabilities_score_chance():
    """A network that gives every genre the same probability gets the first genre right and nothing else."""
    labels = np.repeat(np.arange(30), 5)
    probabilities = np.full((150, 30), 1 / 30)
    ranks = metrics.true_ranks(labels, probabilities)
    assert (ranks <= 1).mean() == pytest.approx(1 / 30)
    assert (ranks <= 3).mean() == pytest.approx(3 / 30)
    assert metrics.chance(np.bincount(labels)) == pytest.approx(1 / 30)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 6),
    st.sampled_from([0, 1]),
)
@settings(max_examples=60, deadline=None)
def test_rank_one_and_the_predicted_genre_agree(seed: int, genres: int, decimals: int):
    """However probabilities tie, a book has rank 1 exactly where its genre is the predicted one, and ranks fit k."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, genres, size=50)
    probabilities = generator.random((50, genres)).round(decimals)
    ranks = metrics.true_ranks(labels, probabilities)
    assert ((ranks == 1) == (metrics.predicted_labels(probabilities) == labels)).all()
    assert ranks.min() >= 1
    assert ranks.max() <= genres


@pytest.mark.parametrize("seed", range(3))
def test_numbers_agree_with_scikit_learn(seed: int):
    """Accuracy, top-k, confusion, per-genre and macro numbers are scikit-learn's."""
    labels, probabilities = _random(seed)
    predicted = metrics.predicted_labels(probabilities)
    found = _scores(labels, probabilities)
    assert (np.array(found.confusion) == reference.confusion_matrix(labels, predicted, labels=range(7))).all()
    for k in metrics.TOP:
        assert found.top(k).value == pytest.approx(reference.top_k_accuracy_score(labels, probabilities, k=k))
    for name, ours, score_of in (
        ("macro_recall", [genre.recall[1].value for genre in found.genres], reference.recall_score),
        ("macro_precision", [genre.precision.value for genre in found.genres], reference.precision_score),
        ("macro_f1", [genre.f1 for genre in found.genres], reference.f1_score),
    ):
        assert ours == pytest.approx(score_of(labels, predicted, average=None, zero_division=0).tolist())
        assert found.totals[name].value == pytest.approx(score_of(labels, predicted, average="macro", zero_division=0))
    assert metrics.recall(labels, predicted, 7).tolist() == pytest.approx(
        reference.recall_score(labels, predicted, average=None).tolist()
    )


def test_a_genre_without_test_books_is_left_out_of_means():
    """A genre that no test book has does not pull the macro averages down."""
    found = _scores(np.array([0, 0, 0, 1, 1]), np.eye(3)[[0, 0, 0, 1, 1]])
    assert [found.totals[name].value for name in ("macro_precision", "macro_recall", "macro_f1")] == [1, 1, 1]
    assert found.genres[2].recall == {}
    assert found.genres[2].f1 is None
    assert np.isnan(metrics.recall(np.array([0, 1]), np.array([0, 1]), 3)[2])
