"""What is exported judges as the study does, in programs that know nothing of it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core import export
from bookcover_core.errors import SettingsError, StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.metrics import read_predictions
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.families.fine_tuned import fine_tune
from bookcover_core.families.joining import join
from bookcover_core.inference.cover_sources import CoverInput, Reader, prepared_as
from bookcover_core.inference.model_choice import choose
from bookcover_core.settings import Preparation, StudySettings
from bookcover_core.training.features import load_features
from tests.bookcover_core.training.tiny import SIZE, draw_cover, trained_tiny

pytest.importorskip("tf2onnx", reason="the extra `export` is not installed")

PICTURES = np.random.default_rng(4).uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        trained = trained_tiny(tmp_path_factory.mktemp("export"), patch)
        fine_tune(trained, "Miniature")
        evaluate(trained, "Miniature")
        yield trained


def run_onnx(folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    return session.run(None, {given.name: PICTURES})[0]


def run_keras(folder):
    from bookcover_core.models.tensorflow_setup import keras

    return keras.models.load_model(folder / "model.keras").predict(PICTURES, verbose=0)


def own(study, model):
    from bookcover_core.models.networks import load_model

    return load_model(study.workspace.models / model)[0].predict(PICTURES, verbose=0)


def test_keras_and_onnx_give_the_same_probabilities(study, tmp_path):
    """To 1e-4, for any number of pictures of 0 to 255, the preprocessing inside; the labels are in their order."""
    files = export.export_model(study, tmp_path / "out", "Miniature")
    assert {file.name for file in files} == {"model.keras", "model.onnx", "labels.txt", "prepare.py"}
    expected = own(study, "Miniature-padded")
    np.testing.assert_allclose(run_onnx(tmp_path / "out"), expected, atol=1e-4)
    np.testing.assert_allclose(run_keras(tmp_path / "out"), expected, atol=1e-4)
    labels = (tmp_path / "out" / "labels.txt").read_text("utf-8").splitlines()
    assert labels == [genre.name for genre in choose(study, "Miniature").members[0].genres]


def test_another_precision_is_told(study, tmp_path, monkeypatch, caplog):
    """A network that judged in int8 goes to other programs in float32, and whoever exports it is told."""
    chosen = choose(study, "Miniature")
    cards = tuple(each.model_copy(update={"precision": "int8"}) for each in chosen.members)
    monkeypatch.setattr(export, "choose", lambda *_: replace(chosen, members=cards))
    export.export_model(study, tmp_path / "out")
    assert "Miniature-padded: judged in another precision here" in caplog.text


@pytest.mark.parametrize("how", ["weighted", "product"])
def test_an_ensemble_is_one_file(study, tmp_path, monkeypatch, how):
    """Members that see one square are joined in the file as the study joins them."""
    members = [choose(study, name).members[0] for name in ("Miniature", "Miniature-finetuned")]
    both = replace(choose(study), name="Ensemble", members=tuple(members), shares=(0.3, 0.7), how=how)
    monkeypatch.setattr(export, "choose", lambda *_: both)
    export.export_model(study, tmp_path)
    probabilities = np.stack([own(study, card.name) for card in members])
    np.testing.assert_allclose(run_onnx(tmp_path), join(how, (0.3, 0.7), probabilities), atol=1e-4)


@pytest.mark.parametrize("how", list(Preparation))
@pytest.mark.parametrize("size", [(50, 71), (90, 40)])
def test_covers_are_prepared_without_this_project(study, tmp_path, how, size):
    """The program beside the model gives the pixels that the model was trained on, to a level or two of 255."""
    card = choose(study, "Miniature").members[0].model_copy(update={"preparation": str(how)})
    cover = tmp_path / "cover.png"
    Image.fromarray(draw_cover(3, 96)).resize(size).save(cover)
    (tmp_path / "prepare.py").write_text(export._preparation(study, card), "utf-8")
    program = "import numpy, prepare; numpy.save('found.npy', prepare.prepare('cover.png'))"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env={"PYTHONPATH": str(tmp_path)})
    read = Reader(study.settings.covers, prepared_as(study), {(how, SIZE)}).read(CoverInput("cover", cover))
    expected = read.pictures[how, SIZE]
    found = np.load(tmp_path / "found.npy")[0]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2


def test_tables_hold_what_the_study_holds(study, tmp_path):
    """Predictions of every evaluated system, and every row of features, by key."""
    predictions, file = export.export_tables(study, tmp_path)
    table = pd.read_parquet(predictions)
    stored = read_predictions(study.workspace.evaluation / "Miniature-padded" / "predictions.csv")
    assert table["key"].tolist() == stored.keys
    assert set(table["system"]) == {"Miniature"}
    np.testing.assert_allclose(table.iloc[:, 3:], stored.probabilities, atol=1e-7)
    features = pd.read_parquet(file)
    assert file.name == "features-Miniature-padded.parquet"
    np.testing.assert_array_equal(
        features.drop(columns="key"), load_features(study, "Miniature", "padded")[np.arange(len(features))]
    )


def test_what_cannot_be_exported_is_told(study, tmp_path, monkeypatch):
    """A model of two squares, one that is not there, and a missing package, each before anything is written."""
    with pytest.raises(WeightsError, match=r"no trained model called.*Did you mean Miniature"):
        export.export_model(study, tmp_path / "out", "Miniatur")
    one = choose(study)
    other = one.members[0].model_copy(update={"preparation": "cropped"})
    predictors = [export.load_predictor(study.workspace.models / one.members[0].name) for _ in range(2)]
    predictors[1].square = (Preparation.CROPPED, SIZE)
    monkeypatch.setattr(export, "choose", lambda *_: replace(one, members=(one.members[0], other)))
    monkeypatch.setattr(export, "load_predictor", lambda _: predictors.pop())
    with pytest.raises(SettingsError, match="more than one picture"):
        export.export_model(study, tmp_path / "out")
    # A reader of titles has no network: none is named in its place.
    monkeypatch.setattr(export, "load_predictor", lambda _: object())
    with pytest.raises(SettingsError, match=r"or more than pictures.*Name a network that does: none of its own"):
        export.export_model(study, tmp_path / "out")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "tf2onnx" else object())
    with pytest.raises(SettingsError, match=r"tf2onnx is not installed.*bookcover\[export\]"):
        export.export_model(study, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    empty = type(study)(StudySettings(workspace=str(tmp_path), name="empty"))
    with pytest.raises(StageOrderError, match="no system has been evaluated"):
        export.export_tables(empty, tmp_path / "out")


def test_nothing_is_exported_into_a_study(study, tmp_path):
    """Neither into its folder nor below it, whichever it is; beside another program's settings.json it may be."""
    mine = type(study)(study.settings.model_copy(update={"workspace": str(tmp_path), "name": "mine"}))
    mine.begin()
    assert export.export_tables(study, mine.workspace.root / "other")
    mine.workspace.manifests.mkdir()
    before = set(mine.workspace.root.rglob("*"))
    for folder in (mine.workspace.root, mine.workspace.report, mine.workspace.root / "other"):
        for write in (export.export_model, export.export_tables):
            with pytest.raises(WorkspaceError, match="belongs to a study, mine, which is not touched"):
                write(study, folder)
    assert set(mine.workspace.root.rglob("*")) == before
