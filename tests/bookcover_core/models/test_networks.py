"""A backbone with a head on it is one network from pixels to genres, and comes back from its folder as it was."""

import numpy as np
import pytest

from bookcover_core.errors import DiskFullError
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.networks import GENRES, assemble, build_head, save_weights
from bookcover_core.models.weights import build_backbone
from bookcover_core.settings import StudySettings

BACKBONE = find_backbone("MobileNetV2")


@pytest.fixture(scope="module")
def network():
    return build_backbone(StudySettings.model_validate({"models": {"weights": "random"}}), BACKBONE)


def test_pixels_may_be_bytes_or_floats(network):
    """Pictures of 0..255 give the same probabilities as uint8 and as float32."""
    model = assemble(BACKBONE, network, build_head(1280, 5))
    pictures = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3)).astype(np.uint8)
    as_bytes = model.predict(pictures, verbose=0)
    np.testing.assert_allclose(as_bytes, model.predict(pictures.astype(np.float32), verbose=0), atol=1e-6)
    np.testing.assert_allclose(as_bytes.sum(axis=1), 1, atol=1e-5)


def test_only_the_head_is_trainable(network):
    """The assembled network has the layers of section 4.1, and one dense layer to train."""
    model = assemble(BACKBONE, network, build_head(1280, 30))
    names = [layer.name for layer in model.layers]
    assert names == ["pictures", "preprocessing", "MobileNetV2", "pooling", "genres"]
    assert [tuple(variable.shape) for variable in model.trainable_variables] == [(1280, 30), (30,)]


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
