"""Activation maximisation: pictures that a network scores higher for a genre than any cover (section 5.3).

tf-keras-vis does the gradient ascent: it moves a picture (an input modifier), computes the genre's score less the
regularisers' penalties, and steps along the gradient. This module adds, through the package's extension points:

- The network is compiled to a graph (`_compiled`): about twice as fast, several pictures together, each as if alone.
- The picture is cut to 0..255 before each step: the network never sees what cannot be printed.
- Jitter moves the picture about its place, where the package's own lets it wander off; momentum stays with the picture.
- Gradients are weighted (`_AsInPhotographs`): coarse shapes count for more than fine ones, lightness for more than
  colour, as they do in photographs (Olah et al. 2017, Distill, "Feature visualization", who ascend in other coordinates
  to the same end). Without it there is only fine noise in rainbow colours.
- L2 is the distance from grey. On pixels of 0..255 the package's own `Norm` would be the distance from black.
- Between stretches everything that the next step depends on is kept in a `MaximisationState`: a run that is cut off
  ends where it would have ended.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.activation_maximization.callbacks import Callback
from tf_keras_vis.activation_maximization.input_modifiers import InputModifier, Jitter
from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D
from tf_keras_vis.utils.scores import CategoricalScore

from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.visualisation.logits import average_measurements, to_logits
from bookcover_core.visualisation.maximisation_state import GREY, MaximisationState, Pictures

# Purpose of the generator that draws how far the pictures are moved at a step.
_JITTER = 602

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
_COLOURS = _COLOUR_ROOT @ _COLOUR_ROOT.T

# Keeps a gradient that is zero everywhere from being divided by zero.
_LEAST_STRENGTH = 1e-12


class ActivationMaximiser:
    """A network whose genre scores can be maximised."""

    def __init__(self, network: keras.Model, *, total_variation: float, l2: float, seed: int) -> None:
        logits = to_logits(network)
        self.size = int(logits.inputs[0].shape[1])
        self._names = [tensor.name for tensor in logits.inputs]
        self._measurements = average_measurements(network)
        self._maximisation = ActivationMaximization(logits, model_modifier=_compiled, clone=False)
        self._regularisers = [TotalVariation2D(total_variation), _DistanceFromGrey(l2)]
        self._weighing = _AsInPhotographs(self.size)
        self._seed = seed

    def ascend(
        self,
        state: MaximisationState,
        labels: Sequence[int],
        steps: int,
        report: Callable[[int], None] = lambda _step: None,
    ) -> MaximisationState:
        """The state after at least one more step towards the genres `labels`; `report` is told of every step done."""
        moving = _Moving(state.moved, self._seed, state.step, max(1, round(self.size * _REACH)))
        optimiser = _Momentum(state, moving)
        course = _Course(state.step, report)
        first, *others = self._names
        inputs: list[Pictures] = [state.pictures]
        modifiers: dict[str, list[Any]] = {first: [_cut, moving]}
        if self._measurements is not None:
            inputs.append(self._measurements.repeat(len(labels), axis=0))
            modifiers |= {name: [_Held(inputs[1])] for name in others}
        reached = self._maximisation(
            CategoricalScore(list(labels)),
            seed_input=inputs,
            input_range=None,
            input_modifiers=modifiers,
            regularizers={first: self._regularisers},
            steps=steps,
            optimizer=optimiser,
            gradient_modifier=self._weighing,
            callbacks=[course],
        )
        return MaximisationState(
            step=state.step + steps,
            pictures=np.asarray(_cut(reached[0])),
            moved=moving.moved,
            velocity=optimiser.velocity.numpy(),
            scores=np.concatenate([state.scores, course.scores]),
            penalties=np.concatenate([state.penalties, course.penalties]),
        )

    def score(self, pictures: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The scores (n, genres) of pictures (n, size, size, 3) in 0..255, as they are."""
        inputs = [np.asarray(pictures, np.float32)]
        if self._measurements is not None:
            inputs.append(self._measurements.repeat(len(inputs[0]), axis=0))
        return np.asarray(self._maximisation.model(inputs, training=False))


def _compiled(network: keras.Model) -> None:
    """Let `network` run as a graph, gradient included, whoever calls it."""
    network.call = tf.function(network.call, reduce_retracing=True)


