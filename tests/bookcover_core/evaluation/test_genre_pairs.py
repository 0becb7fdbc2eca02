"""Pairs of genres: equation 5.2 by hand and with probabilities of nothing, confusions, and who stands together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bookcover_core.evaluation import genre_pairs as module
from bookcover_core.evaluation.genre_pairs import class_overlap, confused_pairs, genre_order, study_overlap
from bookcover_core.evaluation.metrics import Predictions


def test_overlap_is_the_mean_of_the_smaller_over_the_greater():
    """Two books, worked out by hand: 0.2 / 0.6 and 0.5 / 0.4 turned round, and so on."""
    mean, error, books = class_overlap(np.array([[0.6, 0.2, 0.2], [0.4, 0.5, 0.1]]))
    assert mean[0, 1] == pytest.approx((1 / 3 + 0.8) / 2)
    assert mean[0, 2] == pytest.approx((1 / 3 + 0.25) / 2)
    assert mean[1, 2] == pytest.approx((1 + 0.2) / 2)
    assert error[0, 1] == pytest.approx(np.std([1 / 3, 0.8], ddof=1) / np.sqrt(2))
    assert (books == 2).all()


def test_nothing_over_nothing_is_left_out():
    """One book gives two genres nothing: it is no part of their mean; a genre with nothing overlaps no other by 0."""
    mean, _, books = class_overlap(np.array([[1.0, 0.0, 0.0], [0.5, 0.3, 0.2]]))
    assert mean[1, 2] == pytest.approx(2 / 3)
    assert books[1, 2] == 1
    assert mean[0, 1] == pytest.approx((0 + 0.6) / 2)
    never = study_overlap(np.array([[1.0, 0.0, 0.0]]), 0.5, 0.95)
    assert never.matrix[1][2] is None
    assert never.undefined == 1
    assert never.pairs == []


@given(arrays(np.float64, (7, 4), elements=st.sampled_from([0.0, 1e-40, 0.1, 0.25, 0.5, 1.0])))
@settings(max_examples=60, deadline=None)
def test_it_is_symmetric_between_nothing_and_one(probabilities: np.ndarray):
    """Whatever a network predicts, a pair's overlap is that of the turned pair, and lies from 0 to 1."""
    mean, _, books = class_overlap(probabilities)
    np.testing.assert_array_equal(mean, mean.T)
    assert ((mean >= 0) & (mean <= 1) | np.isnan(mean)).all()
    assert (np.isnan(mean) == (books == 0)).all()
    by_hand = [
        [min(row[a], row[b]) / max(row[a], row[b]) for row in probabilities if max(row[a], row[b]) > 0]
        for a in range(4)
        for b in range(4)
    ]
    wanted = np.array([np.mean(ratios) if ratios else np.nan for ratios in by_hand]).reshape(4, 4)
    np.testing.assert_allclose(mean, wanted)


def test_books_are_taken_in_pieces(monkeypatch: pytest.MonkeyPatch):
    """However many ratios are held at once, the overlap is the same."""
    probabilities = np.random.default_rng(1).dirichlet(np.ones(5), size=50)
    whole = class_overlap(probabilities)
    monkeypatch.setattr(module, "_BATCH_RATIOS", 100)
    for one, other in zip(whole, class_overlap(probabilities), strict=True):
        np.testing.assert_allclose(one, other)


def test_pairs_above_the_threshold_are_named_the_greatest_first():
    """Genres that are always given the same overlap wholly; the interval stays within 0 and 1."""
    probabilities = np.array([[0.4, 0.4, 0.15, 0.05], [0.3, 0.3, 0.2, 0.2]])
    study = study_overlap(probabilities, 0.5, 0.95)
    assert [(pair.first, pair.second) for pair in study.pairs] == [(0, 1), (2, 3), (0, 2), (1, 2)]
    assert study.highest == study.pairs[0]
    assert study.pairs[0].overlap.value == study.pairs[0].overlap.high == 1
    assert all(0 <= pair.overlap.low <= pair.overlap.value <= pair.overlap.high <= 1 for pair in study.pairs)
    assert study.all_pairs == 6


def _predictions(labels: list[int], named: list[int], sure: list[float], genres: int = 3) -> Predictions:
    probabilities = np.full((len(labels), genres), 0.0)
    for row, (genre, probability) in enumerate(zip(named, sure, strict=True)):
        probabilities[row] = (1 - probability) / (genres - 1)
        probabilities[row, genre] = probability
    keys = [f"book {number}" for number in range(len(labels))]
    return Predictions(keys, np.array(labels), probabilities, keys)


def test_pairs_have_their_books_both_ways_and_the_surest_first():
    """Three of four books of genre 0 go to 1, one of two books of 1 goes to 0; right books are no pair."""
    predictions = _predictions([0, 0, 0, 0, 1, 1], [1, 1, 1, 0, 0, 1], [0.5, 0.9, 0.7, 0.8, 0.6, 0.9])
    first, second = confused_pairs(predictions, 0.95)
    assert (first.true, first.named, first.books, first.back, first.share.value) == (0, 1, 3, 1, 0.75)
    assert first.examples == ["book 1", "book 2", "book 0"]
    assert first.share.low < 0.75 < first.share.high
    assert (second.true, second.named, second.books, second.back, second.share.value) == (1, 0, 1, 3, 0.5)


def test_genres_that_are_taken_for_each_other_stand_together():
    """Two blocks that are confused within and never between stand side by side, however they are numbered."""
    blocks = np.array([0, 1, 0, 1, 0, 1])
    confusion = np.where(blocks[:, None] == blocks[None], 5, 0) + 20 * np.eye(6, dtype=int)
    order = genre_order([confusion.astype(np.int64)])
    assert sorted(order) == list(range(6))
    assert list(blocks[order]) in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_an_order_holds_every_genre_once_and_is_always_the_same(genres: int, seed: int):
    """For any confusions, genres without books among them, the order is a permutation that a second run repeats."""
    generator = np.random.default_rng(seed)
    confusion = generator.integers(0, 4, size=(genres, genres)) * generator.integers(0, 2, size=(genres, 1))
    order = genre_order([confusion, confusion.T.copy()])
    assert sorted(order) == list(range(genres))
    assert order == genre_order([confusion, confusion.T.copy()])
    assert order[0] <= order[-1]
