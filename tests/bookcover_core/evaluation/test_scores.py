"""The stage `evaluate`: files that agree with each other, and work that is not done twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bookcover_core.errors import SettingsError, StageOrderError, TrainingError, WorkspaceError
from bookcover_core.evaluation.scores import evaluate, read_scores
from tests.bookcover_core.report.specimen import Specimen, invented_predictions, make_study

SMALL = Specimen(genres=("Law", "Travel", "Romance", "History"), backbones=("MobileNetV2",), test_per_genre=12)


@pytest.fixture
def study(tmp_path: Path):
    return make_study(tmp_path, SMALL)


def test_files_agree_with_each_other(study):
    """genres.csv, confusion.csv and metrics.json tell of the same predictions."""
    folder = study.workspace.evaluation / "MobileNetV2-padded"
    scores = read_scores(folder / "metrics.json")
    predictions = pd.read_csv(folder / "predictions.csv", dtype={"key": str})
    genres = pd.read_csv(folder / "genres.csv")
    confusion = pd.read_csv(folder / "confusion.csv", index_col=0).to_numpy()
    assert list(predictions.columns) == ["key", "group", "label", "law", "travel", "romance", "history"]
    assert scores.books == len(predictions) == confusion.sum() == 48
    assert genres["predicted"].sum() == 48
    predicted = predictions.iloc[:, 3:].to_numpy().argmax(axis=1)
    assert scores.accuracy.value == pytest.approx((predicted == predictions["label"]).mean())
    assert np.trace(confusion) / 48 == pytest.approx(scores.accuracy.value)
    assert genres["top1_recall"].mean() == pytest.approx(scores.accuracy.value, abs=1e-5)
    assert (genres["top1_recall_low"] <= genres["top1_recall"]).all()
    assert (genres["top1_recall"] <= genres["top3_recall"]).all()
    assert (genres["top1_recall"] <= genres["top1_recall_high"]).all()


def test_work_is_not_done_twice_and_altered_files_are_made_anew(study):
    """An unchanged evaluation is reused without predicting; one whose file was altered is not."""

    def refuse(*_):
        raise AssertionError("predicted again")

    assert evaluate(study, "MobileNetV2", predict=refuse).reused
    metrics = study.workspace.evaluation / "MobileNetV2-padded" / "metrics.json"
    before = metrics.read_bytes()
    metrics.write_text("{}", "utf-8")
    again = evaluate(study, "MobileNetV2", predict=invented_predictions)
    assert not again.reused
    assert metrics.read_bytes() == before


def test_the_test_books_are_judged(study):
    """Predictions are asked for the test split of the model, and of nothing else."""
    asked = []

    def predict(study, model, split):
        asked.append((model, split))
        return invented_predictions(study, model, split)

    (study.workspace.evaluation / "MobileNetV2-padded" / "genres.csv").unlink()
    evaluate(study, "MobileNetV2", predict=predict)
    assert asked == [("MobileNetV2-padded", "test")]


def test_a_system_that_was_not_trained_or_is_none_cannot_be_evaluated(tmp_path: Path):
    """Evaluation without training is an error of order; a name that is no system's is an error of the settings."""
    study = make_study(tmp_path, replace(SMALL, backbones=("ResNeXt50", "LeNet"), failed=("ResNeXt50", "LeNet")))
    with pytest.raises(StageOrderError, match="train/ResNeXt50-padded"):
        evaluate(study, "ResNeXt50", predict=invented_predictions)
    with pytest.raises(StageOrderError, match="scratch/LeNet-padded"):
        evaluate(study, "LeNet", predict=invented_predictions)
    with pytest.raises(SettingsError, match="no system called 'MobileNetV2'"):
        evaluate(study, "MobileNetV2", predict=invented_predictions)


def test_a_network_that_diverged_leaves_no_result(tmp_path: Path):
    """Predictions that are not numbers are an error, and no manifest says that the stage is done."""
    study = make_study(tmp_path, Specimen(**{**vars(SMALL), "backbones": ("MobileNetV2",)}))
    study.manifest_file("evaluate/MobileNetV2-padded").unlink()

    def diverged(study, model, split):
        keys, labels, probabilities = invented_predictions(study, model, split)
        return keys, labels, probabilities * np.nan

    with pytest.raises(TrainingError):
        evaluate(study, "MobileNetV2", predict=diverged)
    assert not study.manifest_file("evaluate/MobileNetV2-padded").exists()


def test_unreadable_scores_are_named(tmp_path: Path):
    """A metrics.json that is gone is an error that names it."""
    with pytest.raises(WorkspaceError, match=r"metrics\.json"):
        read_scores(tmp_path / "metrics.json")
