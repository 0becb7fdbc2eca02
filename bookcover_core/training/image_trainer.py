"""Fitting a network to pictures: its weights, or those of its top, learn from pixels rather than from stored features.

As with heads (`training.head_trainer`): cross entropy, the books shuffled anew for each epoch, the epoch with the best
validation accuracy kept (the earliest of equals), or the one with the least validation loss, an end after so many
epochs without a better one. Where training starts from a network that judges already, that network is epoch 0 and
competes with the others, so that what is kept never validates worse than what was there.

Whatever is frozen stays bit for bit as it is; batch normalisations that are frozen normalise by the statistics that
they have. What an epoch does hangs on the seed, its number, and the state that the one before left. That state is kept
on disk after every epoch, so a training that was cut off goes on, and ends as if it had not been. On a GPU sums are
taken in an order that may change, and the last digits with it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.settings import Monitor
from bookcover_core.training.accelerator import Accelerator, find_accelerator, scaled_optimizer, set_precision
from bookcover_core.training.batch_predictor import Judge, batch_signature, genre_logits, readable
from bookcover_core.training.head_trainer import Checkpoint, Epoch, best_epoch, is_over, log_epoch
from bookcover_core.training.image_dataset import PixelBooks, shown

logger = logging.getLogger(__name__)

# Purpose of the generator that gives dropouts their seeds.
_DROPOUTS = 503

# Seconds between two reports of progress.
_REPORT_SECONDS = 1.0


@dataclass(frozen=True)
class PixelSchedule:
    """How a network is fitted to pictures."""

    epochs: int
    patience: int
    batch_size: int
    seed: int
    augmented: bool
    advice: str
    """What to do when the loss is no longer a number: which setting to lower."""
    monitor: Monitor = "accuracy"
    """What tells on the validation books which epoch is the best."""


@dataclass(frozen=True)
class Start:
    """How well a network does on its training books before it is fitted to their pictures."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class FittedNetwork:
    """A network at its best epoch, and how training went."""

    best: Epoch
    history: list[Epoch]
    """The start, if there was one, as epoch 0, then every epoch."""
    weights: list[npt.NDArray[np.float32]]
    """The weights that were trained, at the best epoch; the network has them."""
    judge: Judge
    """Gives its probabilities."""


def fit_network(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    train: PixelBooks,
    validation: PixelBooks,
    schedule: PixelSchedule,
    *,
    start: Start | None = None,
    label: str = "network",
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
    accelerator: Accelerator | None = None,
) -> FittedNetwork:
    """How `network` was fitted to the pictures of `train`; it is left at the epoch that is best on `validation`.

    Args:
        network: Pictures in 0..255, and extra inputs if it has any, to probabilities; its last layer is "genres". Its
            trainable weights are trained, its batch normalisations must be frozen.
        optimizer: What takes the steps.
        train: What it learns from.
        validation: What the best epoch is chosen on.
        schedule: Epochs, patience, batch size, seed, augmentation, and what the best epoch is told by.
        start: How well it does before; none: it has learnt nothing yet, and there is no epoch 0.
        label: What the training is called in the log.
        progress: Called with (steps done, steps at most), now and then.
        checkpoint: Where the state is kept; none: nowhere.
        accelerator: What it runs on; none: what is there.

    Raises:
        TrainingError: There is nothing to train or validate on, or the loss is no longer a number.
        StageOrderError: A picture is missing or damaged.
    """
    if not train.keys or not validation.keys:
        raise TrainingError(
            "there are no books to train or to validate on", where=label, advice="Check the splits: splits/books.csv."
        )
    training = _Training(network, optimizer, train, validation, schedule, accelerator or find_accelerator())
    history = training.resume(checkpoint) if checkpoint else []
    if history:
        logger.info("%s: going on after epoch %d", label, history[-1].epoch)
    elif start:
        history.append(training.measure_start(start))
        log_epoch(label, history[-1], history[-1], schedule.epochs)
    best = best_epoch(history, schedule.monitor)
    while not is_over(history, best, schedule.epochs, schedule.patience):
        row = training.run_epoch(history[-1].epoch + 1 if history else 1, progress)
        if not np.isfinite([row.loss, row.val_loss]).all():
            raise TrainingError(
                f"the loss is no longer a number in epoch {row.epoch}", where=label, advice=schedule.advice
            )
        history.append(row)
        if best is None or row.is_better_than(best, schedule.monitor):
            best = row
            training.keep_best()
        log_epoch(label, row, best, schedule.epochs)
        if checkpoint:
            training.save(checkpoint, history)
    assert best is not None
    return FittedNetwork(best, history, training.take_best(), training.judge)