def _cut(pictures: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(pictures, 0.0, 255.0)


class _Moving(Jitter):  # type: ignore[misc]  # tf-keras-vis ships no types
    """Jitter about the pictures' place, a function of seed and step: the same however the ascent is cut up."""

    def __init__(self, moved: tuple[int, int], seed: int, step: int, reach: int) -> None:
        super().__init__(reach)
        self.moved = moved
        self._seed = seed
        self._step = step

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        generator = np.random.default_rng([self._seed, _JITTER, self._step])
        down, right = (int(each) for each in generator.integers(-self.jitter, self.jitter, 2, endpoint=True))
        moved = tf.roll(pictures, shift=(down - self.moved[0], right - self.moved[1]), axis=(1, 2))
        self.moved = (down, right)
        self._step += 1
        return moved


class _Held(InputModifier):  # type: ignore[misc]  # tf-keras-vis ships no types
    """Holds an input that is no picture constant."""

    def __init__(self, value: npt.NDArray[np.float32]) -> None:
        self._value = tf.constant(value)

    def __call__(self, _seed_input: tf.Tensor) -> tf.Tensor:
        return self._value


class _DistanceFromGrey(Norm):  # type: ignore[misc]  # tf-keras-vis ships no types
    """The L2 norm of pictures, measured from grey."""

    def __init__(self, weight: float) -> None:
        super().__init__(weight, p=2, name="DistanceFromGrey")

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        return super().__call__(pictures - GREY)


class _AsInPhotographs:
    """Gradients (n, size, size, 3) with frequencies and colours weighted as photographs hold them, of one strength.

    Gradients of other inputs stay as they are.
    """

    def __init__(self, size: int) -> None:
        frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
        weights = tf.constant((np.maximum(frequencies, 1 / size) ** -_FALL).astype(np.complex64))
        variances, directions = np.linalg.eigh(_COLOURS)
        colours = tf.constant((directions * np.sqrt(variances)) @ directions.T, tf.float32)

        def weigh(gradients: tf.Tensor) -> tf.Tensor:
            planes = tf.transpose(tf.einsum("nrcd,de->nrce", gradients, colours), (0, 3, 1, 2))
            planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * weights, fft_length=(size, size))
            weighed = tf.transpose(planes, (0, 2, 3, 1))
            return weighed / (tf.math.reduce_std(weighed, axis=(1, 2, 3), keepdims=True) + _LEAST_STRENGTH)

        self._weigh = tf.function(weigh)

    def __call__(self, gradients: tf.Tensor) -> tf.Tensor:
        return self._weigh(gradients) if len(gradients.shape) == 4 else gradients


class _Momentum:
    """Gradient descent with momentum, which stays in the pictures' place while jitter moves them."""

    def __init__(self, state: MaximisationState, moving: _Moving) -> None:
        self.velocity = tf.constant(state.velocity)
        self._step = state.step
        self._moving = moving

    def apply_gradients(self, pairs: Iterable[tuple[tf.Tensor, tf.Variable]]) -> None:
        """Let the pictures take a step against their gradients; no other input moves."""
        gradients, pictures = next(iter(pairs))
        down, right = self._moving.moved
        gradients = tf.roll(gradients, shift=(-down, -right), axis=(1, 2))
        self.velocity = _MOMENTUM * self.velocity + _RATE / (1 + self._step / _HALVING) * gradients
        pictures.assign_sub(tf.roll(self.velocity, shift=(down, right), axis=(1, 2)))
        self._step += 1


class _Course(Callback):  # type: ignore[misc]  # tf-keras-vis ships no types
    """Scores (steps, n) and penalties (steps, n, 2) of every step of a stretch."""

    def __init__(self, before: int, report: Callable[[int], None]) -> None:
        self._before = before
        self._report = report
        self.scores: list[npt.NDArray[np.float32]] = []
        self.penalties: list[npt.NDArray[np.float32]] = []

    def __call__(self, i: int, *ascent: Any, regularizations: Sequence[tuple[str, tf.Tensor]], **_: Any) -> None:
        """Record step `i`: tf-keras-vis calls it, with these names."""
        _values, _gradients, scores, _outputs = ascent
        self.scores.append(np.asarray(scores[0]))
        self.penalties.append(np.stack([np.asarray(value) for _, value in regularizations], axis=-1))
        self._report(self._before + i + 1)
