"""Fitting a network to pictures: its weights, or those of its top, learn from pixels rather than from stored features.

Where training starts from a network that was trained before, that network is epoch 0 and competes with the others, so
that what is kept never validates worse than what was there. Whatever is frozen stays as it is, to the bit. On a GPU
sums are taken in an order that may change, and the last digits with it.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.models.input_pipeline import find_unreadable
from bookcover_core.models.keras_graph import origin
from bookcover_core.models.networks import genre_logits
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.training.accelerator import Accelerator, find_accelerator, scaled_optimizer, set_precision
from bookcover_core.training.image_dataset import PixelBooks, judged, shown
from bookcover_core.training.loop import Fitted, Learner, Progress, Schedule, dropout_generators, fit

_DROPOUTS = 503  # purpose of the generator that gives dropouts their seeds
_REPORT_SECONDS = 1.0  # seconds between two reports of progress


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
