"""Prepared pictures as a network takes them: decoded and scaled to its side, values still 0..255.

Pictures whose features are computed and single ones that are judged both go through here: networks see the same pixels.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError
from bookcover_core.models.machine_info import usable_cores
from bookcover_core.models.tensorflow_setup import tf

BATCH = 32  # pictures that go through a network together: larger batches gain nothing on a CPU
_AHEAD = 2  # batches that are made ahead of time


def read_pictures(files: Sequence[Path], size: int) -> npt.NDArray[np.float32]:
    """Pictures (n, size, size, 3) as float32 in 0..255; `StageOrderError` names one that is missing or no picture."""
    if not files:
        return np.empty((0, size, size, 3), np.float32)
    try:
        return np.concatenate([batch.numpy() for batch in picture_batches(files, size)])
    except tf.errors.OpError as error:
        raise (find_unreadable(files, size) or error) from error


def picture_batches(
    files: Sequence[Path], size: int, batch: int = BATCH, device: str | None = None, *, scaled: bool = True
) -> "tf.data.Dataset":
    """Batches (up to `batch`, size, size, 3) of float32 pictures in 0..255, made ahead of time on the device, if any.

    Where they are not to be scaled, they are uint8, and as large as they were prepared. Reading them raises
    TensorFlow's `OpError` at a file that is missing or no picture: see `find_unreadable`.
    """

    def read(file: tf.Tensor) -> tf.Tensor:
        content = tf.io.read_file(file)
        return decode_picture(content, size) if scaled else decode_pixels(content)

    return batches([str(file) for file in files], read, batch, device)


def batches(rows: Any, read: Callable[..., Any], batch: int, device: str | None) -> "tf.data.Dataset":
    """What `read` makes of each of `rows`, in order, in batches made ahead of time, on `device` if one is named."""
    # Autograph would look for loops and branches for longer than an epoch of a small study takes, and there are none.
    read = tf.autograph.experimental.do_not_convert(read)
    # TensorFlow looks for a better number of calls at ever longer intervals, and whoever has taken the last batch waits
    # for the end of the last of them: up to a minute.
    options = tf.data.Options()
    options.autotune.enabled = False
    found = tf.data.Dataset.from_tensor_slices(rows).with_options(options)
    found = found.map(read, num_parallel_calls=usable_cores(), deterministic=True)
    if device is None:
        return found.batch(batch).prefetch(_AHEAD)
    return found.batch(batch).apply(tf.data.experimental.prefetch_to_device(device, _AHEAD))


def find_unreadable(files: Sequence[Path], size: int) -> StageOrderError | None:
    """What is wrong with the first file that is missing or no picture; none when all can be read."""
    for file in files:
        try:
            decode_picture(tf.io.read_file(str(file)), size)
        except tf.errors.OpError as error:
            reason = " ".join(error.message.split())[:200]
            return StageOrderError(
                f"the prepared picture cannot be read ({reason})",
                where=file,
                advice="Run the stage `prepare` again: it makes anew what is missing or damaged.",
            )
    return None


def decode_picture(content: "bytes | tf.Tensor", size: int) -> "tf.Tensor":
    """One picture (size, size, 3) as float32 in 0..255, from the bytes of a prepared one."""
    return scale_picture(decode_pixels(content), size)


def decode_pixels(content: "bytes | tf.Tensor") -> "tf.Tensor":
    """One picture (rows, columns, 3) as uint8, as large as it was prepared, from its bytes: JPEG or PNG."""
    # With the accurate inverse transform, as Pillow decodes JPEG; `decode_image` knows the fast one only.
    return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")


def scale_picture(picture: "tf.Tensor", size: int) -> "tf.Tensor":
    """A picture (rows, columns, 3), scaled to (size, size, 3), as float32.

    The dissertation left this second scaling to Keras (section 3.2) and does not say how it went. Here it is bilinear
    with antialiasing, as Pillow does it.
    """
    scaled = tf.cond(
        tf.reduce_all(tf.shape(picture)[:2] == size),
        lambda: tf.cast(picture, tf.float32),
        lambda: tf.image.resize(picture, (size, size), antialias=True),
    )
    return tf.ensure_shape(scaled, (size, size, 3))
