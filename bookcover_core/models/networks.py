"""Whole networks: from pixels to pooled features, the head on these, both together, and to and from a folder.

    features -------------------------.
                                       joined -> (dropout_1 -> hidden_1 -> ...) -> dropout_n -> genres
    measurements -> standardised -----'

What the settings do not ask for is not there: section 4.1 has `genres` alone.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import WeightsError
from bookcover_core.models.backbones import CHANNELS, POOLING, PREPROCESSING, Backbone, find_backbone
from bookcover_core.models.extra_inputs import extra_columns
from bookcover_core.models.keras_graph import leaf_layers
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.model_cards import MODEL_WEIGHTS, ModelCard, read_card, whole_file
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.settings import HeadSettings

GENRES = "genres"
"""Name of the layer that gives the probabilities."""

# Names of the second input, of the layer that standardises it, and of the one that joins it to the features.
_MEASUREMENTS, _STANDARDISED, _JOINED = "measurements", "standardised", "joined"

_LAYER_SEEDS = 411  # purpose of the generator that gives hidden layers and dropouts their seeds
SINGLE_LAYER = HeadSettings()  # the head of section 4.1: one dense layer

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

# Means of ImageNet's channels, blue, green and red, of 255: keras.applications.imagenet_utils, mode "caffe".
_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


def build_preprocessing(backbone: Backbone) -> keras.layers.Layer:
    """The layer that takes pixels of 0..255 to what `backbone` expects: `preprocess_input` of its Keras family."""
    if backbone.preprocessing == "caffe":
        pixels = keras.Input((None, None, 3))
        centred = keras.layers.Rescaling(1.0, offset=[-mean for mean in _IMAGENET_MEAN_BGR])
        return keras.Model(pixels, centred(keras.ops.flip(pixels, axis=-1)), name=PREPROCESSING)
    means, deviations = CHANNELS[backbone.preprocessing]
    scale = [1 / (255 * deviation) for deviation in deviations]
    offset = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    return keras.layers.Rescaling(scale, offset=offset, name=PREPROCESSING)


def build_pooled(backbone: Backbone, network: keras.Model) -> keras.Model:
    """Pictures (n, size, size, 3) in 0..255 to features (n, channels) by a `network`; maps that it gives are pooled."""
    pictures = keras.Input((backbone.size, backbone.size, 3), name="pictures")
    found = network(build_preprocessing(backbone)(pictures))
    if len(found.shape) == 4:
        found = keras.layers.GlobalAveragePooling2D(name=POOLING)(found)
    return keras.Model(pictures, found, name=f"{backbone.name}-pooled")


def build_head(channels: int, genres: int, seed: int = 0, shape: HeadSettings = SINGLE_LAYER) -> keras.Model:
    """Pooled features (n, channels) to probabilities (n, genres).

    With extra inputs it takes two inputs, features and measurements (n, k) from `extra_values`. The seed draws the
    kernels' first values (Glorot uniform, Keras' default; biases are 0) and the dropouts.
    """
    layers = keras.layers
    seeds = iter(np.random.default_rng([seed, _LAYER_SEEDS]).integers(2**31, size=2 * len(shape.hidden_units) + 1))

    def dropped(x: keras.KerasTensor, number: int) -> keras.KerasTensor:
        chance = int(next(seeds))
        return layers.Dropout(shape.dropout, seed=chance, name=f"dropout_{number}")(x) if shape.dropout else x

    x = features = keras.Input((channels,), name="features")
    inputs = features
    if columns := extra_columns(shape.extra_inputs):
        measurements = keras.Input((len(columns),), name=_MEASUREMENTS)
        standardised = layers.Normalization(name=_STANDARDISED)(measurements)
        x, inputs = layers.Concatenate(name=_JOINED)([features, standardised]), [features, measurements]
    for number, units in enumerate(shape.hidden_units, start=1):
        x = dropped(x, number)
        kernel = keras.initializers.GlorotUniform(seed=int(next(seeds)))
        x = layers.Dense(units, activation="relu", kernel_initializer=kernel, name=f"hidden_{number}")(x)
    x = dropped(x, len(shape.hidden_units) + 1)
    kernel = keras.initializers.GlorotUniform(seed=seed)
    probabilities = layers.Dense(genres, activation="softmax", kernel_initializer=kernel, name=GENRES)(x)
    return keras.Model(inputs, probabilities, name="head")


def standardise(head: keras.Model, measurements: npt.NDArray[np.float32]) -> None:
    """Let `head` measure its extra inputs in deviations from their mean in `measurements` (n, k).

    An input that is the same in all of them only has its mean taken off. The statistics are weights of the head.
    """
    layer = head.get_layer(_STANDARDISED)
    layer.adapt_mean.assign(measurements.mean(axis=0, dtype=np.float64))
    varies = np.ptp(measurements, axis=0) > 0
    layer.adapt_variance.assign(np.where(varies, measurements.var(axis=0, dtype=np.float64), 1.0))
    layer.finalize_state()


def before_genres(head: keras.Model, features: Any, measurements: Any = None, *, training: bool = False) -> Any:
    """What the layer `genres` of a head is given for features (n, channels) and, if it has any, extra inputs (n, k).

    Tensors or symbolic ones go through it layer by layer; in training, inputs are dropped.
    """
    x = features
    if measurements is not None:
        x = head.get_layer(_JOINED)([x, head.get_layer(_STANDARDISED)(measurements)])
    for layer in head.layers:
        if isinstance(layer, keras.layers.Dropout):
            x = layer(x, training=training)
        elif isinstance(layer, keras.layers.Dense) and layer.name != GENRES:
            x = layer(x)
    return x


def genre_logits(network: keras.Model, x: Any) -> Any:
    """What the layer `genres` makes of its inputs `x` before its softmax: losses from logits lose no digits."""
    dense = network.get_layer(GENRES)
    return tf.linalg.matmul(tf.cast(x, tf.float32), dense.kernel.value) + dense.bias.value


def assemble(backbone: Backbone, network: keras.Model, head: keras.Model) -> keras.Model:
    """Pictures (n, size, size, 3) in 0..255, of float or integer type, to probabilities (n, genres).

    With a head that has extra inputs it takes two inputs, pictures and measurements (n, k). Layers: `preprocessing`,
    the frozen backbone under its own name, `pooling`, and those of `head`, which are shared with it, `genres` last.
    """
    network.trainable = False
    pooled = build_pooled(backbone, network)
    inputs, measurements = pooled.input, None
    if len(head.inputs) > 1:
        measurements = keras.Input(head.inputs[1].shape[1:], name=_MEASUREMENTS)
        inputs = [pooled.input, measurements]
    probabilities = head.get_layer(GENRES)(before_genres(head, pooled.output, measurements))
    return keras.Model(inputs, probabilities, name=f"{backbone.name}-genres")


def save_weights(model: keras.Model, file: Path) -> str:
    """SHA-256 of `file` after the weights of `model` were written to it."""
    with atomic(file) as temporary:
        # Keras wants the name to end in .weights.h5.
        partial = temporary.with_suffix(".weights.h5")
        try:
            model.save_weights(partial)
            partial.replace(temporary)
        finally:
            partial.unlink(missing_ok=True)
    return file_digest(file)


def load_model(folder: Path) -> tuple[keras.Model, ModelCard]:
    """The whole network in `folder`, built in code with the weights saved there, and its card.

    `WeightsError` where there is none, or its weights are missing, altered or of another network.
    """
    card = read_card(folder)
    file = whole_file(folder, MODEL_WEIGHTS, card)
    if card.backbone in SCRATCH:
        model = SCRATCH[card.backbone].build(len(card.genres), 0)
    else:
        backbone = find_backbone(card.backbone, card.input_size)
        head = build_head(backbone.channels, len(card.genres), shape=card.head)
        model = assemble(backbone, backbone.build(), head)
    try:
        model.load_weights(file)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"these are not the weights of {card.name} ({reason})", where=file, advice="Run the stage `train` again."
        ) from error
    return model, card


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
