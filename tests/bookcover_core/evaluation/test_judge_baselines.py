"""Baselines of colour and shape: fitted on training books alone, and as good as what they see."""

import numpy as np

from bookcover_core.evaluation.analyse import judge_baselines
from bookcover_core.evaluation.distributions import MEASURES
from bookcover_core.evaluation.measured_books import MeasuredBooks

GENRES = 3


def _books(books: int = 300):
    """Genres that differ in red and in nothing else."""
    generator = np.random.default_rng(8)
    labels = np.arange(books) % GENRES
    measured = {name: generator.normal(100, 5, size=books) for name in MEASURES}
    measured["red"] = 60.0 * labels + generator.normal(0, 5, size=books)
    return labels, measured, np.arange(books) < books // 2


def test_baselines_know_what_they_see_and_no_more():
    """Genres that differ in red are told apart by colour, and by shape no better than by chance."""
    labels, measured, train = _books()
    books = MeasuredBooks([str(place) for place in range(len(labels))], labels, train, ~train, measured)
    rules = {rule.name: rule for rule in judge_baselines(books, GENRES, books.keys[: int((~train).sum())], 0.95)}
    assert rules["nearest mean colour"].top[1].value > 0.95
    assert rules["logistic regression on colour and shape"].top[1].value > 0.95
    shape = rules["logistic regression on shape"].top[1]
    assert shape.low < 1 / GENRES + 0.1
    assert shape.value < 0.5
    assert rules["nearest mean colour"].top[3].value == 1
