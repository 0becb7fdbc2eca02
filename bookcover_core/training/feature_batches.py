"""Windows: rows of features on their way into a graph, some tens of megabytes at a time.

What fits one window stays in memory as it is. Of more than that, each window is gathered in the order in which its
books are wanted, by a thread, while the graph works on the window before. A window holds whole batches, so the graph
does the same steps with the same numbers either way.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.models.tensorflow_setup import tf
from bookcover_core.pipeline.processes import in_threads
from bookcover_core.training.feature_store import LabelledFeatures, Places

# Bytes of features in a window. Three are in memory at a time: the graph's, the next, and the one that is gathered.
WINDOW_BYTES = 32 * 1024 * 1024


class Window(NamedTuple):
    """Some books, as tensors, and the order in which they are taken."""

    features: tf.Tensor
    """(books, channels), float32."""
    measurements: tf.Tensor
    """(books, k), float32; (0, 0) where the head has no extra inputs."""
    labels: tf.Tensor
    """(books,), int32."""
    order: tf.Tensor
    """Rows of the above, int32."""


# What a graph that works on windows takes.
SIGNATURE = Window(
    tf.TensorSpec((None, None), tf.float32),
    tf.TensorSpec((None, None), tf.float32),
    tf.TensorSpec((None,), tf.int32),
    tf.TensorSpec((None,), tf.int32),
)


class Windows:
    """The books of a split, window by window.

    Args:
        batch: Books that the graph takes together.
    """

    def __init__(self, books: LabelledFeatures, batch: int) -> None:
        rows, channels = books.features.shape
        self._books = books
        self._rows = batch * max(1, WINDOW_BYTES // (4 * channels * batch))
        self._whole = self._gather(slice(None)) if rows <= self._rows else None

    def over(self, order: npt.NDArray[np.int32]) -> Iterator[Window]:
        """Windows that together take the books in `order`."""
        if self._whole is not None:
            yield self._whole._replace(order=tf.constant(order))
        else:
            parts = (order[start : start + self._rows] for start in range(0, len(order), self._rows))
            yield from in_threads(self._gather, parts, threads=1, ahead=1)

    def _gather(self, places: Places) -> Window:
        books = self._books
        labels = books.labels[places]
        measurements = books.measurements[places] if books.measurements.size else books.measurements
        return Window(
            tf.constant(books.features[places]),
            tf.constant(measurements),
            tf.constant(labels),
            tf.range(len(labels), dtype=tf.int32),
        )
