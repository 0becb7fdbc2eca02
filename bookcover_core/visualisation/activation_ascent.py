"""Activation maximisation: pictures that a network scores higher for a genre than any cover (section 5.3).

tf-keras-vis does the ascent: it moves a picture, computes the genre's score less penalties, and steps along the
gradient. Through its extension points the network runs as a graph, several pictures together, each as if alone, and
never sees what cannot be printed; jitter stays about a picture's place, and momentum with the picture; gradients are
weighted as in photographs (Olah et al. 2017, Distill, "Feature visualization"), without which there is only fine noise
in rainbow colours; L2 is the distance from grey, not black; and a run that is cut off ends where it would have ended.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.activation_maximization.callbacks import Callback
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils.scores import CategoricalScore

from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.visualisation.grad_cam import to_logits, with_average

Pictures = npt.NDArray[np.float32]
"""Pictures (n, size, size, 3) in 0..255."""

# Purposes of the generators that draw the first picture, and how far the pictures are moved at a step.
_FIRST, _JITTER = 601, 602

# A picture begins in this grey, with noise of this deviation.
_GREY, _NOISE = 127.5, 0.2

# A picture has converged where its objective rose by less than this share of its whole rise.
_LITTLE = 0.02

# A step moves pixels by this much on average, of 255, goes on with so much of the steps before it, and is half as long
# after so many of them, a third after twice as many, and so on: shapes form first, and settle later.
_RATE, _MOMENTUM, _HALVING = 0.2, 0.9, 100

# The most that the picture is moved, in shares of its side: 16 pixels of 224.
_REACH = 1 / 14

# Gradients are weighted as 1 / frequency to this power: so its strength falls in photographs (Field 1987, JOSA A 4).
_FALL = 1.0

# How red, green and blue vary, and vary together, in photographs: in lightness most, in colour little. Measured on
# ImageNet by Olah et al. (2017), in whose code, lucid, it stands as the root of this.
_COLOUR_ROOT = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


@dataclass
class MaximisationState:
    """The state of an ascent: everything that its next step depends on, and its course so far."""

    step: int
    """Steps done."""
    pictures: Pictures
    moved: tuple[int, int]
    """How far the pictures stand from their places: rows down, columns right."""
    velocity: npt.NDArray[np.float32]
    """(n, size, size, 3) momentum of the pictures, in their places."""
    scores: npt.NDArray[np.float32]
    """(steps, n) the score of each picture before each step."""
    penalties: npt.NDArray[np.float32]
    """(steps, n, 2) its weighted total variation and distance from grey."""

    @classmethod
    def start(cls, size: int, labels: Sequence[int], seed: int) -> Self:
        """A grey picture with a little noise for each genre, the same for a seed on any machine."""
        shape, count = (size, size, 3), len(labels)
        noise = [np.random.default_rng([seed, _FIRST, label]).normal(_GREY, _NOISE, shape) for label in labels]
        velocity, scores, penalties = (
            np.zeros(each, np.float32) for each in ((count, *shape), (0, count), (0, count, 2))
        )
        return cls(0, np.stack(noise).astype(np.float32), (0, 0), velocity, scores, penalties)

    @property
    def in_place(self) -> npt.NDArray[np.uint8]:
        """The pictures (n, size, size, 3), moved back, as they are printed."""
        back = np.roll(self.pictures, (-self.moved[0], -self.moved[1]), axis=(1, 2))
        return np.round(back).clip(0, 255).astype(np.uint8)

    def converged(self, plateau: int) -> npt.NDArray[np.bool_]:
        """(n,) whether the mean of the last `plateau` steps (0: never) rose by less than 2 % of the whole rise."""
        objective = self.scores - self.penalties.sum(axis=2)
        if not plateau or len(objective) < 2 * plateau:
            return np.zeros(self.scores.shape[1], np.bool_)
        before, last = objective[-2 * plateau : -plateau].mean(axis=0), objective[-plateau:].mean(axis=0)
        return np.asarray(last - before < _LITTLE * (last - objective[0]))

    def write(self, file: Path, key: str) -> None:
        """Write it to `file`, whole or not at all; `key` is a digest of everything that it depends on."""
        with atomic(file) as temporary, temporary.open("wb") as content:
            np.savez(content, key=np.array(key), **vars(self))

    @classmethod
    def read(cls, file: Path, key: str) -> Self | None:
        """The state in `file`; None where there is none with this key, or none that can be read."""
        try:
            with np.load(file, allow_pickle=False) as content:
                values = dict(content)
            down, right = values.pop("moved")
            step = int(values.pop("step"))
            return cls(step=step, moved=(int(down), int(right)), **values) if values.pop("key") == key else None
        except (OSError, TypeError, ValueError, KeyError, EOFError, BadZipFile):
            return None


class ActivationMaximiser:
    """A network whose genre scores can be maximised."""

    def __init__(self, network: keras.Model, *, total_variation: float, l2: float, seed: int) -> None:
        logits, norm = to_logits(network), Norm(l2, p=2)
        self.size = int(logits.inputs[0].shape[1])
        self._names = [tensor.name for tensor in logits.inputs]
        self._network = network
        self._maximisation = ActivationMaximization(logits, model_modifier=_compiled, clone=False)
        self._regularisers = [TotalVariation2D(total_variation), lambda pictures: norm(pictures - _GREY)]
        self._weigh = _as_in_photographs(self.size)
        self._seed = seed

    def ascend(
        self,
        state: MaximisationState,
        labels: Sequence[int],
        steps: int,
        report: Callable[[int], None] = lambda _step: None,
    ) -> MaximisationState:
        """The state after at least one more step towards the genres `labels`; `report` is told of every step done."""
        course = _Course(state, self._seed, max(1, round(self.size * _REACH)), report)
        inputs = with_average(self._network, state.pictures)
        modifiers = {name: [lambda _, held=each: held] for name, each in zip(self._names, inputs, strict=True)}
        first = self._names[0]
        reached = self._maximisation(
            CategoricalScore(list(labels)),
            seed_input=inputs,
            input_range=None,
            input_modifiers=modifiers | {first: [_cut, course.move]},
            regularizers={first: self._regularisers},
            steps=steps,
            optimizer=course,
            gradient_modifier=lambda gradients: self._weigh(gradients) if len(gradients.shape) == 4 else gradients,
            callbacks=[course],
        )
        return course.ended(np.asarray(_cut(reached[0])))

    def score(self, pictures: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The scores (n, genres) of pictures (n, size, size, 3) in 0..255, as they are."""
        return np.asarray(self._maximisation.model(with_average(self._network, pictures), training=False))


