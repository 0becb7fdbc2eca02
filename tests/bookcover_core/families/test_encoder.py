"""Encoders that people bring go the whole way of a study, beside the networks that it knows."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bookcover_core.covers.download import download_chunk
from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.curate import curate
from bookcover_core.curation.fingerprints import hash_chunk
from bookcover_core.curation.near_duplicates import find_twins
from bookcover_core.curation.splits import split
from bookcover_core.errors import PreflightError, SettingsError, WeightsError
from bookcover_core.evaluation.scores import evaluate
from bookcover_core.export import export_model
from bookcover_core.families.encoder import EncoderPredictor
from bookcover_core.families.fine_tuned import fine_tune
from bookcover_core.families.frozen import train_backbone
from bookcover_core.families.prediction import PredictorInput
from bookcover_core.families.systems import find_system, systems
from bookcover_core.inference.cover_sources import find_covers
from bookcover_core.inference.judge_covers import Judge, judge_and_show
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.models.extra_inputs import load_measurements
from bookcover_core.models.input_pipeline import read_pictures
from bookcover_core.models.model_cards import read_card
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.study import Study
from bookcover_core.preflight import check
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepare import prepare_shard, shards
from bookcover_core.settings.toml_file import load_settings, parse_settings, to_toml
from bookcover_core.training.features import compute_features, load_features
from bookcover_core.training.quantise import quantise
from bookcover_core.training.stored_probabilities import read_probabilities
from tests.bookcover_core.inference.trained import BOOKS, GENRES, draw, settings_in
from tests.bookcover_core.models.tiny_encoders import CHANNELS, SIZE, write_keras, write_onnx
from tests.bookcover_core.training.test_quantise import needs_nncf


def with_encoders(folder, **changes):
    """Settings of a study whose networks are an ONNX file and a `.keras` file."""
    values = settings_in(folder).model_dump(mode="json")
    values["models"]["encoders"] = [
        {"name": "Mine", "file": str(folder / "mine.onnx"), "size": SIZE, "scaling": "clip"},
        {"name": "Yours", "file": str(folder / "yours.keras"), "size": SIZE, "output": "maps"},
    ]
    values["models"]["engine"] = "openvino"
    values["training"]["backbones"] = ["Mine", "Yours"]
    for path, value in changes.items():
        section, name = path.split("__")
        values[section][name] = value
    return parse_settings(values)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The study, trained and evaluated."""
    folder = tmp_path_factory.mktemp("encoders")
    write_onnx(folder / "mine.onnx")
    write_keras(folder / "yours.keras")
    for genre, colour in GENRES.items():
        (folder / "pictures" / genre).mkdir(parents=True)
        for number in range(BOOKS):
            draw(colour, number).save(folder / "pictures" / genre / f"{genre[0]}{number:02}.png")
    settings = with_encoders(folder)
    check(settings)
    study = Study(settings)
    read_listings(study)
    download_chunk(study, 1)
    find_candidates(study)
    hash_chunk(study, 1)
    find_twins(study)
    curate(study)
    split(study)
    for number in shards(study):
        prepare_shard(study, number)
    for name in ("Mine", "Yours"):
        assert compute_features(study, name, "padded").counts["channels"] == CHANNELS
        train_backbone(study, name)
        evaluate(study, name)
    return study


def test_they_are_systems_like_the_others(made):
    """Each is trained, evaluated and a member of ensembles; its card says which file it is and what is used of it."""
    names = [each.name for each in systems(made.settings)]
    assert names[:3] == ["Mine", "Yours", "Ensemble-mean"]
    assert load_features(made, "Mine", "padded").shape == (3 * BOOKS, CHANNELS)
    card = read_card(made.workspace.models / "Yours-padded")
    assert (card.kind, card.backbone, card.preprocessing, card.output) == ("encoder", "Yours", "torch", "maps")
    assert set(card.digests) == {"encoder.keras", "head.weights.h5"}
    assert (card.weights_file, card.engine) == ("yours.keras", "openvino")
    assert train_backbone(made, "Mine").reused


@pytest.mark.parametrize("name", ["Mine", "Yours"])
def test_they_judge_as_the_study_saw(made, name, monkeypatch):
    """The folder of a model is all that judging needs: the file that the settings name may be gone."""
    given = {each.name: Path(each.file) for each in made.settings.models.encoders}[name]
    monkeypatch.setattr(Path, "is_file", lambda self, is_file=Path.is_file: self != given and is_file(self))
    keys, stored = read_probabilities(made.workspace.models / f"{name}-padded", "test")
    files = {file.stem: file for file in made.workspace.covers.rglob("*.*")}
    with Judge.load(made, name) as judge:
        verdicts = [each.verdict for each in judge.judge_covers(find_covers([str(files[key]) for key in keys]), top=3)]
        with pytest.raises(SettingsError, match="cannot show what it saw"):
            judge.explain(next(judge.judge_covers(find_covers([str(files[keys[0]])]))))
        # Whoever asks for a page gets the verdict, without a picture of what spoke for it.
        _, page = judge_and_show(judge, find_covers([str(files[keys[0]])]), top=3, near=0)
        assert "![the cover](data:" in page
        assert "what spoke for" not in page
    judged = [{guess.slug: guess.probability for guess in verdict.genres} for verdict in verdicts]
    found = np.array([[each[genre.slug] for genre in judge._genres] for each in judged])
    np.testing.assert_allclose(found, stored, atol=2e-3)
    assert all(verdict.nearest for verdict in verdicts)


