"""Fitting a network to pictures: its weights, or those of its top, learn from pixels rather than from stored features.

Where training starts from a network that was trained before, that network is epoch 0 and competes with the others, so
that what is kept never validates worse than what was there. Whatever is frozen stays as it is, to the bit. On a GPU
sums are taken in an order that may change, and the last digits with it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
import numpy.typing as npt

from bookcover_core.models.input_pipeline import find_unreadable
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.training.accelerator import Accelerator, find_accelerator, scaled_optimizer, set_precision
from bookcover_core.training.image_dataset import PixelBooks, judged, shown
from bookcover_core.training.loop import (
    Checkpoint,
    Epoch,
    Fitted,
    Progress,
    Schedule,
    check_books,
    dropout_generators,
    fit,
)


def _genre_logits(network: keras.Model, pictures: tf.Tensor, measurements: tf.Tensor, *, training: bool) -> tf.Tensor:
    """What `network` gives before its softmax, from which losses lose no digits."""
    genres = network.get_layer(GENRES)
    softmax, genres.activation = genres.activation, keras.activations.linear
    try:
        inputs = [pictures, measurements] if len(network.inputs) > 1 else pictures
        return network(inputs, training=training)
    finally:
        genres.activation = softmax


def _batch_signature(network: keras.Model) -> list[tf.TensorSpec]:
    """Pictures, extra inputs and labels, as batches of the streams hold them."""
    columns = network.inputs[1].shape[1] if len(network.inputs) > 1 else 0
    return [
        tf.TensorSpec((None, *network.inputs[0].shape[1:]), tf.float32),
        tf.TensorSpec((None, columns), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    ]


@contextmanager
def _readable(books: PixelBooks, size: int) -> Iterator[None]:
    """Name the picture that cannot be read, where reading fails."""
    try:
        yield
    except tf.errors.OpError as error:
        raise (find_unreadable(books.files, size) or error) from error


# Purpose of the generator that gives dropouts their seeds.
_DROPOUTS = 503

# Seconds between two reports of progress.
_REPORT_SECONDS = 1.0


def fit_network(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    train: PixelBooks,
    validation: PixelBooks,
    schedule: Schedule,
    *,
    start: Mapping[str, float] | None = None,
    label: str = "network",
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
    accelerator: Accelerator | None = None,
) -> Fitted:
    """How `network` was fitted to the pictures of `train`; it is left at the epoch that is best on `validation`.

    The network takes pictures in 0..255, and extra inputs if it has any, to probabilities; its last layer is "genres".
    Its trainable weights are trained, its batch normalisations must be frozen. `start` holds its loss and accuracy on
    the training books before; without it, it has learnt nothing yet, and there is no epoch 0. `progress` is called with
    steps done and steps at most, now and then. The rest is as for `loop.fit`.
    """
    check_books(len(train.keys), len(validation.keys), label)
    learner = _PixelLearner(network, optimizer, train, validation, schedule, accelerator or find_accelerator())
    return fit(
        learner,
        schedule,
        label=label,
        start=partial(learner.measure_start, start) if start else None,
        progress=progress,
        checkpoint=checkpoint,
    )


class _PixelLearner:
    """A network being trained: its weights, its optimiser, and the books."""

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: PixelBooks,
        validation: PixelBooks,
        schedule: Schedule,
        accelerator: Accelerator,
    ) -> None:
        set_precision(network, accelerator.precision)
        self.network = network
        self._train, self._validation, self._schedule = train, validation, schedule
        self._accelerator, self._size = accelerator, network.inputs[0].shape[1]
        self.trained: list[keras.Variable] = network.trainable_variables
        _seed_dropouts(network, schedule.seed)
        self.optimizer = scaled_optimizer(optimizer, accelerator.precision)
        self.optimizer.build(self.trained)
        self._logits = tf.function(
            lambda pictures, measurements: _genre_logits(network, pictures, measurements, training=False),
            input_signature=_batch_signature(network)[:2],
            autograph=False,
            jit_compile=accelerator.jit_compile,
        )
        self._step = tf.function(
            self._take_step,
            input_signature=_batch_signature(network),
            autograph=False,
            jit_compile=accelerator.jit_compile,
        )

    def measure_start(self, start: Mapping[str, float]) -> Epoch:
        """Epoch 0: the network as it is."""
        started = time.perf_counter()
        val_loss, val_accuracy = self._validate()
        seconds = round(time.perf_counter() - started, 4)
        return Epoch(0, start["loss"], start["accuracy"], val_loss, val_accuracy, seconds)

    def run_epoch(self, epoch: int, progress: Progress | None) -> Epoch:
        """What epoch number `epoch`, from 1, brought."""
        started = told = time.perf_counter()
        schedule, books = self._schedule, len(self._train.keys)
        steps = -(-books // schedule.batch_size)
        loss, hits = tf.constant(0.0), tf.constant(0)
        stream = shown(
            self._train,
            self._size,
            schedule.batch_size,
            seed=schedule.seed,
            epoch=epoch,
            augmented=schedule.augmented,
            device=self._accelerator.device,
        )
        with _readable(self._train, self._size):
            for done, batch in enumerate(stream, start=(epoch - 1) * steps + 1):
                of_batch = self._step(*batch)
                loss, hits = loss + of_batch[0], hits + of_batch[1]
                if progress and time.perf_counter() - told >= _REPORT_SECONDS:
                    told = time.perf_counter()
                    progress(done, schedule.epochs * steps)
        if progress:
            progress(epoch * steps, schedule.epochs * steps)
        val_loss, val_accuracy = self._validate()
        return Epoch(
            epoch=epoch,
            loss=float(loss) / books,
            accuracy=int(hits) / books,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=round(time.perf_counter() - started, 4),
        )

    def predict(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        """Probabilities (books, genres) of the books, in their order."""
        probabilities: npt.NDArray[np.float32] = tf.nn.softmax(self._judge(books)).numpy()
        return probabilities

    def _judge(self, books: PixelBooks) -> npt.NDArray[np.float32]:
        """Logits (books, genres) of the books, in their order."""
        found = np.empty((len(books.keys), self.network.output.shape[1]), np.float32)
        done = 0
        with _readable(books, self._size):
            for pictures, measurements, _ in judged(
                books, self._size, self._accelerator.batch, self._accelerator.device
            ):
                part = self._logits(pictures, measurements).numpy()
                found[done : done + len(part)] = part
                done += len(part)
        return found

    def _validate(self) -> tuple[float, float]:
        """Mean cross entropy and accuracy on the validation books."""
        logits, labels = self._judge(self._validation), self._validation.labels
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
        return float(np.mean(losses, dtype=np.float64)), float(np.mean(logits.argmax(axis=1) == labels))

    def _take_step(
        self, pictures: tf.Tensor, measurements: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits of a batch, before the step that is taken with it."""
        with tf.GradientTape() as tape:
            logits = _genre_logits(self.network, pictures, measurements, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            aim = self.optimizer.scale_loss(tf.reduce_mean(losses))
        gradients = tape.gradient(aim, [variable.value for variable in self.trained])
        self.optimizer.apply(gradients, self.trained)
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))


def _seed_dropouts(network: keras.Model, seed: int) -> None:
    """Set the generator of each dropout to a seed of its own."""
    generators = dropout_generators(network)
    seeds = np.random.default_rng([seed, _DROPOUTS]).integers(2**31, size=len(generators))
    for generator, drawn in zip(generators, seeds, strict=True):
        generator.assign([drawn, 0])
