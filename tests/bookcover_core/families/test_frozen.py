"""From prepared pictures to a network that judges covers, and the choice of a preparation on the way."""

import csv
import json

import numpy as np
import pytest

from bookcover_core.errors import StageOrderError, WeightsError
from bookcover_core.families.frozen import train_backbone
from bookcover_core.models.model_cards import read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.training.features import compute_features
from bookcover_core.training.preparation_choice import chosen_preparation
from bookcover_core.training.preparation_comparison import compare_preparation, compare_preparations
from bookcover_core.training.stored_probabilities import predict_split
from tests.bookcover_core.training.conftest import make_study


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study with MobileNetV2 trained on padded covers, through its real layers."""
    study = make_study(tmp_path_factory.mktemp("study"), preparation="padded", epochs=80)
    compute_features(study, "MobileNetV2", "padded")
    train_backbone(study, "MobileNetV2")
    return study


def with_settings(study, **changes):
    return Study(study.settings.model_copy(update=changes))


def compare_all(study):
    for method in study.settings.preparation.methods:
        compute_features(study, "MobileNetV2", method)
        compare_preparation(study, method, "MobileNetV2")
    return compare_preparations(study, "MobileNetV2")


def test_the_whole_network_gives_what_the_head_gives(trained):
    """From pixels, the saved network gives the probabilities that the head gives from stored features."""
    from bookcover_core.models.input_pipeline import read_pictures
    from bookcover_core.models.networks import load_model

    keys, _, probabilities = predict_split(trained, "MobileNetV2-padded", "test")
    model, card = load_model(trained.workspace.models / "MobileNetV2-padded")
    files = [trained.workspace.prepared / "padded" / f"{key}.jpg" for key in keys]
    np.testing.assert_allclose(model(read_pictures(files, card.input_size)), probabilities, atol=1e-4)


def test_random_features_still_tell_colours_apart(trained):
    """Calibrated random weights carry enough of a picture for a head to learn three colours."""
    _, labels, probabilities = predict_split(trained, "MobileNetV2-padded", "test")
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.8
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_card_says_what_the_network_is(trained):
    """The card names backbone, preparation, weights, genres, digests and metrics; random weights are called so."""
    card = read_card(trained.workspace.models / "MobileNetV2-padded")
    assert (card.backbone, card.preparation, card.input_size, card.preprocessing) == (
        "MobileNetV2",
        "padded",
        224,
        "tf",
    )
    assert (card.weights, card.weights_digest) == ("random", "random:2020")
    assert [genre.name for genre in card.genres] == ["Travel", "Law", "Romance"]
    assert card.parameters == {"backbone": 2_257_984, "head": 3 * 1_281}
    assert set(card.digests) == {"head.weights.h5", "model.weights.h5"}
    assert 1 <= card.metrics["best_epoch"] <= card.metrics["epochs"] <= 80


def test_the_history_is_a_table_of_epochs(trained):
    """history.csv has a row for each epoch, with the columns that the report reads."""
    with (trained.workspace.models / "MobileNetV2-padded" / "history.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))


def test_altered_weights_are_refused(trained, tmp_path):
    """Weights that are not those that the card names are never used."""
    import shutil

    from bookcover_core.models.networks import load_model

    folder = shutil.copytree(trained.workspace.models / "MobileNetV2-padded", tmp_path / "copy")
    with (folder / "model.weights.h5").open("ab") as file:
        file.write(b"x")
    with pytest.raises(WeightsError, match=r"model\.weights\.h5"):
        load_model(folder)
    (folder / "card.json").unlink()
    with pytest.raises(WeightsError, match="no trained network"):
        load_model(folder)


def test_training_again_changes_nothing(trained):
    """An unchanged study is not trained again; the state from which more epochs go on is no result."""
    assert train_backbone(trained, "MobileNetV2").reused
    [state] = trained.workspace.models.rglob("checkpoint.npz")
    names = [output.path for output in trained.manifest("train/MobileNetV2-padded").outputs]
    assert trained.workspace.relative(state) not in names


def test_training_on_the_best_needs_the_comparison(small_study):
    """Where the comparison is to choose, training waits for it."""
    with pytest.raises(StageOrderError, match="compare"):
        train_backbone(small_study, "MobileNetV2")


def test_the_validation_books_choose_the_preparation(small_study, invented_features):
    """The best validation accuracy wins whatever the test says, and the first of equals."""
    compare_all(small_study)
    folder = small_study.workspace.comparison
    for method, validation, test in (("noprep", 0.25, 0.9), ("padded", 0.5, 0.1), ("cropped", 0.5, 0.3)):
        file = folder / method / "result.json"
        file.write_text(
            json.dumps(json.loads(file.read_text()) | {"validation_accuracy": validation, "test_accuracy": test})
        )
    small_study.manifest_file("compare").unlink()
    compare_preparations(small_study, "MobileNetV2")
    assert chosen_preparation(small_study) == "padded"
    assert json.loads((folder / "chosen.json").read_text())["chosen_by"] == "validation_accuracy"


def test_the_comparison_is_a_table_of_preparations(small_study, invented_features):
    """comparison.csv has a row for each preparation in the order of the settings; a second run reuses all."""
    compare_all(small_study)
    with (small_study.workspace.comparison / "comparison.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["preparation", "best_epoch", "validation_accuracy", "validation_loss", "test_accuracy"]
    assert [row["preparation"] for row in rows] == ["noprep", "padded", "cropped"]
    assert compare_preparation(small_study, "cropped", "MobileNetV2").reused
    assert compare_all(small_study).reused


def test_a_named_preparation_needs_no_comparison(small_study):
    """The settings' preparation is taken without asking the comparison."""
    training = small_study.settings.training.model_copy(update={"preparation": "cropped"})
    assert chosen_preparation(with_settings(small_study, training=training)) == "cropped"


def test_a_damaged_picture_is_named(small_study):
    """A prepared picture that cannot be decoded stops the stage with its name, and with what to do."""
    file = small_study.workspace.prepared / "padded" / f"{17:010d}.jpg"
    file.write_bytes(b"no picture")
    models = small_study.settings.models.model_copy(update={"input_size": 96})  # built in a sixth of the time
    with pytest.raises(StageOrderError, match=rf"{file.name}.*Run the stage `prepare` again"):
        compute_features(with_settings(small_study, models=models), "MobileNetV2", "padded")
