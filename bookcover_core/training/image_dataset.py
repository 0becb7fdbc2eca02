"""Streams of prepared pictures into networks that learn from pixels: read as they are needed, never all at once.

Augmentation shows a cover a little nearer, moved, lighter or stronger: never mirrored or turned, for it carries text;
never stretched, for its proportions tell of its genre. What becomes of a picture depends on its seed alone, so that a
training that was cut off sees what it would have seen.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bookcover_core.models.extra_inputs import load_extra_values
from bookcover_core.models.input_pipeline import batches, decode_picture, decode_pixels, scale_picture
from bookcover_core.models.tensorflow_setup import tf
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import ExtraInput
from bookcover_core.training.features import prepared_pictures

# Share of the side that stays in sight, at least: the rest is cut off at the edges. Few covers have text nearer.
_NEAREST = 0.9

# What brightness is shifted by at most (of 255), and what contrast and saturation are multiplied by, more or less.
_BRIGHTNESS, _CONTRAST, _SATURATION = 20.0, 0.1, 0.15

_AUGMENTATION = 502  # purpose of the generator of chance
_GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601, as in Pillow's conversion to grey


def picture_seed(seed: int, epoch: "tf.Tensor", position: "tf.Tensor") -> "tf.Tensor":
    """The seed (2,) of what becomes of the picture at `position` in `epoch` of a training with `seed`."""
    start = tf.constant([seed, _AUGMENTATION], tf.int64)
    of_epoch = tf.random.experimental.stateless_fold_in(start, tf.cast(epoch, tf.int64))
    return tf.random.experimental.stateless_fold_in(of_epoch, tf.cast(position, tf.int64))


def augment(picture: "tf.Tensor", size: int, seed: "tf.Tensor") -> "tf.Tensor":
    """A square uint8 picture (rows, columns, 3), varied by its seed (2,), as (size, size, 3) float32 in 0..255."""
    chance = tf.random.stateless_uniform([6], seed)
    shape = tf.shape(picture)[:2]
    window = tf.cast(tf.round(tf.cast(shape, tf.float32) * (1 - (1 - _NEAREST) * chance[0])), tf.int32)
    corner = tf.cast(tf.cast(shape - window + 1, tf.float32) * chance[1:3], tf.int32)
    seen = tf.slice(picture, [corner[0], corner[1], 0], [window[0], window[1], 3])
    return _recolour(scale_picture(seen, size), *tf.unstack(chance[3:] * 2 - 1))


def _recolour(picture: "tf.Tensor", brightness: "tf.Tensor", contrast: "tf.Tensor", colour: "tf.Tensor") -> "tf.Tensor":
    """A picture with other brightness, contrast and saturation: -1..1, 0 for each leaves it as it is."""
    grey = tf.tensordot(picture, tf.constant(_GREY), 1)[..., tf.newaxis]
    picture = grey + (picture - grey) * (1 + _SATURATION * colour)
    middle = tf.reduce_mean(grey)
    picture = middle + (picture - middle) * (1 + _CONTRAST * contrast)
    return tf.clip_by_value(picture + _BRIGHTNESS * brightness, 0, 255)


_SHUFFLE = 501  # purpose of the generator that shuffles


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
    """The books of one split; `StageOrderError` where some have not been prepared in this way."""
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    books = books[books["split"] == split]
    keys = books["key"].tolist()
    files = [study.workspace.root / path for path, _ in prepared_pictures(study, shards(study), keys, preparation)]
    return PixelBooks(keys, books["label"].to_numpy(), files, load_extra_values(study, keys, extra_inputs))


def judged(books: PixelBooks, size: int, batch: int, device: str | None = None) -> "tf.data.Dataset":
    """Batches of pictures (n, size, size, 3), extra inputs (n, k) and labels (n,): all books, in order, as prepared."""
    return _stream(books, np.arange(len(books.keys)), lambda content, _: decode_picture(content, size), batch, device)


def shown(
    books: PixelBooks, size: int, batch: int, *, seed: int, epoch: int, augmented: bool, device: str | None = None
) -> "tf.data.Dataset":
    """The batches of an epoch, as `judged` gives them: all books in an order drawn by chance."""
    order = np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(len(books.keys))

    def see(content: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        if augmented:
            return augment(decode_pixels(content), size, picture_seed(seed, epoch, place))
        return decode_picture(content, size)

    return _stream(books, order, see, batch, device)


def _stream(
    books: PixelBooks,
    order: npt.NDArray[np.intp],
    see: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    batch: int,
    device: str | None,
) -> "tf.data.Dataset":
    """Batches of the books in `order`; `see` makes a picture of the content of a file and its place in the order."""

    def read(file: tf.Tensor, measurements: tf.Tensor, label: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return see(tf.io.read_file(file), place), measurements, label

    files = np.array([str(file) for file in books.files], np.str_)[order]
    return batches((files, books.measurements[order], books.labels[order], np.arange(len(order))), read, batch, device)
