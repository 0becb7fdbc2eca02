"""Random weights let pictures through every kind of network, and depend on the seed alone."""

import numpy as np
import pytest

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.networks import build_pooled, randomise
from tests.bookcover_core.training.tiny import TINY


def draw_pictures(size):
    """Four smooth pictures in 0..255."""
    colours = np.random.default_rng(1).uniform(0, 255, (4, 4, 4, 3))
    return np.kron(colours, np.ones((1, size // 4, size // 4, 1))).astype(np.float32)


def features(backbone):
    network = backbone.build()
    randomise(network, backbone, seed=2020)
    network.trainable = False
    return build_pooled(backbone, network)(draw_pictures(backbone.size)).numpy(), network


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetV2B0", "MobileNetV3Small", "ResNet50", "VGG16"])
def test_features_tell_pictures_apart(name):
    """Features are numbers of a usable scale, and differ from picture to picture."""
    pooled, _ = features(find_backbone(name, 64))
    scale = np.sqrt((pooled**2).mean())
    assert np.isfinite(pooled).all()
    assert 0.05 < scale < 50
    assert pooled.std(axis=0).mean() > 0.05 * scale


def test_nothing_is_dropped_while_statistics_are_taken():
    """A network that drops maps in training gets the same weights from the same seed, and keeps its rates."""
    one, network = features(TINY)
    two, _ = features(TINY)
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)
    assert network.get_layer("block_drop").rate == 0.2
    assert all(layer.momentum > 0.8 for layer in network.layers if hasattr(layer, "momentum"))
