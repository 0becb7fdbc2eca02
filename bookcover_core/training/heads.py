"""Fitting a head: one dense layer with softmax on pooled features, as section 4.1 says.

Adam (or WAME) on sparse categorical cross entropy, the books shuffled anew for each epoch, the head with the best
validation accuracy kept (the earliest of equals), an end after so many epochs without a better one. The steps of an
epoch run as one TensorFlow graph, so that a batch of 32 costs a fraction of a millisecond.

What an epoch does hangs on the seed, the number of the epoch and the state that the one before left. That state is kept
on disk every few seconds, so a training that was cut off goes on, and ends as if it had not been.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError
from bookcover_core.models.engine import keras, tf
from bookcover_core.models.networks import GENRES, build_head
from bookcover_core.training.features import LabelledFeatures
from bookcover_core.training.wame import Wame
from bookcover_core.workspace import atomic

logger = logging.getLogger(__name__)

# Purpose of the generator that shuffles.
_SHUFFLE = 401

# Seconds between two savings of a training's state.
_CHECKPOINT_SECONDS = 5.0

# Optimisers by their names in the settings.
_OPTIMIZERS = {"adam": keras.optimizers.Adam, "wame": Wame}

Arrays = Sequence[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Schedule:
    """How a head is trained."""

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    seed: int
    optimizer: Literal["adam", "wame"] = "adam"


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: a row of history.csv. Training figures are means over the epoch, as in Keras."""

    epoch: int
    """From 1."""
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


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


def fit_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    genres: int,
    schedule: Schedule,
    *,
    label: str = "head",
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Checkpoint | None = None,
) -> FittedHead:
    """A head trained on `train`, at the epoch with the best accuracy on `validation`.

    Args:
        train: What it learns from.
        validation: What the best epoch is chosen on.
        genres: Number of genres.
        schedule: Epochs, patience, batch size, learning rate, seed and optimiser.
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
    training = _Training(train, validation, genres, schedule)
    history, best = training.resume(checkpoint) if checkpoint else ([], None)
    if history:
        logger.info("%s: going on after epoch %d", label, history[-1].epoch)
    saved = time.perf_counter()
    while not _over(history, best, schedule):
        row = training.run_epoch(len(history) + 1)
        if not np.isfinite(row.loss):
            raise TrainingError(
                f"the loss is no longer a number in epoch {row.epoch}",
                where=label,
                advice="Lower training.learning_rate.",
            )
        history.append(row)
        if best is None or row.val_accuracy > best.val_accuracy:
            best = row
            training.keep_best()
        if progress:
            progress(row.epoch, schedule.epochs)
        _log(label, row, best, schedule)
        if checkpoint and not _over(history, best, schedule) and time.perf_counter() - saved >= _CHECKPOINT_SECONDS:
            training.save(checkpoint, history)
            saved = time.perf_counter()
    assert best is not None
    return FittedHead(head=training.best_head(), best=best, history=history)


def predict(head: keras.Model, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities (books, genres) that `head` gives for pooled features."""
    dense = head.get_layer(GENRES)
    return np.asarray(tf.nn.softmax(tf.linalg.matmul(features, dense.kernel) + dense.bias))


def _over(history: list[Epoch], best: Epoch | None, schedule: Schedule) -> bool:
    if best is None:
        return False
    return len(history) >= schedule.epochs or len(history) - best.epoch >= schedule.patience


def _log(label: str, row: Epoch, best: Epoch, schedule: Schedule) -> None:
    logger.info(
        "%s: epoch %d of %d, loss %.4f, accuracy %.4f, validation loss %.4f, accuracy %.4f (best %.4f in epoch %d)",
        label,
        row.epoch,
        schedule.epochs,
        row.loss,
        row.accuracy,
        row.val_loss,
        row.val_accuracy,
        best.val_accuracy,
        best.epoch,
    )


