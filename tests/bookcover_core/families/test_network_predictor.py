"""A network judges covers by the features that the study has of them, whichever engine computed those."""

import numpy as np
import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.families import network_predictor
from bookcover_core.families.frozen import train_backbone
from bookcover_core.families.network_predictor import NetworkPredictor
from bookcover_core.families.prediction import PredictorInput
from bookcover_core.models.backbones import BACKBONES
from bookcover_core.models.input_pipeline import read_pictures
from bookcover_core.models.model_cards import QUANTISED, read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.settings import Preparation
from bookcover_core.training import feature_extraction
from bookcover_core.training.features import compute_features, load_split
from bookcover_core.training.quantise import quantise
from bookcover_core.training.stored_probabilities import read_probabilities
from tests.bookcover_core.training.test_quantise import needs_nncf
from tests.bookcover_core.training.tiny import SIZE, TINY, tiny_study, width_of


@pytest.mark.parametrize(
    ("engine", "precision", "most"),
    [
        ("tensorflow", "float32", 1e-3),
        ("openvino", "float32", 1e-3),
        ("openvino", "bfloat16", 0.05),
        pytest.param("openvino", "int8", 1e-4, marks=needs_nncf),
    ],
)
@pytest.mark.parametrize("extra", [(), ("width",)])
def test_the_study_and_the_judge_agree(tmp_path, monkeypatch, engine, precision, most, extra):
    """One cover or many: features and probabilities are those that the study computed of the same pictures."""
    study = tiny_study(tmp_path, monkeypatch, head={"extra_inputs": extra, "hidden_units": (5,)})
    models = study.settings.models.model_copy(update={"engine": engine, "precision": precision})
    study = Study(study.settings.model_copy(update={"models": models}))
    monkeypatch.setattr(feature_extraction, "check_engine", lambda _: None)  # not every processor has bfloat16
    if precision == "int8":
        quantise(study, "Miniature", "padded")
    compute_features(study, "Miniature", "padded")
    train_backbone(study, "Miniature")
    folder = study.workspace.models / "Miniature-padded"
    card = read_card(folder)
    assert (card.engine, card.precision, "openvino" in card.software) == (engine, precision, engine == "openvino")
    books = load_split(study, "Miniature", "padded", "test")
    files = [study.workspace.prepared / "padded" / f"{key}.jpg" for key in books.keys]
    covers = [
        PredictorInput({(Preparation.PADDED, SIZE): picture}, Measurements(width_of(key), 400, 120.0, 120.0, 120.0))
        for key, picture in zip(books.keys, read_pictures(files, SIZE), strict=True)
    ]
    predictor = NetworkPredictor(folder)
    _, stored = read_probabilities(folder, "test")
    for number in (2, 9):
        probabilities, features = predictor.predict(covers[:number])
        expected = books.features[:number]
        np.testing.assert_allclose(features, expected, atol=most * np.abs(expected).max())
        np.testing.assert_allclose(probabilities, stored[:number], atol=most)


@needs_nncf
def test_a_network_in_int8_is_the_studys(tmp_path, monkeypatch, caplog):
    """An altered file of it judges nothing; where OpenVINO is missing, float32 stands in for it, and that is told."""
    study = tiny_study(tmp_path, monkeypatch)
    models = study.settings.models.model_copy(update={"engine": "openvino", "precision": "int8"})
    study = Study(study.settings.model_copy(update={"models": models}))
    quantise(study, "Miniature", "padded")
    compute_features(study, "Miniature", "padded")
    train_backbone(study, "Miniature")
    folder = study.workspace.models / "Miniature-padded"
    assert set(read_card(folder).digests) == {"head.weights.h5", "model.weights.h5", *QUANTISED}
    monkeypatch.setattr(network_predictor, "openvino_version", str)
    NetworkPredictor(folder)
    assert "Miniature-padded: OpenVINO is not installed, so that features are not in int8" in caplog.text
    monkeypatch.undo()
    monkeypatch.setitem(BACKBONES, "Miniature", TINY)
    (folder / "quantised.bin").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"quantised\.bin"):
        NetworkPredictor(folder)