@needs_nncf
@pytest.mark.parametrize("name", ["Mine", "Yours"])
def test_they_are_quantised_too(made, name):
    """In int8 an encoder is near what it is in float32, and its folder holds what judges covers."""
    plain = load_features(made, name, "padded")[:]
    models = made.settings.models.model_copy(update={"precision": "int8"})
    study = Study(made.settings.model_copy(update={"models": models, "name": f"{name}-int8"}))
    shutil.copytree(made.workspace.root, study.workspace.root)
    quantise(study, name, "padded")
    compute_features(study, name, "padded")
    found = load_features(study, name, "padded")[:]
    assert 0 < np.abs(found - plain).mean() < 0.1 * np.abs(plain).mean()
    train_backbone(study, name)
    folder = study.workspace.models / f"{name}-padded"
    keys, stored = read_probabilities(folder, "test")
    card = read_card(folder)
    files = {file.stem: file for file in (study.workspace.prepared / "padded").rglob("*.jpg")}
    pictures = read_pictures([files[key] for key in keys], SIZE)
    measured = [Measurements(*row) for row in load_measurements(study, keys)]
    covers = [PredictorInput({card.square: each}, of) for each, of in zip(pictures, measured, strict=True)]
    probabilities, _ = EncoderPredictor(folder).predict(covers)
    np.testing.assert_allclose(probabilities, stored, atol=1e-5)


def test_nothing_shows_what_they_see(made, tmp_path):
    """No ideal pictures and no heat maps, no part of the study for them, and no file for other programs."""
    assert not parts(made, "visualise")
    assert not find_system(made.settings, "Mine").explains
    with pytest.raises(SettingsError, match="came as a file of yours"):
        export_model(made, tmp_path, "Mine")


def test_they_are_not_fine_tuned(made):
    """A study's fine-tuning leaves them out; asked for, it is refused."""
    tuning = made.settings.fine_tuning.model_copy(update={"blocks": 1})
    study = Study(made.settings.model_copy(update={"fine_tuning": tuning}))
    assert [each.name for each in systems(study.settings) if "finetuned" in each.name] == []
    with pytest.raises(SettingsError, match="Mine is an encoder from a file, whose blocks are not known"):
        fine_tune(study, "Mine")


def test_an_altered_file_judges_nothing(made, tmp_path):
    """A model's folder whose encoder is not the one that the card names is refused."""
    shutil.copytree(made.workspace.models / "Mine-padded", tmp_path / "Mine-padded")
    write_onnx(tmp_path / "Mine-padded" / "encoder.onnx", outputs=("vectors",))
    with pytest.raises(WeightsError, match="not as its card says"):
        EncoderPredictor(tmp_path / "Mine-padded")


def test_all_faults_are_told_before_work(tmp_path):
    """A missing file and one with a fixed batch are two faults of one list, each with the setting that asks for it."""
    write_keras(tmp_path / "yours.keras", batch=1)
    (tmp_path / "pictures" / "Law").mkdir(parents=True)
    (tmp_path / "pictures" / "Travel").mkdir()
    for genre in ("Law", "Travel"):
        Image.new("RGB", (200, 300)).save(tmp_path / "pictures" / genre / f"{genre}.png")
    with pytest.raises(PreflightError) as raised:
        check(with_encoders(tmp_path))
    said = str(raised.value)
    assert "the encoder Mine (mine.onnx) is not there" in said
    assert "the encoder Yours (yours.keras) takes 1 pictures at a time" in said
    assert "training.backbones asks for Yours" in said


def test_paths_begin_at_the_settings_file(tmp_path):
    """A settings file may name encoders beside it, and is written as it is read."""
    (tmp_path / "study.toml").write_text(
        '[[models.encoders]]\nname = "Mine"\nfile = "mine.onnx"\nsize = 224\n\n[training]\nbackbones = ["Mine"]\n'
    )
    settings = load_settings(tmp_path / "study.toml")
    assert settings.models.encoders[0].file == str(tmp_path / "mine.onnx")
    (tmp_path / "again.toml").write_text(to_toml(settings))
    assert load_settings(tmp_path / "again.toml") == settings