class _Training:
    """A head being trained: its weights, its optimiser, the books, and the best weights so far."""

    def __init__(self, train: LabelledFeatures, validation: LabelledFeatures, genres: int, schedule: Schedule) -> None:
        self._schedule = schedule
        self._head = build_head(train.features.shape[1], genres, schedule.seed)
        self._dense = self._head.get_layer(GENRES)
        self._optimizer = _OPTIMIZERS[schedule.optimizer](schedule.learning_rate)
        self._optimizer.build(self._dense.trainable_variables)
        self._train = tf.constant(train.features), tf.constant(train.labels)
        self._validation = tf.constant(validation.features), tf.constant(validation.labels)
        self._best: Arrays = self._dense.get_weights()
        self._steps = tf.function(self._run_steps)
        self._measure = tf.function(self._loss_and_hits)

    def run_epoch(self, epoch: int) -> Epoch:
        """What epoch number `epoch`, from 1, brought."""
        started = time.perf_counter()
        books = len(self._train[1])
        order = np.random.default_rng([self._schedule.seed, _SHUFFLE, epoch]).permutation(books).astype(np.int32)
        loss, hits = self._steps(tf.constant(order))
        val_loss, val_hits = self._measure(*self._validation)
        val_books = len(self._validation[1])
        return Epoch(
            epoch=epoch,
            loss=float(loss) / books,
            accuracy=int(hits) / books,
            val_loss=float(val_loss) / val_books,
            val_accuracy=int(val_hits) / val_books,
            seconds=round(time.perf_counter() - started, 4),
        )

    def keep_best(self) -> None:
        """Take the weights as they are for the best."""
        self._best = self._dense.get_weights()

    def best_head(self) -> keras.Model:
        """The head with the best weights."""
        self._dense.set_weights(self._best)
        return self._head

    def save(self, checkpoint: Checkpoint, history: list[Epoch]) -> None:
        """Keep the state as it is after the last epoch of `history`."""
        arrays: dict[str, Any] = {
            f"state_{number}": np.asarray(variable) for number, variable in enumerate(self._variables())
        }
        arrays |= {f"best_{number}": array for number, array in enumerate(self._best)}
        arrays |= {"key": checkpoint.key, "history": json.dumps([asdict(row) for row in history])}
        with atomic(checkpoint.file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    def resume(self, checkpoint: Checkpoint) -> tuple[list[Epoch], Epoch | None]:
        """History and best epoch of the training that was cut off, its state taken up; ([], None) where there is none.

        A checkpoint that is damaged, or of a training that hangs on something else, is passed over.
        """
        try:
            with np.load(checkpoint.file, allow_pickle=False) as saved:
                if str(saved["key"]) != checkpoint.key:
                    return [], None
                history = [Epoch(**row) for row in json.loads(str(saved["history"]))]
                state = [saved[f"state_{number}"] for number in range(len(self._variables()))]
                best = [saved[f"best_{number}"] for number in range(len(self._best))]
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return [], None
        for variable, array in zip(self._variables(), state, strict=True):
            variable.assign(array)
        self._best = best
        return history, max(history, key=lambda row: (row.val_accuracy, -row.epoch), default=None)

    def _variables(self) -> list[keras.Variable]:
        return [*self._dense.trainable_variables, *self._optimizer.variables]

    def _run_steps(self, order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits over an epoch that takes the books in `order`."""
        features, labels = self._train
        size = self._schedule.batch_size
        variables = self._dense.trainable_variables
        total, hits = tf.constant(0.0), tf.constant(0)
        for start in tf.range(0, tf.size(order), size):
            rows = order[start : start + size]
            batch, wanted = tf.gather(features, rows), tf.gather(labels, rows)
            with tf.GradientTape() as tape:
                loss, hit = self._loss_and_hits(batch, wanted)
                mean = loss / tf.cast(tf.size(rows), tf.float32)
            self._optimizer.apply(tape.gradient(mean, [variable.value for variable in variables]), variables)
            total += loss
            hits += hit
        return total, hits

    def _loss_and_hits(self, features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the cross entropies, and number of right answers; from logits, which loses no digits."""
        logits = tf.linalg.matmul(features, self._dense.kernel.value) + self._dense.bias.value
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.int32))
