"""Fine-tuning trains the top of a network and nothing else, and never makes it validate worse."""

import csv
import shutil

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.families.fine_tuned import fine_tune
from bookcover_core.models.model_cards import read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.stored_probabilities import read_probabilities
from tests.bookcover_core.training.tiny import tiny_study, trained_tiny, width_of

MODEL = "Miniature-finetuned-padded"


@pytest.fixture(scope="module")
def patched():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, patched):
    """A study whose tiny network was fine-tuned."""
    study = trained_tiny(tmp_path_factory.mktemp("study"), patched, fine_tuning={"learning_rate": 0.05})
    fine_tune(study, "Miniature")
    return study


def load(study, model):
    from bookcover_core.models.networks import load_model

    return load_model(study.workspace.models / model)[0]


def history(study):
    with (study.workspace.models / MODEL / "history.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def with_tuning(study, **changes):
    tuning = study.settings.fine_tuning.model_copy(update=changes)
    return Study(study.settings.model_copy(update={"fine_tuning": tuning}))


def test_the_top_is_trained_and_the_rest_is_not(tuned):
    """Below the cut, and in every batch normalisation, not one bit changes; above it, weights do, and the head's."""
    assert read_card(tuned.workspace.models / MODEL).metrics["best_epoch"] > 0
    before, after = load(tuned, "Miniature-padded"), load(tuned, MODEL)
    for old, new in zip(before.get_layer("Miniature").layers, after.get_layer("Miniature").layers, strict=True):
        changed = [(a != b).any() for a, b in zip(old.get_weights(), new.get_weights(), strict=True)]
        assert any(changed) == (old.name == "top_conv"), old.name
    assert (before.get_layer("genres").get_weights()[0] != after.get_layer("genres").get_weights()[0]).any()


def test_the_start_is_epoch_0(tuned):
    """The first row is the trained head's: its training figures, and what it validates from pixels."""
    rows, head = history(tuned), read_card(tuned.workspace.models / "Miniature-padded")
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    assert float(rows[0]["loss"]) == head.metrics["loss"]
    assert float(rows[0]["val_accuracy"]) == pytest.approx(head.metrics["validation_accuracy"])
    assert float(rows[0]["val_loss"]) == pytest.approx(head.metrics["validation_loss"], rel=1e-3)


def test_the_card_says_what_the_network_is(tuned):
    """It is the frozen network's card, but for its name, its kind, its files and how training went."""
    card, head = (read_card(tuned.workspace.models / name) for name in (MODEL, "Miniature-padded"))
    assert (card.name, card.kind, card.backbone, card.preparation) == (MODEL, "fine-tuned", "Miniature", "padded")
    assert (card.weights, card.weights_digest, card.preprocessing) == (head.weights, head.weights_digest, "tf")
    assert set(card.digests) == {"model.weights.h5"}
    assert card.parameters["trainable"] == (6 + 1) * 8 + (8 + 1) * 3
    rows = history(tuned)
    assert card.metrics["validation_accuracy_before"] == float(rows[0]["val_accuracy"])
    best = rows[int(card.metrics["best_epoch"])]
    assert card.metrics["validation_accuracy"] == float(best["val_accuracy"])
    assert float(best["val_loss"]) == min(float(row["val_loss"]) for row in rows)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_what_it_says_is_stored(tuned, split):
    """Probabilities of the validation and test books are those of the saved network, in the order of the keys."""
    from bookcover_core.models.input_pipeline import read_pictures

    books = read_table(tuned.workspace.splits, label="int64")
    books = books[books["split"] == split]
    keys, probabilities = read_probabilities(tuned.workspace.models / MODEL, split)
    assert keys == books["key"].tolist()
    files = [tuned.workspace.prepared / "padded" / f"{key}.jpg" for key in keys]
    np.testing.assert_allclose(load(tuned, MODEL)(read_pictures(files, 32)), probabilities, atol=1e-5)
    name = {"validation": "validation_accuracy", "test": "test_accuracy"}[split]
    accuracy = (probabilities.argmax(axis=1) == books["label"]).mean()
    assert read_card(tuned.workspace.models / MODEL).metrics[name] == pytest.approx(accuracy)


def test_it_is_done_once(tuned):
    """Unchanged, it is not done again; with other settings it is."""
    assert fine_tune(tuned, "Miniature").reused
    assert fine_tune.at(tuned, "Miniature").standing is not None
    assert fine_tune.at(with_tuning(tuned, blocks=2), "Miniature").standing is None


def test_more_epochs_go_on_from_the_last(tuned, tmp_path, caplog):
    """A study that wants one epoch more trains one epoch more, and has what all at once would have given."""
    caplog.set_level("INFO")
    weights = []
    epochs = int(history(tuned)[-1]["epoch"])
    for name in ("on", "anew"):
        shutil.copytree(tuned.workspace.root, tmp_path / name / "small")
        if name == "anew":
            (tmp_path / name / "small" / "models" / MODEL / "checkpoint.npz").unlink()
        study = with_tuning(tuned, epochs=epochs + 1, patience=100)
        study = Study(study.settings.model_copy(update={"workspace": str(tmp_path / name)}))
        caplog.clear()
        fine_tune(study, "Miniature")
        assert (f"going on after epoch {epochs}" in caplog.text) == (name == "on")
        weights.append(load(study, MODEL).get_weights())
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))


def test_nothing_better_keeps_what_was_there(tuned, tmp_path):
    """Where no epoch validates better, the network is the frozen one bit for bit, and its best epoch is 0."""
    copy = tmp_path / "small"
    shutil.copytree(tuned.workspace.root, copy)
    study = with_tuning(tuned, learning_rate=1e-12, epochs=1)
    study = Study(study.settings.model_copy(update={"workspace": str(tmp_path)}))
    manifest = fine_tune(study, "Miniature")
    assert manifest.counts["best_epoch"] == 0
    before, after = load(study, "Miniature-padded"), load(study, MODEL)
    assert all((a == b).all() for a, b in zip(before.get_weights(), after.get_weights(), strict=True))


def test_extra_inputs_stay_with_the_head(tmp_path, patched):
    """A head that is told how wide covers were is told so while the network below it learns, and afterwards."""
    study = trained_tiny(tmp_path, patched, head={"extra_inputs": ["width"]}, fine_tuning={"epochs": 1})
    fine_tune(study, "Miniature")
    assert read_card(study.workspace.models / MODEL).extra_inputs == ["width"]
    model = load(study, MODEL)
    assert [tensor.shape[1:] for tensor in model.inputs] == [(32, 32, 3), (1,)]
    keys, probabilities = read_probabilities(study.workspace.models / MODEL, "test")
    from bookcover_core.models.input_pipeline import read_pictures

    pictures = read_pictures([study.workspace.prepared / "padded" / f"{key}.jpg" for key in keys], 32)
    widths = np.array([[width_of(key)] for key in keys], np.float32)
    np.testing.assert_allclose(model([pictures, widths]), probabilities, atol=1e-5)
    assert np.abs(model([pictures, widths + 100]) - probabilities).max() > 1e-3


def test_the_head_comes_first(tmp_path, patched):
    """Before its head is trained, a network cannot be fine-tuned."""
    with pytest.raises(StageOrderError, match="train/Miniature-padded"):
        fine_tune(tiny_study(tmp_path, patched), "Miniature")
