"""Networks that are trained from scratch: LeNet and AlexNet.

The AlexNet of Iwana et al. (arXiv 1610.09204) began with ImageNet's weights, which do not exist for Keras: this one is
another system than theirs. That their LeNet saw pictures of 56x56 pixels is remembered, not verified. The layers are
those of the papers that gave the networks their names, in the form that the Caffe framework of the time spread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bookcover_core.models.backbones import PREPROCESSING, Preprocessing

_KERNELS = 311  # purpose of the generator that draws the seeds of a network's layers


@dataclass(frozen=True)
class ScratchNetwork:
    """A network that is trained from scratch."""

    name: str
    size: int  # side of its square input in pixels
    layers: Callable[[Any, Callable[[], Any]], list[Any]]
    """`keras.layers`, and what gives each kernel its first values -> the layers between preprocessing and genres."""
    preprocessing: Preprocessing = "tf"  # what becomes of the pixels first: see `Backbone`

    def build(self, genres: int, seed: int) -> Any:
        """A `keras.Model`: pictures (n, size, size, 3) in 0..255 to probabilities (n, genres), its last layer.

        The seed draws its first weights and its dropouts. Kernels are He-normal (He et al. 2015), with which deep
        networks need no warming up.
        """
        from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

        layers, generator = keras.layers, np.random.default_rng([seed, _KERNELS])

        def drawn(initializer: Any = keras.initializers.HeNormal) -> Any:
            return initializer(seed=int(generator.integers(2**31)))

        pictures = keras.Input((self.size, self.size, 3), name="pictures")
        x = layers.Rescaling(1 / 127.5, offset=-1.0, name=PREPROCESSING)(pictures)
        for layer in self.layers(layers, drawn):
            x = layer(x)
        kernel = drawn(keras.initializers.GlorotUniform)
        probabilities = layers.Dense(genres, activation="softmax", kernel_initializer=kernel, name="genres")(x)
        return keras.Model(pictures, probabilities, name=self.name)


def _lenet(layers: Any, kernel: Callable[[], Any]) -> list[Any]:
    """LeNet-5 (LeCun et al. 1998) as in Caffe's examples, where the 500 units alone have a ReLU."""
    return [
        layers.Conv2D(20, 5, kernel_initializer=kernel(), name="conv1"),
        layers.MaxPooling2D(2, name="pool1"),
        layers.Conv2D(50, 5, kernel_initializer=kernel(), name="conv2"),
        layers.MaxPooling2D(2, name="pool2"),
        layers.Flatten(name="flatten"),
        layers.Dense(500, activation="relu", kernel_initializer=kernel(), name="ip1"),
    ]


def _alexnet(layers: Any, kernel: Callable[[], Any]) -> list[Any]:
    """AlexNet (Krizhevsky et al. 2012), but that every convolution sees all channels."""
    # The paper split some over two GPUs; on a CPU the gradient of a split convolution takes many times as long.

    def convolution(name: str, filters: int, side: int, **options: Any) -> Any:
        return layers.Conv2D(filters, side, activation="relu", kernel_initializer=kernel(), name=name, **options)

    def dense(name: str) -> Any:
        return layers.Dense(4_096, activation="relu", kernel_initializer=kernel(), name=name)

    return [
        convolution("conv1", 96, 11, strides=4),
        layers.Lambda(normalise_locally, name="norm1"),
        layers.MaxPooling2D(3, strides=2, name="pool1"),
        convolution("conv2", 256, 5, padding="same"),
        layers.Lambda(normalise_locally, name="norm2"),
        layers.MaxPooling2D(3, strides=2, name="pool2"),
        convolution("conv3", 384, 3, padding="same"),
        convolution("conv4", 384, 3, padding="same"),
        convolution("conv5", 256, 3, padding="same"),
        layers.MaxPooling2D(3, strides=2, name="pool5"),
        layers.Flatten(name="flatten"),
        dense("fc6"),
        layers.Dropout(0.5, name="drop6"),
        dense("fc7"),
        layers.Dropout(0.5, name="drop7"),
    ]


def normalise_locally(maps: Any) -> Any:
    """Feature maps, each value divided by (2 + 1e-4 s) to the power of 0.75: Krizhevsky et al. 2012, section 3.3.

    s is the sum of the squares of the values at the same place in the five channels around its own. In float32: half
    precision has no such squares.
    """
    from bookcover_core.models.tensorflow_setup import tf  # noqa: PLC0415 - TensorFlow takes seconds to import

    whole = tf.nn.local_response_normalization(tf.cast(maps, tf.float32), 2, bias=2.0, alpha=1e-4, beta=0.75)
    return tf.cast(whole, maps.dtype)


SCRATCH = {
    network.name: network for network in (ScratchNetwork("LeNet", 56, _lenet), ScratchNetwork("AlexNet", 227, _alexnet))
}
"""All networks that are trained from scratch, by name."""
