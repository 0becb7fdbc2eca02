"""Fitting a head on pooled features: one dense layer with softmax, as section 4.1 says, or the settings' deeper one.

Adam (or WAME) on sparse categorical cross entropy, the books shuffled anew for each epoch, the head with the best
validation accuracy (or the least validation loss) kept, the earliest of equals, an end after so many epochs without a
better one. The steps of an epoch run as one TensorFlow graph, so that a batch of 32 costs a fraction of a millisecond.

What an epoch does hangs on the seed, the number of the epoch and the state that the one before left, the dropouts'
generators among it. That state is kept on disk every few seconds, so a training that was cut off goes on, and ends as
if it had not been.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError
from bookcover_core.models.networks import GENRES, SINGLE_LAYER, HeadShape, before_genres, build_head, standardise
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.settings import Monitor
from bookcover_core.training.feature_batches import SIGNATURE, Window, Windows
from bookcover_core.training.feature_table import LabelledFeatures
from bookcover_core.training.wame import Wame

logger = logging.getLogger(__name__)

# Purpose of the generator that shuffles.
_SHUFFLE = 401

# Seconds between two savings of a training's state.
_CHECKPOINT_SECONDS = 5.0

# Books that are judged together, in whatever windows they come: matrices of other heights may be rounded otherwise.
_JUDGED = 1024

# Optimisers by their names in the settings.
_OPTIMIZERS = {"adam": keras.optimizers.Adam, "wame": Wame}

Arrays = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Schedule:
    """How a head is trained."""

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    optimizer: Literal["adam", "wame"] = "adam"
    weight_decay: float = 0.0
    """Share of the kernels, times the learning rate, that each step takes off beside the optimiser's own step
    (decoupled, Loshchilov and Hutter 2019). Biases keep theirs."""
    label_smoothing: float = 0.0
    """Share of each label that is spread evenly over all genres (Szegedy et al. 2016, section 7)."""
    monitor: Monitor = "accuracy"
    """What tells on the validation books which epoch is the best."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: a row of history.csv.

    Losses are cross entropies with the true genre alone, whatever smoothing the training aims at. Training figures are
    means over the epoch, each batch judged before its step, as in Keras; with dropout by the head that lost inputs, so
    they look worse than the head is. Validation figures are those of the whole head after the epoch.
    """

    epoch: int
    """From 1; 0 is a network that judges already, before it learns more."""
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

    def is_better_than(self, other: "Epoch", monitor: Monitor) -> bool:
        """Whether it did better on the validation books, by what `monitor` names."""
        return self.val_loss < other.val_loss if monitor == "loss" else self.val_accuracy > other.val_accuracy


@dataclass(frozen=True)
class FittedHead:
    """A head at its best epoch, and how training went."""

    head: keras.Model
    best: Epoch
    history: list[Epoch]


@dataclass(frozen=True)
class Checkpoint:
    """Where a training's state is kept while it runs."""

    file: Path
    key: str
    """What the training hangs on: the state of another is passed over."""

    def save(self, state: Sequence[keras.Variable], best: Arrays, history: Sequence[Epoch]) -> None:
        """Keep all that an epoch changes, the best weights so far and the epochs, as they are now."""
        arrays: dict[str, Any] = {f"state_{number}": np.asarray(variable) for number, variable in enumerate(state)}
        arrays |= {f"best_{number}": array for number, array in enumerate(best)}
        arrays |= {"key": self.key, "history": json.dumps([asdict(row) for row in history])}
        with atomic(self.file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    def resume(self, state: Sequence[keras.Variable], best: Arrays) -> tuple[list[Epoch], Arrays]:
        """Epochs and best weights of the training that was cut off, its state taken up into `state`.

        Where there is none: no epochs, and `best`. A checkpoint that is damaged, or of a training that hangs on
        something else, is passed over.
        """
        try:
            with np.load(self.file, allow_pickle=False) as saved:
                if str(saved["key"]) != self.key:
                    return [], best
                history = [Epoch(**row) for row in json.loads(str(saved["history"]))]
                arrays = [saved[f"state_{number}"] for number in range(len(state))]
                best = [saved[f"best_{number}"] for number in range(len(best))]
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return [], best
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        return history, best


def fit_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    genres: int,
    schedule: Schedule,
    *,
    shape: HeadShape = SINGLE_LAYER,
    label: str = "head",
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> FittedHead:
    """A head trained on `train`, at the epoch that is best on `validation`.

    Args:
        train: What it learns from. Its extra inputs are standardised by these books.
        validation: What the best epoch is chosen on.
        genres: Number of genres.
        schedule: Epochs, patience, batch size, learning rate, seed, optimiser, weight decay, label smoothing, and what
            the best epoch is told by.
        shape: What the head is built of.
        label: What the training is called in the log.
        progress: Called with (epochs done, epochs at most).
        checkpoint: Where the state is kept; none: nowhere.

    Raises:
        TrainingError: There is nothing to train or validate on, or the loss is no longer a number.
    """
    if not len(train.labels) or not len(validation.labels):
        raise TrainingError(
            "there are no books to train or to validate on", where=label, advice="Check the splits: splits/books.csv."
        )
    training = _Training(train, validation, genres, schedule, shape)
    history, best = training.resume(checkpoint) if checkpoint else ([], None)
    if history:
        logger.info("%s: going on after epoch %d", label, history[-1].epoch)
    saved = time.perf_counter()
    while not is_over(history, best, schedule.epochs, schedule.patience):
        row = training.run_epoch(len(history) + 1)
        if not np.isfinite(row.loss):
            raise TrainingError(
                f"the loss is no longer a number in epoch {row.epoch}",
                where=label,
                advice="Lower training.learning_rate.",
            )
        history.append(row)
        if best is None or row.is_better_than(best, schedule.monitor):
            best = row
            training.keep_best()
        if progress:
            progress(row.epoch, schedule.epochs)
        log_epoch(label, row, best, schedule.epochs)
        goes_on = not is_over(history, best, schedule.epochs, schedule.patience)
        if checkpoint and goes_on and time.perf_counter() - saved >= _CHECKPOINT_SECONDS:
            training.save(checkpoint, history)
            saved = time.perf_counter()
    assert best is not None
    return FittedHead(head=training.best_head(), best=best, history=history)


def predict(head: keras.Model, books: LabelledFeatures) -> npt.NDArray[np.float32]:
    """Probabilities (books, genres) that `head` gives for features, and for extra inputs where it has any."""
    has_extras = len(head.inputs) > 1
    probabilities = [np.empty((0, head.output.shape[1]), np.float32)]
    for start in range(0, len(books.labels), _JUDGED):
        part = slice(start, start + _JUDGED)
        measurements = books.measurements[part] if has_extras else None
        probabilities.append(tf.nn.softmax(_logits(head, books.features[part], measurements)).numpy())
    return np.concatenate(probabilities)


def best_epoch(history: Iterable[Epoch], monitor: Monitor) -> Epoch | None:
    """The best of these epochs, the first of equals; none of none."""
    best: Epoch | None = None
    for row in history:
        if best is None or row.is_better_than(best, monitor):
            best = row
    return best


def is_over(history: Sequence[Epoch], best: Epoch | None, epochs: int, patience: int) -> bool:
    """Whether no epoch is to follow: it was the last of `epochs`, or the last of `patience` since the best."""
    if best is None:
        return False
    last = history[-1].epoch
    return last >= epochs or last - best.epoch >= patience


def log_epoch(label: str, row: Epoch, best: Epoch, epochs: int) -> None:
    """Tell what one epoch, of as many as `epochs`, brought."""
    logger.info(
        "%s: epoch %d of %d, loss %.4f, accuracy %.4f, validation loss %.4f, accuracy %.4f (best %.4f in epoch %d)",
        label,
        row.epoch,
        epochs,
        row.loss,
        row.accuracy,
        row.val_loss,
        row.val_accuracy,
        best.val_accuracy,
        best.epoch,
    )


class _Training:
    """A head being trained: its weights, its optimiser, the books, and the best weights so far."""

    def __init__(
        self,
        train: LabelledFeatures,
        validation: LabelledFeatures,
        genres: int,
        schedule: Schedule,
        shape: HeadShape,
    ) -> None:
        self._schedule = schedule
        self._head = build_head(train.features.shape[1], genres, schedule.seed, shape)
        self._has_extras = bool(shape.extra_inputs)
        if self._has_extras:
            standardise(self._head, train.measurements)
        self._trained: list[keras.Variable] = self._head.trainable_variables
        self._optimizer = _OPTIMIZERS[schedule.optimizer](schedule.learning_rate)
        self._optimizer.build(self._trained)
        self._train, self._books = Windows(train, schedule.batch_size), len(train.labels)
        self._validation, self._val_books = Windows(validation, _JUDGED), len(validation.labels)
        self._best: Arrays = [variable.numpy() for variable in self._trained]
        sums = tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int32)
        self._steps = tf.function(self._run_steps, input_signature=[SIGNATURE, *sums])
        self._measure = tf.function(self._judge, input_signature=[SIGNATURE, *sums])

    def run_epoch(self, epoch: int) -> Epoch:
        """What epoch number `epoch`, from 1, brought."""
        started = time.perf_counter()
        order = np.random.default_rng([self._schedule.seed, _SHUFFLE, epoch]).permutation(self._books)
        loss, hits = _over_windows(self._steps, self._train, order.astype(np.int32))
        val_loss, val_hits = _over_windows(self._measure, self._validation, np.arange(self._val_books, dtype=np.int32))
        return Epoch(
            epoch=epoch,
            loss=loss / self._books,
            accuracy=hits / self._books,
            val_loss=val_loss / self._val_books,
            val_accuracy=val_hits / self._val_books,
            seconds=round(time.perf_counter() - started, 4),
        )

    def keep_best(self) -> None:
        """Take the weights as they are for the best."""
        self._best = [variable.numpy() for variable in self._trained]

    def best_head(self) -> keras.Model:
        """The head with the best weights."""
        for variable, best in zip(self._trained, self._best, strict=True):
            variable.assign(best)
        return self._head

    def save(self, checkpoint: Checkpoint, history: list[Epoch]) -> None:
        """Keep the state as it is after the last epoch of `history`."""
        checkpoint.save(self._variables(), self._best, history)

    def resume(self, checkpoint: Checkpoint) -> tuple[list[Epoch], Epoch | None]:
        """History and best epoch of the training that was cut off, taken up; ([], None) where there is none."""
        history, self._best = checkpoint.resume(self._variables(), self._best)
        return history, best_epoch(history, self._schedule.monitor)

    def _variables(self) -> list[keras.Variable]:
        """All that an epoch changes: the trained weights, the dropouts' generators, the optimiser's state."""
        generators = [variable for variable in self._head.variables if variable.path.endswith("seed_generator_state")]
        return [*self._trained, *generators, *self._optimizer.variables]

    def _run_steps(self, window: Window, total: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits, `total` and `hits` before, after steps with all batches of a window."""
        size = self._schedule.batch_size
        for start in tf.range(0, tf.size(window.order), size):
            rows = window.order[start : start + size]
            labels = tf.gather(window.labels, rows)
            with tf.GradientTape() as tape:
                logits = self._logits(window, rows, training=True)
                loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
                aim = self._smoothed(loss, logits) / tf.cast(tf.size(rows), tf.float32)
            gradients = tape.gradient(aim, [variable.value for variable in self._trained])
            self._step(gradients)
            total += loss
            hits += _hits(logits, labels)
        return total, hits

    def _step(self, gradients: list[tf.Tensor]) -> None:
        """Take one step with all weights: decay where there is any, then the optimiser's own step.

        That is what the optimiser's `apply` does. But in every graph that it is traced in, `apply` registers a gradient
        with TensorFlow for good, and with it the graph and all weights live on: megabytes for each head of a search.
        """
        optimizer, decay = self._optimizer, self._schedule.weight_decay
        for gradient, variable in zip(gradients, self._trained, strict=True):
            if decay and variable.path.endswith("kernel"):
                variable.assign(variable - variable * decay * optimizer.learning_rate)
            optimizer.update_step(gradient, variable, optimizer.learning_rate)
        optimizer.iterations.assign_add(1)

    def _judge(self, window: Window, total: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits, `total` and `hits` before, over a window, nothing dropped."""
        for start in tf.range(0, tf.size(window.order), _JUDGED):
            rows = window.order[start : start + _JUDGED]
            labels, logits = tf.gather(window.labels, rows), self._logits(window, rows, training=False)
            total += tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            hits += _hits(logits, labels)
        return total, hits

    def _logits(self, window: Window, rows: tf.Tensor, *, training: bool) -> tf.Tensor:
        measurements = tf.gather(window.measurements, rows) if self._has_extras else None
        return _logits(self._head, tf.gather(window.features, rows), measurements, training=training)

    def _smoothed(self, loss: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """What training makes small: the cross entropies with the labels smoothed, summed.

        With the share e of each label spread over n genres, that is (1 - e) of the cross entropy with the true genre
        and e / n of those with each of the n.
        """
        share = self._schedule.label_smoothing
        if not share:
            return loss
        everywhere = -tf.reduce_sum(tf.reduce_mean(tf.nn.log_softmax(logits), axis=1))
        return (1 - share) * loss + share * everywhere


def _over_windows(graph: Any, windows: Windows, order: npt.NDArray[np.int32]) -> tuple[float, int]:
    """Sum of the losses and number of hits that `graph` gives over all windows."""
    total, hits = tf.constant(0.0), tf.constant(0)
    for window in windows.over(order):
        total, hits = graph(window, total, hits)
    return float(total), int(hits)


def _logits(head: keras.Model, features: Any, measurements: Any = None, *, training: bool = False) -> tf.Tensor:
    """What `head` gives before the softmax: losses from logits lose no digits."""
    dense = head.get_layer(GENRES)
    x = before_genres(head, features, measurements, training=training)
    return tf.linalg.matmul(x, dense.kernel.value) + dense.bias.value


def _hits(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Number of right answers."""
    return tf.reduce_sum(tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, tf.int32))
