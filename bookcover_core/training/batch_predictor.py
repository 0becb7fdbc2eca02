"""Judging from pixels: a whole network, compiled, that gives the probabilities of all books of a split."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from bookcover_core.models.input_pipeline import find_unreadable
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.training.accelerator import Accelerator
from bookcover_core.training.image_dataset import PixelBooks, judged


class BatchPredictor:
    """A network at work: compiled for inference, it judges whole splits.

    Args:
        network: Pictures in 0..255, and extra inputs if it has any, to probabilities; its last layer is "genres".
        accelerator: What it runs on.
    """

    def __init__(self, network: keras.Model, accelerator: Accelerator) -> None:
        self._size = network.inputs[0].shape[1]
        self._genres = network.output.shape[1]
        self._accelerator = accelerator
        self._logits = tf.function(
            lambda pictures, measurements: genre_logits(network, pictures, measurements, training=False),
            input_signature=batch_signature(network)[:2],
            autograph=False,
            jit_compile=accelerator.jit_compile,
        )

    def logits(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        """Logits (books, genres) of the books, in their order.

        Raises:
            StageOrderError: A picture is missing or damaged.
        """
        found = np.empty((len(books.keys), self._genres), np.float32)
        done = 0
        with readable(books, self._size):
            for pictures, measurements, _ in judged(
                books, self._size, self._accelerator.batch, self._accelerator.device
            ):
                part = self._logits(pictures, measurements).numpy()
                found[done : done + len(part)] = part
                done += len(part)
        return found

    def probabilities(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        """Probabilities (books, genres) of the books, in their order.

        Raises:
            StageOrderError: A picture is missing or damaged.
        """
        probabilities: npt.NDArray[np.float32] = tf.nn.softmax(self.logits(books)).numpy()
        return probabilities


def genre_logits(network: keras.Model, pictures: tf.Tensor, measurements: tf.Tensor, *, training: bool) -> tf.Tensor:
    """What `network` gives before its softmax, from which losses lose no digits."""
    genres = network.get_layer(GENRES)
    softmax, genres.activation = genres.activation, keras.activations.linear
    try:
        inputs = [pictures, measurements] if len(network.inputs) > 1 else pictures
        return network(inputs, training=training)
    finally:
        genres.activation = softmax


def batch_signature(network: keras.Model) -> list[tf.TensorSpec]:
    """Pictures, extra inputs and labels, as batches of the streams hold them."""
    columns = network.inputs[1].shape[1] if len(network.inputs) > 1 else 0
    return [
        tf.TensorSpec((None, *network.inputs[0].shape[1:]), tf.float32),
        tf.TensorSpec((None, columns), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    ]


@contextmanager
def readable(books: PixelBooks, size: int) -> Iterator[None]:
    """Name the picture that cannot be read, where reading fails."""
    try:
        yield
    except tf.errors.OpError as error:
        raise (find_unreadable(books.files, size) or error) from error
