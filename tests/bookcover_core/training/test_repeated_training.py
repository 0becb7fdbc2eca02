"""Heads are trained again with other seeds, on folds and with fewer books, each as a part of its own."""

import numpy as np
import pandas as pd
import pytest

from bookcover_core.errors import TrainingError
from bookcover_core.evaluation.repeats import read_repeats, sum_up_repeats
from bookcover_core.families.systems import training_parts
from bookcover_core.pipeline.graph import parts
from bookcover_core.settings import StudySettings
from bookcover_core.training.repeated_training import divide, repeat_training, variants
from tests.bookcover_core.training.tiny import trained_tiny


def settings(**repeats) -> StudySettings:
    return StudySettings.model_validate({"repeats": repeats})


def books(genres=4, groups=30) -> pd.DataFrame:
    """Books of some genres in groups of one to three, a seventh of them for the test, as many for validation."""
    rows = [
        {"label": group % genres, "group": f"group {group}", "split": ("test", "validation", *["train"] * 5)[group % 7]}
        for group in range(genres * groups)
        for _ in range(1 + group % 3)
    ]
    return pd.DataFrame(rows)


def test_no_repeat_is_asked_for_by_default():
    """The dissertation trained each network once."""
    assert variants(StudySettings()) == []
    assert variants(settings(seeds=3, folds=2, shares=[0.5])) == [
        *("seed-2", "seed-3", "fold-1", "fold-2"),
        *("share-0.5-1", "share-0.5-2", "share-0.5-3"),
    ]


def test_a_fold_of_one_leaves_nothing_to_learn_from():
    """Such settings are refused, and so is a share named twice."""
    with pytest.raises(ValueError, match="nothing to learn from"):
        settings(folds=1)
    with pytest.raises(ValueError, match="twice"):
        settings(shares=[0.5, 0.5])


def test_folds_test_every_book_once_and_divide_no_group():
    """Each book is on one side of each fold, in one test set, and with its whole group, in proportion to its genre."""
    table, wanted = books(), settings(folds=5)
    tested = []
    for number in range(1, 6):
        sides, luck = divide(wanted, f"fold-{number}", table)
        assert luck == 0
        assert sorted(np.concatenate(sides)) == list(range(len(table)))
        groups = [set(table["group"].iloc[rows]) for rows in sides]
        assert sum(map(len, groups)) == len(set.union(*groups))
        assert all(len(set(table["label"].iloc[rows])) == 4 for rows in sides)
        tested.append(sides.test)
    assert sorted(np.concatenate(tested)) == list(range(len(table)))


def test_too_many_folds_are_named():
    """More folds than any genre has groups stop the training with a sentence, not with a library's."""
    with pytest.raises(TrainingError, match="divided into 40 folds"):
        divide(settings(folds=40), "fold-1", books(groups=5))


def test_another_seed_leaves_the_split_alone():
    """What differs is the training's seed."""
    table = books()
    sides, luck = divide(settings(seeds=3), "seed-3", table)
    assert luck == 2
    for rows, split in zip(sides, ("train", "validation", "test"), strict=True):
        assert rows.tolist() == np.flatnonzero(table["split"] == split).tolist()


def test_shares_are_of_each_genre_and_lie_within_one_another():
    """A quarter of each genre's training books is within the half of the same draw; other draws are other books."""
    table, wanted = books(), settings(shares=[0.25, 0.5])
    quarter, half, other = (divide(wanted, f"share-{share}", table)[0] for share in ("0.25-1", "0.5-1", "0.25-2"))
    assert set(quarter.train) < set(half.train)
    assert set(quarter.train) != set(other.train)
    for label, count in table[table["split"] == "train"]["label"].value_counts().items():
        assert (table["label"].iloc[quarter.train] == label).sum() == -(-count // 4)
    assert quarter.test.tolist() == np.flatnonzero(table["split"] == "test").tolist()


@pytest.fixture
def study(tmp_path, monkeypatch):
    trained = trained_tiny(tmp_path, monkeypatch, fine_tuning={"blocks": 0})
    own = {"repeats": {"seeds": 2, "folds": 2, "shares": [0.5]}, "store": False}
    return type(trained)(StudySettings.model_validate(trained.settings.model_dump() | own))


def test_each_repeat_is_a_part_that_is_done_once_and_retried_alone(study):
    """They follow the network's training, read the features that are there, and one that is lost is made again."""
    wanted = [part for part in training_parts(study, "Miniature") if part.stage.name == "repeat"]
    assert [part.words for part in wanted] == [("Miniature", variant) for variant in variants(study.settings)]
    before = study.manifest("features/Miniature-padded")
    made = [repeat_training(study, *part.words) for part in wanted]
    assert study.manifest("features/Miniature-padded") == before
    assert all(part.is_sound(study) for part in wanted)
    assert [manifest.counts["training_books"] for manifest in made[:1] + made[3:]] == [18, 9, 9, 9]
    lost = study.workspace.repeats / "Miniature-padded" / "fold-1" / "probabilities-test.npz"
    lost.unlink()
    assert [part.words[1] for part in wanted if not part.is_sound(study)] == ["fold-1"]
    again = [repeat_training(study, *part.words) for part in wanted]
    assert [manifest.reused for manifest in again] == [True, False, True, True, True, True]


def test_they_are_summed_up(study):
    """Mean and spread over seeds and folds, and a curve from half the books to all, with twice as many ahead."""
    for part in parts(study, "repeat"):
        repeat_training(study, *part.words)
    sum_up_repeats(study)
    [(name, found)] = read_repeats(study.workspace).systems.items()
    assert name == "Miniature"
    assert len(found.seeds.runs) == len(found.folds.runs) == 2
    assert found.seeds.estimate.low <= np.mean(found.seeds.runs) <= found.seeds.estimate.high
    assert found.folds.estimate.low < found.folds.estimate.high
    assert [(point.books, len(point.accuracies)) for point in found.curve.points] == [(9, 3), (18, 2)]
    assert len(found.curve.fitted) == 3
