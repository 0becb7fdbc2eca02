"""Networks whose insides are known: what they look at is written into their weights."""

import numpy as np

from bookcover_core.genres import number_genres
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.models.tensorflow_setup import keras

SIZE, CELLS = 32, 4


def cornered(extra: int = 0):
    """A network of three genres: bright upper left, bright lower right, dark; and its card.

    As in a trained network, the convolution is in a network within the network, and the genres come from pooled maps.
    Each map knows only its own quarter of the picture.

    Args:
        extra: Number of extra inputs, which count for nothing.
    """
    layers = keras.layers
    masks = np.zeros((1, CELLS, CELLS, 2), np.float32)
    masks[0, :2, :2, 0] = masks[0, 2:, 2:, 1] = 1
    inside = keras.Input((SIZE, SIZE, 3))
    maps = layers.Conv2D(2, SIZE // CELLS, strides=SIZE // CELLS, name="brightness")(inside)
    body = keras.Model(inside, maps * masks, name="body")
    body.get_layer("brightness").set_weights([np.full((8, 8, 3, 2), 1 / 192, np.float32), np.zeros(2, np.float32)])
    pictures = keras.Input((SIZE, SIZE, 3), name="pictures")
    pooled = layers.GlobalAveragePooling2D(name="pooling")(
        body(layers.Rescaling(1 / 255, name="preprocessing")(pictures))
    )
    inputs, features = pictures, pooled
    if extra:
        measurements = keras.Input((extra,), name="measurements")
        standardised = layers.Normalization(name="standardised")
        inputs = [pictures, measurements]
        features = layers.Concatenate(name="joined")([pooled, standardised(measurements)])
    genres = layers.Dense(3, activation="softmax", name="genres")
    network = keras.Model(inputs, genres(features), name="cornered")
    kernel = np.zeros((2 + extra, 3), np.float32)
    kernel[0, 0] = kernel[1, 1] = 8
    kernel[:2, 2] = -8
    genres.set_weights([kernel, np.zeros(3, np.float32)])
    if extra:
        standardised.adapt_mean.assign([5.0] * extra)
        standardised.adapt_variance.assign([1.0] * extra)
        standardised.finalize_state()
    return network, card(network)


def card(network) -> ModelCard:
    return ModelCard(
        name="Known-padded",
        kind="frozen",
        backbone="Known",
        preparation="padded",
        input_size=network.inputs[0].shape[1],
        preprocessing="tf",
        weights="file",
        weights_file=None,
        weights_digest="",
        genres=number_genres(["Upper left", "Lower right", "Dark"]),
        settings={},
        inputs={},
        digests={},
        metrics={},
        parameters={},
        software={},
    )
