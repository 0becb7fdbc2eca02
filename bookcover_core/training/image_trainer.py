"""Fitting a network to pictures: its weights, or those of its top, learn from pixels rather than from stored features.

Where training starts from a network that was trained before, that network is epoch 0 and competes with the others, so
that what is kept never validates worse than what was there. Whatever is frozen stays as it is, to the bit. On a GPU
sums are taken in an order that may change, and the last digits with it.

Augmentation shows a cover a little nearer, moved, lighter or stronger: never mirrored or turned, for it carries text;
never stretched, for its proportions tell of its genre.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.models.extra_inputs import load_extra_values
from bookcover_core.models.input_pipeline import batches, decode_picture, decode_pixels, find_unreadable, scale_picture
from bookcover_core.models.keras_graph import origin
from bookcover_core.models.networks import genre_logits
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import ExtraInput
from bookcover_core.training.accelerator import Accelerator, find_accelerator, scaled_optimizer, set_precision
from bookcover_core.training.features import prepared_pictures
from bookcover_core.training.loop import Fitted, Learner, Progress, Schedule, dropout_generators, fit

_SHUFFLE, _AUGMENTATION, _DROPOUTS = 501, 502, 503  # purposes of generators: the last gives dropouts their seeds
_REPORT_SECONDS = 1.0  # seconds between two reports of progress

# Share of the side that stays in sight, at least: the rest is cut off at the edges. Few covers have text nearer.
_NEAREST = 0.9

# What brightness is shifted by at most (of 255), and what contrast and saturation are multiplied by, more or less.
_BRIGHTNESS, _CONTRAST, _SATURATION = 20.0, 0.1, 0.15

_GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601, as in Pillow's conversion to grey


def picture_seed(seed: int, epoch: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """The seed (2,) of what becomes of the picture at `position` in `epoch` of a training with `seed`."""
    start = tf.constant([seed, _AUGMENTATION], tf.int64)
    of_epoch = tf.random.experimental.stateless_fold_in(start, tf.cast(epoch, tf.int64))
    return tf.random.experimental.stateless_fold_in(of_epoch, tf.cast(position, tf.int64))


def augment(picture: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """A square uint8 picture (rows, columns, 3), varied by its seed (2,), as (size, size, 3) float32 in 0..255."""
    chance = tf.random.stateless_uniform([6], seed)
    shape = tf.shape(picture)[:2]
    window = tf.cast(tf.round(tf.cast(shape, tf.float32) * (1 - (1 - _NEAREST) * chance[0])), tf.int32)
    corner = tf.cast(tf.cast(shape - window + 1, tf.float32) * chance[1:3], tf.int32)
    seen = tf.slice(picture, [corner[0], corner[1], 0], [window[0], window[1], 3])
    return _recolour(scale_picture(seen, size), *tf.unstack(chance[3:] * 2 - 1))


def _recolour(picture: tf.Tensor, brightness: tf.Tensor, contrast: tf.Tensor, colour: tf.Tensor) -> tf.Tensor:
    """A picture with other brightness, contrast and saturation: -1..1, 0 for each leaves it as it is."""
    grey = tf.tensordot(picture, tf.constant(_GREY), 1)[..., tf.newaxis]
    picture = grey + (picture - grey) * (1 + _SATURATION * colour)
    middle = tf.reduce_mean(grey)
    picture = middle + (picture - middle) * (1 + _CONTRAST * contrast)
    return tf.clip_by_value(picture + _BRIGHTNESS * brightness, 0, 255)


@dataclass(frozen=True)
class PixelBooks:
    """The books of one split as a network sees them, in the order of their keys."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    files: list[Path]  # their prepared pictures
    measurements: npt.NDArray[np.float32]
    """Extra inputs (books, k) from `models.extra_inputs`; (books, 0) where the network has none."""


def read_books(study: Study, preparation: str, split: str, extra_inputs: Collection[ExtraInput] = ()) -> PixelBooks:
    """The books of one split; `StageOrderError` where some have not been prepared in this way."""
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    books = books[books["split"] == split]
    keys = books["key"].tolist()
    files = [study.workspace.root / path for path, _ in prepared_pictures(study, shards(study), keys, preparation)]
    return PixelBooks(keys, books["label"].to_numpy(), files, load_extra_values(study, keys, extra_inputs))


def judged(books: PixelBooks, size: int, batch: int, device: str | None = None) -> tf.data.Dataset:
    """Batches of pictures (n, size, size, 3), extra inputs (n, k) and labels (n,): all books, in order, as prepared."""
    return _stream(books, np.arange(len(books.keys)), lambda content, _: decode_picture(content, size), batch, device)