def _compiled(network: keras.Model) -> None:
    """Let `network` run as a graph, gradient included, whoever calls it."""
    network.call = tf.function(network.call, reduce_retracing=True)


def _cut(pictures: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(pictures, 0.0, 255.0)


def _as_in_photographs(size: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """Weights frequencies and colours of gradients (n, size, size, 3) as photographs hold them; all of one strength."""
    frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    weights = tf.constant((np.maximum(frequencies, 1 / size) ** -_FALL).astype(np.complex64))
    variances, directions = np.linalg.eigh(_COLOUR_ROOT @ _COLOUR_ROOT.T)
    colours = tf.constant((directions * np.sqrt(variances)) @ directions.T, tf.float32)

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def weigh(gradients: tf.Tensor) -> tf.Tensor:
        planes = tf.transpose(tf.einsum("nrcd,de->nrce", gradients, colours), (0, 3, 1, 2))
        planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * weights, fft_length=(size, size))
        weighed = tf.transpose(planes, (0, 2, 3, 1))
        # A gradient may be zero everywhere.
        return weighed / (tf.math.reduce_std(weighed, axis=(1, 2, 3), keepdims=True) + 1e-12)

    return weigh  # type: ignore[no-any-return]


class _Course(Callback):  # type: ignore[misc]  # tf-keras-vis ships no types
    """A stretch of an ascent: jitter, momentum, which stays in the pictures' place, and what is recorded by step."""

    def __init__(self, state: MaximisationState, seed: int, reach: int, report: Callable[[int], None]) -> None:
        self._state = replace(state)
        self._seed, self._reach, self._report = seed, reach, report
        self._velocity = tf.constant(state.velocity)
        self._scores, self._penalties = [state.scores], [state.penalties]

    def move(self, pictures: tf.Tensor) -> tf.Tensor:
        """Jitter about the pictures' place, a function of seed and step: the same however the ascent is cut up."""
        generator = np.random.default_rng([self._seed, _JITTER, self._state.step])
        before = self._state.moved
        down, right = (int(each) for each in generator.integers(-self._reach, self._reach, 2, endpoint=True))
        self._state.moved = down, right
        return tf.roll(pictures, shift=(down - before[0], right - before[1]), axis=(1, 2))

    def apply_gradients(self, pairs: Iterable[tuple[tf.Tensor, tf.Variable]]) -> None:
        """Let the pictures take a step against their gradients, as an optimiser; no other input moves."""
        (gradients, pictures), *_ = pairs
        down, right = self._state.moved
        gradients = tf.roll(gradients, shift=(-down, -right), axis=(1, 2))
        self._velocity = _MOMENTUM * self._velocity + _RATE / (1 + self._state.step / _HALVING) * gradients
        pictures.assign_sub(tf.roll(self._velocity, shift=(down, right), axis=(1, 2)))

    def __call__(self, _: int, *ascent: Any, regularizations: Sequence[tuple[str, tf.Tensor]], **__: Any) -> None:
        """Record a step: tf-keras-vis calls it, with these names."""
        _values, _gradients, scores, _outputs = ascent
        self._scores.append(np.asarray(scores[0])[None])
        self._penalties.append(np.stack([np.asarray(value) for _, value in regularizations], axis=-1)[None])
        self._state.step += 1
        self._report(self._state.step)

    def ended(self, pictures: Pictures) -> MaximisationState:
        """The state at the end of the stretch."""
        scores, penalties = np.concatenate(self._scores), np.concatenate(self._penalties)
        velocity = self._velocity.numpy()
        return replace(self._state, pictures=pictures, velocity=velocity, scores=scores, penalties=penalties)
