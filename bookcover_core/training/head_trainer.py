"""Fitting a head on pooled features: one dense layer with softmax, as section 4.1 says, or the settings' deeper one.

The steps of an epoch run as one TensorFlow graph. Features that fit one window, some tens of megabytes, stay in memory;
of more, a thread gathers each window in the order in which its books are wanted, while the graph works on the window
before. A window holds whole batches, so the graph does the same steps with the same numbers either way.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.models.networks import GENRES, SINGLE_LAYER, before_genres, build_head, standardise
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.processes import in_threads
from bookcover_core.settings import HeadSettings, StudySettings, TrainingSettings
from bookcover_core.training.feature_store import LabelledFeatures, Places
from bookcover_core.training.hyperparameters import Hyperparameters
from bookcover_core.training.loop import Checkpoint, Epoch, Fitted, Progress, Schedule, check_books, fit
from bookcover_core.training.wame import Wame

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
    """The books of a split, window by window, for a graph that takes `batch` of them together."""

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


# Purpose of the generator that shuffles.
_SHUFFLE = 401

# Books that are judged together, in whatever windows they come: matrices of other heights may be rounded otherwise.
_JUDGED = 1024

# Optimisers by their names in the settings.
_OPTIMIZERS = {"adam": keras.optimizers.Adam, "wame": Wame}


def plan_head(settings: StudySettings, hyperparameters: Hyperparameters, **when: Any) -> tuple[Schedule, HeadSettings]:
    """How a head with these hyperparameters is trained, and what it is built of.

    `when` are epochs, patience and monitor, where they are not those of the section `training`.
    """
    chosen = hyperparameters.model_dump()
    values = settings.training.model_dump()
    values |= {name: chosen[name] for name in chosen.keys() & TrainingSettings.model_fields}
    shape = {name: chosen[name] for name in chosen.keys() & HeadSettings.model_fields}
    return Schedule(**values | when, seed=settings.seed), settings.head.model_copy(update=shape)


def fit_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    genres: int,
    schedule: Schedule,
    *,
    shape: HeadSettings = SINGLE_LAYER,
    label: str = "head",
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """A head trained on `train`, at the epoch that is best on `validation`: see `loop.fit`.

    Its extra inputs are standardised by the training books. The weight decay is decoupled (Loshchilov and Hutter 2019),
    and biases keep theirs; labels are smoothed as in Szegedy et al. 2016, section 7. `progress` is called with epochs
    done and epochs at most.
    """
    check_books(len(train.labels), len(validation.labels), label)
    return fit(
        _HeadLearner(train, validation, genres, schedule, shape),
        schedule,
        label=label,
        progress=progress,
        checkpoint=checkpoint,
    )


def predict(head: keras.Model, books: LabelledFeatures) -> npt.NDArray[np.float32]:
    """Probabilities (books, genres) that `head` gives for features, and for extra inputs where it has any."""
    has_extras = len(head.inputs) > 1
    probabilities = [np.empty((0, head.output.shape[1]), np.float32)]
    for start in range(0, len(books.labels), _JUDGED):
        part = slice(start, start + _JUDGED)
        measurements = books.measurements[part] if has_extras else None
        probabilities.append(tf.nn.softmax(_logits(head, books.features[part], measurements)).numpy())
    return np.concatenate(probabilities)


class _HeadLearner:
    """A head being trained: its weights, its optimiser, and the books."""

    def __init__(
        self,
        train: LabelledFeatures,
        validation: LabelledFeatures,
        genres: int,
        schedule: Schedule,
        shape: HeadSettings,
    ) -> None:
        self._schedule = schedule
        self.network = build_head(train.features.shape[1], genres, schedule.seed, shape)
        self._has_extras = bool(shape.extra_inputs)
        if self._has_extras:
            standardise(self.network, train.measurements)
        self.trained: list[keras.Variable] = self.network.trainable_variables
        self.optimizer = _OPTIMIZERS[schedule.optimizer](schedule.learning_rate)
        self.optimizer.build(self.trained)
        self._train, self._books = Windows(train, schedule.batch_size), len(train.labels)
        self._validation, self._val_books = Windows(validation, _JUDGED), len(validation.labels)
        sums = tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int32)
        self._steps = tf.function(self._run_steps, input_signature=[SIGNATURE, *sums])
        self._measure = tf.function(self._judge, input_signature=[SIGNATURE, *sums])

    def run_epoch(self, epoch: int, progress: Progress | None) -> Epoch:
        """What epoch number `epoch`, from 1, brought."""
        started = time.perf_counter()
        order = np.random.default_rng([self._schedule.seed, _SHUFFLE, epoch]).permutation(self._books)
        loss, hits = _over_windows(self._steps, self._train, order.astype(np.int32))
        val_loss, val_hits = _over_windows(self._measure, self._validation, np.arange(self._val_books, dtype=np.int32))
        if progress:
            progress(epoch, self._schedule.epochs)
        return Epoch(
            epoch=epoch,
            loss=loss / self._books,
            accuracy=hits / self._books,
            val_loss=val_loss / self._val_books,
            val_accuracy=val_hits / self._val_books,
            seconds=round(time.perf_counter() - started, 4),
        )

    def predict(self, books: LabelledFeatures) -> npt.NDArray[np.float32]:
        """Probabilities (books, genres)."""
        return predict(self.network, books)

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
            gradients = tape.gradient(aim, [variable.value for variable in self.trained])
            self._step(gradients)
            total += loss
            hits += _hits(logits, labels)
        return total, hits

    def _step(self, gradients: list[tf.Tensor]) -> None:
        """Take one step with all weights: decay where there is any, then the optimiser's own step."""
        # The optimiser's `apply` does this too, but registers a gradient with TensorFlow for good in every graph that
        # it is traced in: graph and weights live on, megabytes for each head of a search.
        optimizer, decay = self.optimizer, self._schedule.weight_decay
        for gradient, variable in zip(gradients, self.trained, strict=True):
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
        return _logits(self.network, tf.gather(window.features, rows), measurements, training=training)

    def _smoothed(self, loss: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """What training makes small: the cross entropies with the labels smoothed, summed."""
        # A share of each label is spread over all genres.
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
