"""Hidden units that learn from a sentence encoder's vectors."""

import numpy as np
import pytest

from bookcover_core.families import meaning as module
from bookcover_core.families.meaning import Meaning, fit_meaning
from bookcover_core.listings.books import BookText
from bookcover_core.models.sentence_encoder import SentenceEncoder
from tests.bookcover_core.models.tiny_encoders import write_sentence_encoder


@pytest.fixture(autouse=True)
def one_network(monkeypatch):
    """One of the networks, so that tests are quick."""
    monkeypatch.setattr(module, "_NETWORKS", 1)


class Phrases:
    """An encoder whose vectors are those of phrases that a test names."""

    def __init__(self, vectors: dict[str, list[float]]) -> None:
        self._vectors = vectors

    def vectors(self, texts: list[str]) -> np.ndarray:
        return np.array([self._vectors[text] for text in texts], np.float32)


def test_they_learn_what_no_linear_rule_can():
    """Genres that differ by whether two directions agree, of which one has no training text and is never predicted."""
    corners = {f"{a}{b}": [0.7 * a, 0.7 * b] for a in (-1, 1) for b in (-1, 1)}
    texts = [BookText(corner) for corner in corners] * 100
    labels = np.array([2 * (a == b) for a, b in corners.values()] * 100)
    meaning, rule = fit_meaning(Phrases(corners), texts, labels, 3)
    found = rule.probabilities(meaning.units(texts[:4]))
    assert found.argmax(axis=1).tolist() == labels[:4].tolist()
    np.testing.assert_array_equal(found[:, 1], 0)


def test_they_learn_the_same_each_time(tmp_path):
    """Every draw has a seed of its own, whatever was drawn before."""
    encoder = SentenceEncoder(write_sentence_encoder(tmp_path, {"soup": [1.0, 0.0], "ghost": [0.0, 1.0]}))
    texts, labels = [BookText("Soup"), BookText("Ghost")] * 50, np.arange(100) % 2
    (one, rule), (other, again) = (fit_meaning(encoder, texts, labels, 2) for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(rule.weights, again.weights)


def test_a_book_is_its_title_and_author_in_one_phrase():
    """What is left out on either side leaves no "by"; a book without words has no units."""
    vectors = {"Emma by Jane Austen": [1.0], "Emma": [2.0], "Jane Austen": [3.0], "": [0.0]}
    meaning = Meaning(Phrases(vectors), np.ones((1, 1), np.float32), np.ones(1, np.float32))
    texts = [BookText("Emma", "Jane Austen"), BookText("Emma"), BookText("", "Jane Austen"), BookText()]
    assert meaning.units(texts)[:, 0].tolist() == [2, 3, 4, 0]
