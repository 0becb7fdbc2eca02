"""Local response normalisation, AlexNet's: Keras brings no layer for it."""

from typing import Any

from bookcover_core.models.tensorflow_setup import keras, tf

# Krizhevsky et al. 2012, section 3.3: channels on either side, k, alpha and beta.
_RADIUS, _K, _ALPHA, _BETA = 2, 2.0, 1e-4, 0.75


class LocalResponseNormalization(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Feature maps, each value divided by (2 + 1e-4 s) to the power of 0.75.

    s is the sum of the squares of the values at the same place in the five channels around its own.
    """

    def call(self, maps: Any) -> Any:
        """Feature maps (n, rows, columns, channels), normalised; in float32, for half precision has no such squares."""
        whole = tf.cast(maps, tf.float32)
        normalised = tf.nn.local_response_normalization(whole, _RADIUS, bias=_K, alpha=_ALPHA, beta=_BETA)
        return tf.cast(normalised, maps.dtype)
