"""A trained network without its softmax, so that a genre's score rises only by what speaks for it (section 5.3).

tf-keras-vis's `ReplaceToLinear` copies the whole network. Here the last layer alone is copied: the others are shared.
"""

import numpy as np
import numpy.typing as npt

from bookcover_core.models.keras_graph import origin
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras


def to_logits(network: keras.Model) -> keras.Model:
    """What `network`, from `load_model`, puts into its softmax, as a network of the same inputs: scores (n, genres)."""
    last, call = origin(network.outputs[0])
    linear = keras.layers.Dense(last.units, name=GENRES)
    scores = linear(call.input_tensors[0])
    linear.set_weights(last.get_weights())
    return keras.Model(network.inputs, scores, name=f"{network.name}-logits")


def average_measurements(network: keras.Model) -> npt.NDArray[np.float32] | None:
    """The measurements (1, k) of the average training cover, for `network`'s extra inputs; None where it has none."""
    if len(network.inputs) == 1:
        return None
    standardised = next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    return np.asarray(standardised.adapt_mean, np.float32).reshape(1, -1)
