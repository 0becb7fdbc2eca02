"""Confusions: which pairs, how many books, and genres that stand together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bookcover_core.evaluation.confusion import confused_pairs, genre_order
from bookcover_core.evaluation.predictions import Predictions


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
