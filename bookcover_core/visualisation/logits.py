"""A trained network without its softmax, whose scores activation maximisation and Grad-CAM take gradients of.

Section 5.3: the last activation is made linear, so that the score of a genre can only rise by what speaks for the
genre, not by what speaks against the others.

tf-keras-vis does this to a copy of the whole network (`ReplaceToLinear`). Here the last layer alone is copied: the
layers before it, and their tens of millions of weights, are shared with the network, which stays as it is.
"""

import numpy as np
import numpy.typing as npt

from bookcover_core.models.keras_graph import origin
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras


def to_logits(network: keras.Model) -> keras.Model:
    """What `network` puts into its softmax, as a network of the same inputs: scores (n, genres).

    Args:
        network: A trained network, from `models.networks.load_model`; its last layer is the dense layer `genres`.
    """
    last, call = origin(network.outputs[0])
    linear = keras.layers.Dense(last.units, name=GENRES)
    scores = linear(call.input_tensors[0])
    linear.set_weights(last.get_weights())
    return keras.Model(network.inputs, scores, name=f"{network.name}-logits")


def average_measurements(network: keras.Model) -> npt.NDArray[np.float32] | None:
    """The measurements (1, k) of the average training cover; None where `network` has no extra inputs.

    Networks with extra inputs are visualised with these, so that the result depends on the picture alone.
    """
    if len(network.inputs) == 1:
        return None
    standardised = next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
    return np.asarray(standardised.adapt_mean, np.float32).reshape(1, -1)
