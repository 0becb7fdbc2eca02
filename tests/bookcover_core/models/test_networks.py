"""A backbone with a head on it is one network from pixels to genres, and comes back from its folder as it was."""

import numpy as np
import pytest

from bookcover_core.errors import DiskFullError
from bookcover_core.genres import number_genres
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.model_cards import HEAD_WEIGHTS, MODEL_WEIGHTS, ModelCard, write_card
from bookcover_core.models.networks import (
    GENRES,
    assemble,
    build_head,
    build_pooled,
    load_model,
    save_weights,
    standardise,
)
from bookcover_core.models.weights import build_backbone
from bookcover_core.settings import HeadSettings, StudySettings

SIDE = 96  # of the pictures: a fifth of the pixels that networks are made for
BACKBONE = find_backbone("MobileNetV2", SIDE)


@pytest.fixture(scope="module")
def network():
    return build_backbone(StudySettings.model_validate({"models": {"weights": "random"}}), BACKBONE)


def test_pixels_may_be_bytes_or_floats(network):
    """Pictures of 0..255 give the same probabilities as uint8 and as float32."""
    model = assemble(BACKBONE, network, build_head(1280, 5))
    pictures = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    as_bytes = model.predict(pictures, verbose=0)
    np.testing.assert_allclose(as_bytes, model.predict(pictures.astype(np.float32), verbose=0), atol=1e-6)
    np.testing.assert_allclose(as_bytes.sum(axis=1), 1, atol=1e-5)


def test_only_the_head_is_trainable(network):
    """The assembled network has the layers of section 4.1, and one dense layer to train."""
    model = assemble(BACKBONE, network, build_head(1280, 30))
    names = [layer.name for layer in model.layers]
    assert names == ["pictures", "preprocessing", "MobileNetV2", "pooling", "genres"]
    assert [tuple(variable.shape) for variable in model.trainable_variables] == [(1280, 30), (30,)]


@pytest.mark.parametrize("name", ["EfficientNetB0", "VGG16"])
def test_networks_of_keras_come_back_from_their_folder(tmp_path, name):
    """Normalised pixels (EfficientNet) and turned channels (VGG) are part of the network that a card rebuilds."""
    backbone = find_backbone(name, SIDE)
    network = build_backbone(StudySettings.model_validate({"models": {"weights": "random"}}), backbone)
    for layer in network.layers:
        if layer.name.startswith("normalization"):
            layer.adapt_mean.assign([0.5, 0.4, 0.3])
            layer.adapt_variance.assign([0.2, 0.3, 0.4])
            layer.finalize_state()
    model = assemble(backbone, network, build_head(backbone.channels, 3))
    card = ModelCard(
        name=f"{name}-padded",
        kind="frozen",
        backbone=name,
        preparation="padded",
        input_size=backbone.size,
        preprocessing=backbone.preprocessing,
        weights="random",
        weights_file=None,
        weights_digest="random:2020",
        genres=number_genres(["Travel", "Law", "Romance"]),
        settings={},
        inputs={},
        digests={MODEL_WEIGHTS: save_weights(model, tmp_path / MODEL_WEIGHTS)},
        metrics={},
        parameters={},
        software={},
    )
    write_card(tmp_path, card)
    pictures = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    loaded, read = load_model(tmp_path)
    assert read == card
    np.testing.assert_allclose(loaded(pictures), model(pictures), atol=1e-5)
    assert [layer.name for layer in loaded.layers][1:3] == ["preprocessing", name]


def test_a_deep_head_with_extra_inputs_comes_back_from_its_folder(network, tmp_path):
    """Hidden layers, dropout and the statistics of extra inputs are part of what card and weights rebuild.

    The whole network takes pictures and measurements, and gives what the head gives of pooled features.
    """
    generator = np.random.default_rng(4)
    shape = HeadSettings(hidden_units=(16, 8), dropout=0.4, extra_inputs=("mean_colour", "aspect_ratio"))
    head = build_head(1280, 3, seed=2, shape=shape)
    standardise(head, generator.normal(50, 20, (40, 4)).astype(np.float32))
    model = assemble(BACKBONE, network, head)
    card = ModelCard(
        name="MobileNetV2-padded",
        kind="frozen",
        backbone="MobileNetV2",
        preparation="padded",
        input_size=SIDE,
        preprocessing="tf",
        weights="random",
        weights_file=None,
        weights_digest="random:2020",
        hidden_units=[16, 8],
        dropout=0.4,
        extra_inputs=["mean_colour", "aspect_ratio"],
        genres=number_genres(["Travel", "Law", "Romance"]),
        settings={},
        inputs={},
        digests={
            MODEL_WEIGHTS: save_weights(model, tmp_path / MODEL_WEIGHTS),
            HEAD_WEIGHTS: save_weights(head, tmp_path / HEAD_WEIGHTS),
        },
        metrics={},
        parameters={},
        software={},
    )
    write_card(tmp_path, card)
    pictures = generator.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    measurements = generator.normal(50, 20, (2, 4)).astype(np.float32)
    wanted = head([build_pooled(BACKBONE, network)(pictures).numpy(), measurements])
    loaded, read = load_model(tmp_path)
    assert read == card
    np.testing.assert_allclose(loaded([pictures, measurements]), wanted, atol=1e-5)
    assert not np.allclose(loaded([pictures, measurements + 30]), wanted, atol=1e-3)


def test_extra_inputs_are_measured_in_deviations():
    """Another unit of measurement changes nothing; an input that never varies is only centred, and does no harm."""
    generator = np.random.default_rng(5)
    measurements = np.column_stack([generator.normal(300, 40, 50), np.full(50, 7)]).astype(np.float32)
    features, outcomes = np.zeros((3, 8), np.float32), []
    for unit in (1, 1000):
        head = build_head(8, 3, seed=1, shape=HeadSettings(extra_inputs=("width", "height")))
        standardise(head, measurements * unit)
        outcomes.append(head([features, measurements[:3] * unit]).numpy())
        assert np.allclose(head.get_layer("standardised")(measurements * unit).numpy().std(axis=0), [1, 0], atol=1e-4)
        far = head.get_layer("standardised")(np.float32([[300, 7 + 1]]) * unit).numpy()
        assert abs(far[0, 1]) <= unit
    np.testing.assert_allclose(*outcomes, atol=1e-5)


def test_a_head_starts_where_its_seed_says():
    """Two heads of one seed begin alike, two seeds differently."""
    one, two, other = (build_head(8, 3, seed).get_layer(GENRES).get_weights()[0] for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_weights_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A disk that fills up leaves the weights that were there, and no half file beside them."""
    import errno

    head, file = build_head(8, 3), tmp_path / "head.weights.h5"
    save_weights(head, file)
    before = file.read_bytes()

    def fill_up(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(head), "save_weights", fill_up)
    with pytest.raises(DiskFullError):
        save_weights(head, file)
    assert file.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == ["head.weights.h5"]
