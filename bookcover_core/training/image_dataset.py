"""Streams of prepared pictures into networks that learn from pixels: read as they are needed, never all at once.

Memory holds the names of the files and a few batches, however many covers there are.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.models.extra_inputs import extra_values
from bookcover_core.models.input_pipeline import ahead, decode_picture, decode_pixels
from bookcover_core.models.tensorflow_setup import tf
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import ExtraInput
from bookcover_core.training.augmentation import augment, picture_seed
from bookcover_core.training.measurement_inputs import load_measurements

# Purpose of the generator that shuffles.
_SHUFFLE = 501


@dataclass(frozen=True)
class PixelBooks:
    """The books of one split as a network sees them, in the order of their keys."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    files: list[Path]
    """Their prepared pictures."""
    measurements: npt.NDArray[np.float32]
    """Extra inputs (books, k) from `models.extra_inputs`; (books, 0) where the network has none."""


def read_books(study: Study, preparation: str, split: str, extra_inputs: Collection[ExtraInput] = ()) -> PixelBooks:
    """The books of one split: train, validation or test.

    Raises:
        StageOrderError: Books of the split have not been prepared in this way.
    """
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    books = books[books["split"] == split]
    keys = books["key"].tolist()
    pictures: dict[str, str] = {}
    for number in shards(study):
        index = read_table(study.workspace.prepared / "index" / f"shard-{number:04d}.csv", ("key", "method", "path"))
        index = index[index["method"] == preparation]
        pictures.update(zip(index["key"], index["path"], strict=True))
    if missing := [key for key in keys if key not in pictures]:
        raise StageOrderError(
            f"{len(missing)} books have no {preparation} picture, {missing[0]!r} among them",
            where=study.workspace.prepared / "index",
            advice="Run the stage `prepare` again.",
        )
    return PixelBooks(
        keys=keys,
        labels=books["label"].to_numpy(),
        files=[study.workspace.root / pictures[key] for key in keys],
        measurements=extra_values(load_measurements(study, keys), extra_inputs)
        if extra_inputs
        else np.empty((len(keys), 0), np.float32),
    )


def judged(books: PixelBooks, size: int, batch: int, device: str | None = None) -> "tf.data.Dataset":
    """Batches of pictures (n, size, size, 3), extra inputs (n, k) and labels (n,): all books, in order, as prepared."""

    def read(file: tf.Tensor, measurements: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return decode_picture(tf.io.read_file(file), size), measurements, label

    return _batches(_rows(books, np.arange(len(books.keys))), read, batch, device)


def shown(
    books: PixelBooks, size: int, batch: int, *, seed: int, epoch: int, augmented: bool, device: str | None = None
) -> "tf.data.Dataset":
    """The batches of an epoch, as `judged` gives them: all books in an order drawn by chance.

    Order and augmentation depend on the seed and the number of the epoch alone.
    """
    order = np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(len(books.keys))

    def read(file: tf.Tensor, measurements: tf.Tensor, label: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        content = tf.io.read_file(file)
        if augmented:
            return augment(decode_pixels(content), size, picture_seed(seed, epoch, place)), measurements, label
        return decode_picture(content, size), measurements, label

    return _batches((*_rows(books, order), np.arange(len(order))), read, batch, device)


def _rows(books: PixelBooks, order: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.generic], ...]:
    """Files, extra inputs and labels of the books in `order`."""
    names = np.array([str(file) for file in books.files], np.str_)
    return names[order], books.measurements[order], books.labels[order]


def _batches(
    rows: tuple[npt.NDArray[np.generic], ...],
    read: Callable[..., tuple["tf.Tensor", ...]],
    batch: int,
    device: str | None,
) -> "tf.data.Dataset":
    # Autograph would look for loops and branches for longer than an epoch of a small study takes, and there are none.
    read = tf.autograph.experimental.do_not_convert(read)
    pictures = tf.data.Dataset.from_tensor_slices(rows).map(
        read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return ahead(pictures.batch(batch), device)
