"""Random weights that let pictures through: for demo studies, where no network has seen a picture before."""

import numpy as np
import numpy.typing as npt

from bookcover_core.models.backbones import Backbone
from bookcover_core.models.keras_graph import leaf_layers
from bookcover_core.models.networks import build_preprocessing
from bookcover_core.models.tensorflow_setup import keras, tf

# Purposes of the generators of chance: kernels of random networks, pictures to calibrate them on.
_KERNELS, _PICTURES = 301, 302

_CALIBRATION_PICTURES = 16  # pictures that the batch normalisations of a random network are calibrated on

# How many of the first axes of a kernel each of its outputs sees, by class of the layer and name of the kernel.
_SEEN = {
    "SeparableConv2D": {"depthwise_kernel": 2, "pointwise_kernel": 3},
    "DepthwiseConv2D": {"kernel": 2},
    "Conv2D": {"kernel": 3},
    "Dense": {"kernel": 1},
}


def randomise(model: keras.Model, backbone: Backbone, seed: int) -> None:
    """Give `model` random weights that let pictures through: the same for a seed on any machine.

    Kernels are He-normal (He et al. 2015). Batch normalisations, which would leave features that vanish or explode, are
    given the statistics of a batch of drawn pictures, laid out like covers; where there are none (VGG), the first
    kernel is scaled to the pictures instead. Scales of residual branches (ConvNeXt) are set to 1.
    """
    _draw_kernels(model, np.random.default_rng([seed, _KERNELS]))
    pictures = build_preprocessing(backbone)(_drawn_pictures(backbone.size, np.random.default_rng([seed, _PICTURES])))
    layers = list(leaf_layers(model))
    if held := [(layer, "momentum") for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]:
        # Nothing may be dropped by chance while the statistics are taken.
        held += [(layer, "rate") for layer in layers if isinstance(layer, keras.layers.Dropout)]
        before = [getattr(*each) for each in held]
        for each in held:
            setattr(*each, 0.0)
        # As a graph: of a call that it runs layer by layer, Keras holds on to gigabytes.
        tf.function(lambda: tf.size(model(pictures, training=True)))()
        for each, value in zip(held, before, strict=True):
            setattr(*each, value)
    elif not any(isinstance(layer, keras.layers.LayerNormalization) for layer in layers):
        first = next(layer for layer in layers if isinstance(layer, keras.layers.Conv2D))
        first.kernel.assign(first.kernel / tf.sqrt(tf.reduce_mean(tf.square(pictures))))


def _draw_kernels(model: keras.Model, generator: np.random.Generator) -> None:
    for layer in leaf_layers(model):
        for name, axes in _SEEN.get(type(layer).__name__, {}).items():
            kernel = getattr(layer, name)
            values = generator.standard_normal(kernel.shape, dtype=np.float32)
            kernel.assign(values * np.float32(np.sqrt(2 / np.prod(kernel.shape[:axes]))))
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(np.ones(layer.gamma.shape, np.float32))


def _drawn_pictures(size: int, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Pictures (n, size, size, 3) in 0..255 with flat fields, edges and strong colours, as covers have them."""
    pictures = np.empty((_CALIBRATION_PICTURES, size, size, 3), np.float32)
    for picture in pictures:
        picture[:] = generator.uniform(0, 255, 3)
        for _ in range(generator.integers(3, 25)):
            top, left = generator.integers(0, size, 2)
            height, width = (size * generator.beta(1, 3, 2)).astype(int) + 2
            picture[top : top + height, left : left + width] = generator.uniform(0, 255, 3)
        np.add(picture, generator.normal(0, generator.uniform(0, 8), picture.shape), out=picture, casting="same_kind")
    return pictures.clip(0, 255)
