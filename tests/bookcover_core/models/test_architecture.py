"""Networks in numbers: as counted by hand, and as published."""

import pytest

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.model_cards import Architecture, measure
from bookcover_core.models.networks import assemble, build_head
from bookcover_core.models.tensorflow_setup import keras


def test_multiply_adds_are_those_counted_by_hand():
    """Every position of an output takes as many products as its kernel has weights; nothing else counts."""
    layers = keras.layers
    pictures = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="plain")(pictures)  # 64 positions x 108
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(6, 1, groups=2, strides=2)(x)  # 16 x 12
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(x)  # 16 x 108
    beside = layers.Conv2D(12, 1)(x)  # 16 x 144
    x = layers.Add()([x, beside])
    x = layers.SeparableConv2D(5, 3, padding="same")(x)  # 16 x (108 + 60)
    x = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))  # 10
    assert measure(keras.Model(pictures, x)) == Architecture(
        input_size=8,
        layers=10,
        layers_with_weights=7,
        depth=6,
        parameters=112 + 16 + 18 + 120 + 156 + 173 + 12,
        multiply_adds=64 * 108 + 16 * (12 + 108 + 144 + 168) + 10,
    )


def test_networks_within_networks_and_shared_layers_count_once():
    """A nested network counts like its layers, and a layer that another network calls too counts as called here."""
    layers = keras.layers
    inner_pictures = keras.Input((6, 6, 3))
    inner = keras.Model(inner_pictures, layers.Conv2D(2, 3)(inner_pictures))
    genres = layers.Dense(3, name="genres")
    features = keras.Input((2,))
    keras.Model(features, genres(features))
    pictures = keras.Input((6, 6, 3))
    flat = layers.GlobalAveragePooling2D()(inner(pictures))
    found = measure(keras.Model(pictures, genres(flat)))
    assert (found.layers, found.layers_with_weights, found.depth) == (3, 2, 2)
    assert found.multiply_adds == 16 * 54 + 6


def test_mobilenet_v2_has_its_published_numbers():
    """Sandler et al. 2018, Table 4: 300 million multiply-adds and 3.4 million parameters, without moving statistics."""
    found = measure(keras.applications.MobileNetV2(weights=None))
    assert found.multiply_adds == pytest.approx(300e6, rel=0.005)
    statistics = 34_112
    assert found.parameters - statistics == pytest.approx(3.4e6, rel=0.035)
    assert found.depth == 53


def test_resnext_50_has_its_published_numbers():
    """Xie et al. 2017, Table 1: 4.2 thousand million multiply-adds and 25.0 million parameters, for 1,000 classes."""
    backbone = find_backbone("ResNeXt50")
    found = measure(assemble(backbone, backbone.build(), build_head(backbone.channels, 1_000)))
    assert found.multiply_adds == pytest.approx(4.2e9, rel=0.01)
    assert found.parameters == pytest.approx(25.0e6, rel=0.01)
    assert (found.depth, found.input_size) == (50, 224)


def test_a_sequence_within_a_network_is_followed():
    """ConvNeXt holds its stem and its transitions in sequences of layers: they count as networks within it do."""
    backbone = find_backbone("ConvNeXtTiny", 64)
    found = measure(assemble(backbone, backbone.build(), build_head(backbone.channels, 10)))
    assert found.parameters == backbone.build().count_params() + 7_690
    assert found.multiply_adds == pytest.approx(4.5e9 * (64 / 224) ** 2, rel=0.05)
