"""Networks in int8 are calibrated on training covers, kept, and compute all features of a study."""

import logging
from importlib import metadata

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.models import inference_engine
from bookcover_core.models.machine_info import computes_int8
from bookcover_core.pipeline.graph import Part, find, parts
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_table
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.training import quantise as stage
from bookcover_core.training.feature_store import quantised_files
from bookcover_core.training.features import compute_feature_shard, compute_features, load_features
from bookcover_core.training.quantise import quantise
from tests.bookcover_core.training.conftest import BOOKS, write_index
from tests.bookcover_core.training.tiny import tiny_study

MODEL = "Miniature-padded"

needs_nncf = pytest.mark.skipif(not inference_engine.nncf_version(), reason="the extra `int8` is not installed")


def in_int8(study: Study, **models: object) -> Study:
    changed = study.settings.models.model_copy(update={"engine": "openvino", "precision": "int8", **models})
    return Study(study.settings.model_copy(update={"models": changed}))


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    return in_int8(tiny_study(tmp_path, monkeypatch))


def paint(study: Study, key: str) -> None:
    """Another picture of a book, and its shard prepared anew."""
    Image.new("RGB", (299, 299), "blue").save(study.workspace.prepared / "padded" / f"{key}.jpg")
    write_index(study, next(number for number, keys in shard_keys(study).items() if key in keys))


@needs_nncf
def test_features_are_near_those_in_float32(study, caplog):
    """Quantising changes features by a few in a hundred; what it was calibrated on is in the log and the manifest."""
    with caplog.at_level(logging.INFO):
        assert quantise(study, "Miniature", "padded").counts["covers"] == BOOKS // 2
        manifest = compute_features(study, "Miniature", "padded")
    assert f"quantise/{MODEL}: calibrated on 18 training covers by NNCF {metadata.version('nncf')}" in caplog.messages
    assert manifest.counts["engine"] == f"OpenVINO {metadata.version('openvino')}, int8"
    found = load_features(study, "Miniature", "padded")[:]
    plain = in_int8(study, precision="float32")
    compute_features(plain, "Miniature", "padded")
    expected = load_features(plain, "Miniature", "padded")[:]
    assert 0 < np.abs(found - expected).mean() < 0.1 * np.abs(expected).mean()


@needs_nncf
def test_only_training_covers_calibrate(study, caplog):
    """A validation cover that changes leaves the network as it is, a training cover makes another, which is told."""
    books = read_table(study.workspace.splits, ("key", "split"))
    held, learnt = (books["key"][books["split"] == split].iloc[0] for split in ("validation", "train"))
    assert not quantise(study, "Miniature", "padded").reused
    paint(study, held)
    assert quantise(study, "Miniature", "padded").reused
    compute_features(study, "Miniature", "padded")
    paint(study, learnt)
    with caplog.at_level(logging.INFO):
        assert not quantise(study, "Miniature", "padded").reused
        assert compute_features(study, "Miniature", "padded").counts["computed"] == BOOKS
    again = {line.partition(": ")[0]: line for line in caplog.messages if "runs again" in line}
    assert "input changed: covers" in again[f"quantise/{MODEL}"]
    assert f"input changed: quantise/{MODEL}" in again[f"features/{MODEL}"]


def test_the_draw_is_the_seeds(study, monkeypatch):
    """So many training covers are drawn; another seed draws others, and a book that goes leaves the others drawn."""
    monkeypatch.setattr(stage, "_COVERS", 6)
    drawn = stage._pictures(study, "padded")
    splits = read_table(study.workspace.splits)
    keys = splits["key"][splits["split"] == "train"]
    assert len(drawn) == 6
    assert {path.rpartition("/")[2].removesuffix(".jpg") for path, _ in drawn} < set(keys)
    assert stage._pictures(Study(study.settings.model_copy(update={"seed": 7})), "padded") != drawn
    spare = next(key for key in keys if not any(key in path for path, _ in drawn))
    write_table(study.workspace.splits, pd.DataFrame(splits[splits["key"] != spare]))
    assert stage._pictures(study, "padded") == drawn


@needs_nncf
def test_the_network_is_kept_for_the_home(study, monkeypatch):
    """Another study of the same covers takes the very network, quantises none, and computes no feature again."""
    quantise(study, "Miniature", "padded")
    compute_features(study, "Miniature", "padded")
    weights = quantised_files(study, MODEL)[1]
    content = weights.read_bytes()
    weights.unlink()
    monkeypatch.setattr(stage, "check_quantiser", lambda _: pytest.fail("the network is there"))
    assert quantise(study, "Miniature", "padded").reused
    assert weights.read_bytes() == content
    assert compute_features(study, "Miniature", "padded").reused


@needs_nncf
def test_a_shard_takes_the_kept_network(study, monkeypatch):
    """A worker needs the network that was quantised, and not NNCF; without the network it cannot begin."""
    with pytest.raises(StageOrderError, match=f"'quantise/{MODEL}' has not been run"):
        compute_feature_shard(study, "Miniature", "padded", 1)
    quantise(study, "Miniature", "padded")
    monkeypatch.setattr(inference_engine, "nncf_version", str)
    compute_feature_shard(study, "Miniature", "padded", 1)
    compute_features(study, "Miniature", "padded")


def test_a_study_quantises_before_it_computes(study):
    """In int8 each network of features has a part of its own before them; in other precisions there is none."""
    assert parts(study, "quantise") == [Part(find("quantise"), ("Miniature", "padded"))]
    assert parts(in_int8(study, precision="float32"), "quantise") == []


def test_what_is_missing_is_told(study, monkeypatch):
    """Without NNCF nothing is quantised, and the message says what to install."""
    monkeypatch.setattr(inference_engine, "nncf_version", str)
    with pytest.raises(SettingsError, match=r"(?s)NNCF.*bookcover\[int8\]"):
        quantise(study, "Miniature", "padded")


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx2", False),
        ("Features\t: asimd", True),
    ],
)
def test_processors_that_compute_int8(told, known, tmp_path):
    """What an x86 processor says of its instructions counts; others are not warned of."""
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{told}\n")
    assert computes_int8(tmp_path / "cpuinfo") is known
    assert computes_int8(tmp_path / "missing")
