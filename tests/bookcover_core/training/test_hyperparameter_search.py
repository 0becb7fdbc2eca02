"""A search tries heads on the validation books, keeps what it knows, and `train` takes what it chose."""

import json
from dataclasses import replace

import pandas as pd
import pytest

import bookcover_core.training.training_run  # noqa: F401 - takes `fit_head` before a test replaces it
from bookcover_core.errors import StageOrderError, TrainingError
from bookcover_core.families.frozen import train_backbone
from bookcover_core.models.model_cards import read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.training import head_trainer, loop
from bookcover_core.training.features import compute_features
from bookcover_core.training.hyperparameter_search import COLUMNS, chosen_hyperparameters, search_head
from tests.bookcover_core.inference.trained import add_networks
from tests.bookcover_core.training.conftest import make_study
from tests.bookcover_core.training.test_measurement_inputs import write_measurements

NETWORK = "Tiny"
MODEL = f"{NETWORK}-padded"
SEARCH = {"hidden_units": (0, 8), "batch_size": (8, 18)}


@pytest.fixture
def study(tmp_path, invented_features, monkeypatch):
    """A study with features, whose settings ask for three trials of a head that is told of its covers' shapes."""
    add_networks(monkeypatch)
    study = make_study(tmp_path, backbones=[NETWORK], preparation="padded", epochs=3)
    write_measurements(study)
    compute_features(study, NETWORK, "padded")
    return with_settings(study, head={"extra_inputs": ("aspect_ratio",)}, search={"trials": 3, **SEARCH})


@pytest.fixture
def fitted(monkeypatch):
    """Labels of the heads that were fitted."""
    labels, fit = [], head_trainer.fit_head

    def fit_and_tell(*arguments, **options):
        labels.append(options["label"])
        return fit(*arguments, **options)

    monkeypatch.setattr(head_trainer, "fit_head", fit_and_tell)
    return labels


def with_settings(study, **changes):
    groups = {name: getattr(study.settings, name).model_copy(update=change) for name, change in changes.items()}
    return Study(study.settings.model_copy(update=groups))


def table_of(study):
    return pd.read_csv(study.workspace.search / MODEL / "trials.csv", dtype={"hidden_units": "str"})


def test_a_search_goes_on_where_it_was_cut_off(study, fitted):
    """Trials on record are not fitted again, the table is the same as without the cut, and more are only added."""
    seen = []

    def stop_in_the_third(done, total):
        seen.append((done, total))
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_head(Study(study.settings, progress=stop_in_the_third), NETWORK)
    assert seen == [(done, 9) for done in range(1, 8)]
    assert len(table_of(study)) == 2
    manifest = search_head(study, NETWORK)
    assert fitted == [f"search/{MODEL}, trial {n} of 3" for n in (1, 2, 3, 3)]
    assert search_head(study, NETWORK).reused
    table = table_of(study)
    assert tuple(table.columns) == COLUMNS
    assert table["trial"].tolist() == [1, 2, 3]
    first = table.iloc[0]
    assert (first["learning_rate"], first["batch_size"], first["weight_decay"]) == (0.001, 32, 0)

    more = search_head(with_settings(study, search={"trials": 4}), NETWORK)
    assert fitted[4:] == [f"search/{MODEL}, trial 4 of 4"]
    assert table_of(study).iloc[:3].equals(table)
    assert more.counts["trials"] == 4

    (study.workspace.search / MODEL / "trials.csv").unlink()
    study.manifest_file(f"search/{MODEL}").unlink()
    again = search_head(study, NETWORK)
    assert again.digest == manifest.digest
    assert table_of(study).drop(columns="seconds").equals(table.drop(columns="seconds"))


def test_validation_accuracy_chooses_for_training(study, monkeypatch):
    """The first of the best goes to `train`, whose card says so; a head that cannot be trained counts for nothing."""
    accuracies = iter([0.25, 0.5, 0.5])
    fit = head_trainer.fit_head

    def fit_invented(*arguments, **options):
        accuracy = next(accuracies)
        if accuracy == 0.25:
            raise TrainingError("the loss is no longer a number", where="here")
        fitted = fit(*arguments, **options)
        best = loop.Epoch(2, 1.0, accuracy, 1.5, accuracy, 0.1)
        return replace(fitted, best=best, history=[best] * 3)

    monkeypatch.setattr(head_trainer, "fit_head", fit_invented)
    with pytest.raises(StageOrderError, match=f"search/{MODEL}"):
        train_backbone(study, NETWORK)
    manifest = search_head(study, NETWORK)
    assert table_of(study)["validation_accuracy"].tolist() == [0.0, 0.5, 0.5]
    chosen = json.loads((study.workspace.search / MODEL / "chosen.json").read_text())
    assert (chosen["trial"], chosen["chosen_by"], chosen["best_epoch"]) == (2, "validation_accuracy", 2)
    assert manifest.counts["chosen"] == 2, "as accurate as the third, with the same loss"
    assert not list(study.workspace.search.rglob("checkpoint.npz"))

    hyperparameters = chosen_hyperparameters(study, MODEL).model_dump(mode="json")
    assert hyperparameters == {name: chosen[name] for name in hyperparameters}
    train_backbone(study, NETWORK)
    card = read_card(study.workspace.models / MODEL)
    assert card.hyperparameters == hyperparameters
    assert card.hidden_units == hyperparameters["hidden_units"]
    assert card.extra_inputs == ["aspect_ratio"]
    assert f"search/{MODEL}" in card.inputs
    assert search_head.at(study, NETWORK).standing
    write_measurements(study, wider=9)
    assert not search_head.at(study, NETWORK).standing


def test_the_least_loss_chooses_where_that_is_wanted(study, monkeypatch):
    """With training.monitor = "loss", the search compares losses, and each head is fitted by its loss."""
    found = iter([(0.5, 1.5), (0.25, 1.2), (0.5, 1.3)])
    monitors = []

    def fit_invented(train, validation, genres, schedule, **_):
        monitors.append(schedule.monitor)
        accuracy, loss = next(found)
        best = loop.Epoch(2, 1.0, accuracy, loss, accuracy, 0.1)
        return loop.Fitted(best, [best], [], None, None)

    monkeypatch.setattr(head_trainer, "fit_head", fit_invented)
    search_head(with_settings(study, training={"monitor": "loss"}), NETWORK)
    assert monitors == ["loss"] * 3
    chosen = json.loads((study.workspace.search / MODEL / "chosen.json").read_text())
    assert (chosen["trial"], chosen["chosen_by"]) == (2, "validation_loss")


def test_heads_that_cannot_be_trained_are_an_error(study, monkeypatch):
    """When no trial has given a head there is nothing to choose."""

    def fail(*_, **__):
        raise TrainingError("the loss is no longer a number", where="here")

    monkeypatch.setattr(head_trainer, "fit_head", fail)
    with pytest.raises(TrainingError, match="none of 3 heads"):
        search_head(study, NETWORK)


def test_no_search_leaves_the_settings_as_they_stand(study):
    """Without trials, heads are trained as the settings say."""
    plain = with_settings(study, search={"trials": 0}, training={"learning_rate": 0.02}, head={"dropout": 0.25})
    chosen = chosen_hyperparameters(plain, MODEL)
    assert (chosen.learning_rate, chosen.dropout) == (0.02, 0.25)
