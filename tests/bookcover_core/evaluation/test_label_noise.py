"""Doubtful labels are those that are wrong, and how well they are told apart is measured and said."""

import numpy as np
import pytest

from bookcover_core.evaluation.label_noise import (
    doubtful_file,
    doubtful_labels,
    find_doubtful_labels,
    plant,
    read_label_noise,
)
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.repeated_training import repeat_training
from tests.bookcover_core.training.tiny import trained_tiny


def judged(skill, books=1_500, genres=6):
    """True genres, and the probabilities of a judge of some skill."""
    generator = np.random.default_rng(7)
    true = generator.integers(genres, size=books)
    scores = generator.normal(size=(books, genres))
    scores[np.arange(books), true] += skill
    odds = np.exp(skill * scores)
    return true, odds / odds.sum(axis=1, keepdims=True)


def test_wrong_labels_are_doubtful_and_right_ones_are_not():
    """Of the labels that were changed nine in ten are found by a good judge, of the others one in thirty is called."""
    true, probabilities = judged(3)
    given, changed = plant(true, seed=1)
    assert len(changed) == 75
    assert (given[changed] != true[changed]).all()
    doubtful = doubtful_labels(given, probabilities)
    assert np.isin(changed, doubtful).mean() >= 0.85
    assert len(np.setdiff1d(doubtful, changed)) <= len(true) / 30
    least = probabilities[doubtful, given[doubtful]]
    assert (np.diff(least) >= 0).all(), "the most doubtful comes first"


def test_a_poor_judge_doubts_sound_labels():
    """That is why planted labels are counted: doubt alone is no estimate of how many labels are wrong."""
    true, probabilities = judged(0.7)
    assert len(doubtful_labels(true, probabilities)) > len(true) / 4


@pytest.mark.parametrize("labels", [[], [2, 2, 2], [0, 4, 4]])
def test_genres_without_books_are_no_trouble(labels):
    """A genre that no book is labelled with is never suggested; one genre alone leaves nothing to doubt."""
    probabilities = np.full((len(labels), 5), 0.2)
    assert set(doubtful_labels(np.array(labels, np.int64), probabilities)) <= set(range(len(labels)))


def test_a_study_names_its_doubtful_books(tmp_path, monkeypatch):
    """Every book is judged once by a fold that did not see it; books and numbers agree; without folds, no stage."""
    trained = trained_tiny(tmp_path, monkeypatch, fine_tuning={"blocks": 0})
    assert list(parts(trained, "label-noise")) == []
    own = {"repeats": {"folds": 2}, "store": False}
    study = type(trained)(StudySettings.model_validate(trained.settings.model_dump() | own))
    for part in parts(study, "repeat"):
        repeat_training(study, *part.words)
    [part] = parts(study, "label-noise")
    find_doubtful_labels(study)
    assert part.is_sound(study)
    noise, table = read_label_noise(study.workspace), read_table(doubtful_file(study.workspace))
    books = read_table(study.workspace.splits)
    assert noise.models == ["Miniature-padded"]
    assert noise.books == len(books) == noise.mistakes + round(noise.accuracy * len(books))
    assert noise.doubtful == len(table)
    assert set(table["key"]) <= set(books["key"])
    assert (table["genre"] != "").all()
    assert noise.found <= noise.planted
    assert 0 <= noise.most <= 1