class _Training:
    """A network being fitted: its weights, its optimiser, the books, and the best weights so far."""

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        train: PixelBooks,
        validation: PixelBooks,
        schedule: PixelSchedule,
        accelerator: Accelerator,
    ) -> None:
        set_precision(network, accelerator.precision)
        self._network = network
        self._train, self._validation, self._schedule = train, validation, schedule
        self._device, self._size = accelerator.device, network.inputs[0].shape[1]
        self._trained: list[keras.Variable] = network.trainable_variables
        self._generators = _generators(network, schedule.seed)
        self._optimizer = scaled_optimizer(optimizer, accelerator.precision)
        self._optimizer.build(self._trained)
        self.keep_best()
        self.judge = Judge(network, accelerator)
        self._step = tf.function(
            self._take_step,
            input_signature=batch_signature(network),
            autograph=False,
            jit_compile=accelerator.jit_compile,
        )

    def measure_start(self, start: Start) -> Epoch:
        """Epoch 0: the network as it is."""
        started = time.perf_counter()
        val_loss, val_accuracy = self._validate()
        seconds = round(time.perf_counter() - started, 4)
        return Epoch(0, start.loss, start.accuracy, val_loss, val_accuracy, seconds)

    def run_epoch(self, epoch: int, progress: Callable[[int, int], None] | None) -> Epoch:
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
            device=self._device,
        )
        with readable(self._train, self._size):
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

    def keep_best(self) -> None:
        """Take the weights as they are for the best."""
        self._best = [variable.numpy() for variable in self._trained]

    def take_best(self) -> list[npt.NDArray[np.float32]]:
        """The best weights, which the network has from now on."""
        for variable, best in zip(self._trained, self._best, strict=True):
            variable.assign(best)
        return self._best

    def save(self, checkpoint: Checkpoint, history: list[Epoch]) -> None:
        """Keep the state as it is after the last epoch of `history`."""
        checkpoint.save(self._variables(), self._best, history)

    def resume(self, checkpoint: Checkpoint) -> list[Epoch]:
        """History of the training that was cut off, its state taken up; [] where there is none."""
        history, self._best = checkpoint.resume(self._variables(), self._best)
        return history

    def _variables(self) -> list[keras.Variable]:
        """All that an epoch changes: the trained weights, the dropouts' generators, the optimiser's state."""
        return [*self._trained, *self._generators, *self._optimizer.variables]

    def _validate(self) -> tuple[float, float]:
        """Mean cross entropy and accuracy on the validation books."""
        logits, labels = self.judge.logits(self._validation), self._validation.labels
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
        return float(np.mean(losses, dtype=np.float64)), float(np.mean(logits.argmax(axis=1) == labels))

    def _take_step(
        self, pictures: tf.Tensor, measurements: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits of a batch, before the step that is taken with it."""
        with tf.GradientTape() as tape:
            logits = genre_logits(self._network, pictures, measurements, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            aim = self._optimizer.scale_loss(tf.reduce_mean(losses))
        gradients = tape.gradient(aim, [variable.value for variable in self._trained])
        self._optimizer.apply(gradients, self._trained)
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))


def _generators(network: keras.Model, seed: int) -> list[keras.Variable]:
    """The generators of the network's dropouts, each set to a seed of its own."""
    generators = [variable for variable in network.variables if variable.path.endswith("seed_generator_state")]
    for generator, chance in zip(
        generators, np.random.default_rng([seed, _DROPOUTS]).integers(2**31, size=len(generators)), strict=True
    ):
        generator.assign([chance, 0])
    return generators