def shown(
    books: PixelBooks, size: int, batch: int, *, seed: int, epoch: int, augmented: bool, device: str | None = None
) -> tf.data.Dataset:
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
) -> tf.data.Dataset:
    """Batches of the books in `order`; `see` makes a picture of the content of a file and its place in the order."""

    def read(file: tf.Tensor, measurements: tf.Tensor, label: tf.Tensor, place: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return see(tf.io.read_file(file), place), measurements, label

    files = np.array([str(file) for file in books.files], np.str_)[order]
    return batches((files, books.measurements[order], books.labels[order], np.arange(len(order))), read, batch, device)


def fit_network(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    train: PixelBooks,
    validation: PixelBooks,
    schedule: Schedule,
    *,
    start: Mapping[str, float] | None = None,
    accelerator: Accelerator | None = None,
    label: str = "network",
    **told: Any,
) -> Fitted:
    """How `network` was fitted to the pictures of `train`; it is left at the epoch that is best on `validation`.

    The network takes pictures in 0..255, and extra inputs if it has any, to probabilities; its last layer is "genres".
    Its trainable weights are trained, its batch normalisations must be frozen. `start` holds its loss and accuracy on
    the training books before; without it, it has learnt nothing yet, and there is no epoch 0. `progress` is called with
    steps done and steps at most, now and then. For what else it is `told` see `loop.fit`.
    """
    accelerator = accelerator or find_accelerator()
    set_precision(network, accelerator.precision)
    optimizer = scaled_optimizer(optimizer, accelerator.precision)
    learner = _PixelLearner(accelerator, network, optimizer, train, validation, schedule)
    learner.start = start
    return fit(learner, label=label, **told)


@contextmanager
def _readable(books: PixelBooks, size: int) -> Iterator[None]:
    """Name the picture that cannot be read, where reading fails."""
    try:
        yield
    except tf.errors.OpError as error:
        raise (find_unreadable(books.files, size) or error) from error


class _PixelLearner(Learner):
    """A network on pictures."""

    def __init__(self, accelerator: Accelerator, *given: Any) -> None:
        super().__init__(*given)
        network, generators = self.network, dropout_generators(self.network)
        seeds = np.random.default_rng([self.schedule.seed, _DROPOUTS]).integers(2**31, size=len(generators))
        for generator, seed in zip(generators, seeds, strict=True):
            generator.assign([seed, 0])
        self._accelerator, self._size = accelerator, network.inputs[0].shape[1]
        _, last = origin(network.outputs[0])
        self._body = keras.Model(network.inputs, last.input_tensors[0])
        batch = [
            tf.TensorSpec((None, *network.inputs[0].shape[1:]), tf.float32),
            tf.TensorSpec((None, network.inputs[1].shape[1] if len(network.inputs) > 1 else 0), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        ]
        graph = partial(tf.function, autograph=False, jit_compile=accelerator.jit_compile)
        self._logits = graph(partial(self._look, training=False), input_signature=batch[:2])
        self._take_step = graph(self._step, input_signature=batch)

    def learn(self, epoch: int, progress: Progress | None) -> tuple[float, int]:
        told, schedule = time.perf_counter(), self.schedule
        steps = -(-len(self.train.keys) // schedule.batch_size)
        loss, hits = tf.constant(0.0), tf.constant(0)
        stream = shown(
            self.train,
            self._size,
            schedule.batch_size,
            seed=schedule.seed,
            epoch=epoch,
            augmented=schedule.augmented,
            device=self._accelerator.device,
        )
        with _readable(self.train, self._size):
            for done, batch in enumerate(stream, start=(epoch - 1) * steps + 1):
                of_batch = self._take_step(*batch)
                loss, hits = loss + of_batch[0], hits + of_batch[1]
                if progress and time.perf_counter() - told >= _REPORT_SECONDS:
                    told = time.perf_counter()
                    progress(done, schedule.epochs * steps)
        if progress:
            progress(epoch * steps, schedule.epochs * steps)
        return float(loss), int(hits)

    def validate(self) -> tuple[float, float]:
        logits, labels = self._judge(self.validation), self.validation.labels
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
        return float(np.mean(losses, dtype=np.float64)), float(np.mean(logits.argmax(axis=1) == labels))

    def predict(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        probabilities: npt.NDArray[np.float32] = tf.nn.softmax(self._judge(books)).numpy()
        return probabilities

    def _judge(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        """Logits (books, genres) of the books, in their order."""
        found = [np.empty((0, self.network.output.shape[1]), np.float32)]
        with _readable(books, self._size):
            stream = judged(books, self._size, self._accelerator.batch, self._accelerator.device)
            found += [self._logits(pictures, measurements).numpy() for pictures, measurements, _ in stream]
        return np.concatenate(found)

    def _look(self, pictures: tf.Tensor, measurements: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Logits of a batch."""
        inputs = [pictures, measurements] if len(self.network.inputs) > 1 else pictures
        return genre_logits(self.network, self._body(inputs, training=training))

    def _step(self, pictures: tf.Tensor, measurements: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits of a batch, before the step that is taken with it."""
        with tf.GradientTape() as tape:
            logits = self._look(pictures, measurements, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            aim = self.optimizer.scale_loss(tf.reduce_mean(losses))
        self.optimizer.apply(tape.gradient(aim, [variable.value for variable in self.trained]), self.trained)
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))
