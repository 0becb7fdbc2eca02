"""Folds: what the stage `split` and the repeated trainings divide all books by."""

import numpy as np
import pandas as pd
import pytest

from bookcover_core.curation.folds import divide_fold
from bookcover_core.curation.splits import split
from bookcover_core.errors import GenreError
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.repeated_training import divide
from tests.bookcover_core.curation.test_splits import curated
from tests.bookcover_core.invented import invented_study, records

GENRES = ("Law", "Travel")


def books(role=""):
    """Thirty books of two genres each, some with a title in common."""
    return [
        record
        for genre in GENRES
        for number in range(30)
        for record in records(1, f"{genre}{number:02d}", category=genre, role=role, group=f"{genre} {number // 2}")
    ]


def folded(folder, table, **splits) -> pd.DataFrame:
    study = curated(invented_study(folder, table, splits=splits))
    split(study)
    return read_table(study.workspace.splits, label="int64")


def test_the_folds_of_a_study_test_every_book_once(tmp_path):
    """Five studies that differ in splits.fold test all books together, each once, and divide no group."""
    tested = []
    for fold in range(1, 6):
        table = folded(tmp_path / str(fold), books(), fold=fold)
        assert table.groupby("group")["split"].nunique().max() == 1
        assert table.groupby("genre")["split"].nunique().min() == 3
        tested += table.loc[table["split"] == "test", "key"].tolist()
    assert sorted(tested) == sorted(record.key for record in books())


@pytest.mark.parametrize("fold", [1, 3])
def test_a_fold_of_the_split_is_that_of_repeated_trainings(tmp_path, fold):
    """splits.fold and repeats.folds name the same books, so that their accuracies can be paired."""
    table = folded(tmp_path, books(), fold=fold, folds=4)
    wanted = StudySettings.model_validate({"repeats": {"folds": 4}})
    sides, _ = divide(wanted, f"fold-{fold}", table)
    for side, rows in zip(("train", "validation", "test"), sides, strict=True):
        assert (table["split"].iloc[rows] == side).all()


def test_a_fold_takes_the_official_test_books_for_books_like_others(tmp_path):
    """Roles of the listings do not count, the pool is never tested, and no published number is compared."""
    official = [*records(12, "t", category="Law", role="test"), *records(12, "u", category="Travel", role="test")]
    pool = records(4, "p", category="Law", role="pool")
    table = folded(tmp_path, [*books("train"), *official, *pool], fold=2)
    assert "pool" not in set(table["split"])
    assert not set(table.loc[table["split"] == "test", "key"]) >= {record.key for record in official}
    assert set(table.loc[table["split"] == "train", "key"]) & {record.key for record in official}
    assert StudySettings().has_official_test
    assert not StudySettings.model_validate({"splits": {"fold": 1}}).has_official_test


def test_books_are_drawn_by_themselves_where_groups_do_not_count(tmp_path):
    """With splits.grouped = false a fold divides groups as well."""
    table = folded(tmp_path, books(), fold=1, grouped=False)
    assert table.groupby("group")["split"].nunique().max() > 1


def test_a_fold_beyond_the_folds_is_refused():
    """Folds are numbered from 1 to splits.folds."""
    with pytest.raises(ValueError, match="fold is 6, and folds is 5"):
        StudySettings.model_validate({"splits": {"fold": 6}})


def test_too_few_groups_for_the_folds_are_named():
    """A sentence says which setting asks for too much."""
    with pytest.raises(GenreError, match=r"splits\.folds: the books cannot be divided into 9 folds"):
        divide_fold(
            np.array([0, 0, 1, 1]), np.array(["a", "b", "c", "d"]), fold=1, folds=9, validation_share=0.5, seed=0
        )
