"""Fitting a head on pooled features: one dense layer with softmax, as section 4.1 says, or the settings' deeper one.

The steps of an epoch run as one TensorFlow graph. Features that fit one window, some tens of megabytes, stay in memory;
of more, a thread gathers each window in the order in which its books are wanted, while the graph works on the window
before. A window holds whole batches, so the graph does the same steps with the same numbers either way.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.models.networks import SINGLE_LAYER, before_genres, build_head, genre_logits, standardise
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.processes import in_threads
from bookcover_core.settings import HeadSettings
from bookcover_core.training.feature_store import LabelledFeatures, Places
from bookcover_core.training.loop import Fitted, Learner, Progress, Schedule, fit

# Bytes of features in a window. Three are in memory at a time: the graph's, the next, and the one that is gathered.
WINDOW_BYTES = 32 * 1024 * 1024


class Window(NamedTuple):
    """Some books, as tensors, and the order in which they are taken."""

    features: tf.Tensor  # (books, channels), float32
    measurements: tf.Tensor  # (books, k), float32; (0, 0) where the head has no extra inputs
    labels: tf.Tensor  # (books,), int32
    order: tf.Tensor  # rows of the above, int32


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


_SHUFFLE = 401  # purpose of the generator that shuffles

# Books that are judged together, in whatever windows they come: matrices of other heights may be rounded otherwise.
_JUDGED = 1024


def fit_head(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    genres: int,
    schedule: Schedule,
    *,
    shape: HeadSettings = SINGLE_LAYER,
    label: str = "head",
    **told: Any,
) -> Fitted:
    """A head trained on `train`, at the epoch that is best on `validation`: see `loop.fit`, also for what it is `told`.

    Its extra inputs are standardised by the training books. The weight decay is decoupled (Loshchilov and Hutter 2019),
    and biases keep theirs; labels are smoothed as in Szegedy et al. 2016, section 7. `progress` is called with epochs
    done and epochs at most.
    """
    network = build_head(train.features.shape[1], genres, schedule.seed, shape)
    optimizer = _OPTIMIZERS[schedule.optimizer](schedule.learning_rate)
    return fit(_HeadLearner(network, optimizer, train, validation, schedule), label=label, **told)


def predict(head: keras.Model, books: LabelledFeatures) -> npt.NDArray[np.float32]:
    """Probabilities (books, genres) that `head` gives for features, and for extra inputs where it has any."""
    has_extras = len(head.inputs) > 1
    probabilities = [np.empty((0, head.output.shape[1]), np.float32)]
    for start in range(0, len(books.labels), _JUDGED):
        part = slice(start, start + _JUDGED)
        measurements = books.measurements[part] if has_extras else None
        logits = genre_logits(head, before_genres(head, books.features[part], measurements))
        probabilities.append(tf.nn.softmax(logits).numpy())
    return np.concatenate(probabilities)


class _HeadLearner(Learner):
    """A head on pooled features."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._has_extras = len(self.network.inputs) > 1
        if self._has_extras:
            standardise(self.network, self.train.measurements)
        self._windows = Windows(self.train, self.schedule.batch_size)
        self._held_out = Windows(self.validation, _JUDGED)
        numbers, rows = tf.TensorSpec((None, None), tf.float32), tf.TensorSpec((None,), tf.int32)
        taken = [Window(numbers, numbers, rows, rows), tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int32)]
        self._take_steps = tf.function(self._run_steps, input_signature=taken)
        self._measure = tf.function(self._judge, input_signature=taken)

    def learn(self, epoch: int, progress: Progress | None) -> tuple[float, int]:
        order = np.random.default_rng([self.schedule.seed, _SHUFFLE, epoch]).permutation(len(self.train.labels))
        found = _over_windows(self._take_steps, self._windows, order.astype(np.int32))
        if progress:
            progress(epoch, self.schedule.epochs)
        return found

    def validate(self) -> tuple[float, float]:
        books = len(self.validation.labels)
        loss, hits = _over_windows(self._measure, self._held_out, np.arange(books, dtype=np.int32))
        return loss / books, hits / books

    def predict(self, books: LabelledFeatures) -> npt.NDArray[np.float32]:
        return predict(self.network, books)

    def _run_steps(self, window: Window, total: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits, `total` and `hits` before, after steps with all batches of a window."""
        size = self.schedule.batch_size
        for start in tf.range(0, tf.size(window.order), size):
            rows = window.order[start : start + size]
            with tf.GradientTape() as tape:
                logits, loss, right = self._look(window, rows, training=True)
                aim = self._smoothed(loss, logits) / tf.cast(tf.size(rows), tf.float32)
            self._step(tape.gradient(aim, [variable.value for variable in self.trained]))
            total += loss
            hits += right
        return total, hits

    def _judge(self, window: Window, total: tf.Tensor, hits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses and number of hits, `total` and `hits` before, over a window, nothing dropped."""
        for start in tf.range(0, tf.size(window.order), _JUDGED):
            _, loss, right = self._look(window, window.order[start : start + _JUDGED], training=False)
            total += loss
            hits += right
        return total, hits

    def _look(self, window: Window, rows: tf.Tensor, *, training: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits, sum of the losses and number of hits of the books at `rows`."""
        labels = tf.gather(window.labels, rows)
        measurements = tf.gather(window.measurements, rows) if self._has_extras else None
        x = before_genres(self.network, tf.gather(window.features, rows), measurements, training=training)
        logits = genre_logits(self.network, x)
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        right = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
        return logits, loss, tf.reduce_sum(tf.cast(right, tf.int32))

    def _smoothed(self, loss: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The loss, summed, that training makes small: with a share of each label spread over all genres."""
        share = self.schedule.label_smoothing
        if not share:
            return loss
        everywhere = -tf.reduce_sum(tf.reduce_mean(tf.nn.log_softmax(logits), axis=1))
        return (1 - share) * loss + share * everywhere

    def _step(self, gradients: list[tf.Tensor]) -> None:
        """Take one step with all weights: decay where there is any, then the optimiser's own step."""
        # The optimiser's `apply` does this too, but registers a gradient with TensorFlow for good in every graph that
        # it is traced in: graph and weights live on, megabytes for each head of a search.
        optimizer, decay = self.optimizer, self.schedule.weight_decay
        for gradient, variable in zip(gradients, self.trained, strict=True):
            if decay and variable.path.endswith("kernel"):
                variable.assign(variable - variable * decay * optimizer.learning_rate)
            optimizer.update_step(gradient, variable, optimizer.learning_rate)
        optimizer.iterations.assign_add(1)


def _over_windows(graph: Any, windows: Windows, order: npt.NDArray[np.int32]) -> tuple[float, int]:
    """Sum of the losses and number of hits that `graph` gives over all windows."""
    total, hits = tf.constant(0.0), tf.constant(0)
    for window in windows.over(order):
        total, hits = graph(window, total, hits)
    return float(total), int(hits)


# Decays of the running means of zeta and of the squared gradient, and the one that the bias correction takes for a
# first moment; growth and shrinkage of zeta, and its bounds; what keeps divisors from 0.
_BETA_A, _BETA_2, _BETA_1 = 0.9, 0.999, 0.9
_ETA_PLUS, _ETA_MINUS = 1.2, 0.1
_ZETA_MIN, _ZETA_MAX = 0.01, 100.0
_EPSILON = 1e-11


class Wame(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras ships no types
    """The optimiser that section 4.1 names as the more advanced choice: a learning rate of its own for each weight.

    Mosca and Magoulas, "Training convolutional networks with weight-wise adaptive learning rates", ESANN 2017, as the
    author wrote it for Keras (class WAME of nitbix/keras-oldfork, keras/optimizers.py).

    For a weight w with gradient g, at step t = 1, 2, ...:

        zeta = min(1.2 zeta, 100)   where g has the sign of the last gradient
               max(0.1 zeta, 0.01)  where it has the other sign; unchanged where either is 0
        Z    = 0.9 Z + 0.1 zeta
        v    = 0.999 v + 0.001 g^2
        w    = w - learning_rate sqrt(1 - 0.999^t) / (1 - 0.9^t) (zeta / Z) g / (sqrt(v) + 1e-11)

    zeta and Z begin at 1, v at 0. Two things follow the paper where the author's code departs from it: signs are
    compared with the last gradient (the code keeps the weight in its place), and zeta itself stays within its bounds
    (the code bounds a copy). Other public implementations multiply by Z or divide by v instead of its root.
    """

    def build(self, variables: list[keras.Variable]) -> None:
        """Make the state that goes with `variables`: the last gradient, zeta, Z and v of each weight."""
        if self.built:
            return
        super().build(variables)
        self._last = self.add_optimizer_variables(variables, "last_gradient")
        self._zetas = self.add_optimizer_variables(variables, "zeta", initializer="ones")
        self._means = self.add_optimizer_variables(variables, "mean_zeta", initializer="ones")
        self._squares = self.add_optimizer_variables(variables, "mean_square")

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Take one step with `variable`, whose gradient is `gradient`."""
        ops, place = keras.ops, self._get_variable_index(variable)
        gradient = ops.cast(gradient, variable.dtype)
        last, zeta, mean, square = (state[place] for state in (self._last, self._zetas, self._means, self._squares))
        # Of signs, for the product of two small gradients may be rounded to 0.
        agreement = ops.sign(gradient) * ops.sign(last)
        factor = ops.where(agreement > 0, _ETA_PLUS, ops.where(agreement < 0, _ETA_MINUS, 1.0))
        self.assign(zeta, ops.clip(zeta * factor, _ZETA_MIN, _ZETA_MAX))
        self.assign(mean, _BETA_A * mean + (1 - _BETA_A) * zeta)
        self.assign(square, _BETA_2 * square + (1 - _BETA_2) * ops.square(gradient))
        self.assign(last, gradient)
        step = ops.cast(self.iterations + 1, variable.dtype)
        corrected = ops.sqrt(1 - ops.power(_BETA_2, step)) / (1 - ops.power(_BETA_1, step))
        rate = ops.cast(learning_rate, variable.dtype) * corrected * zeta / mean
        self.assign_sub(variable, rate * gradient / (ops.sqrt(square) + _EPSILON))


_OPTIMIZERS = {"adam": keras.optimizers.Adam, "wame": Wame}  # optimisers by their names in the settings
