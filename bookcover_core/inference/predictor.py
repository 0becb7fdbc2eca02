"""A trained network, loaded to predict: what it takes of a cover, and what it gives.

Importing this module imports TensorFlow.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bookcover_core.inference.preprocess import ReadCover
from bookcover_core.inference.similar_covers import embeds
from bookcover_core.models.extra_inputs import extra_values
from bookcover_core.models.feature_extractor import POOLING
from bookcover_core.models.input_pipeline import decode_picture
from bookcover_core.models.networks import load_model
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.settings import Preparation

# What a network gives.
_GENRES, _FEATURES = "genres", "features"

# Covers that are predicted layer by layer. For more, a graph is traced: that takes seconds, but then it is twice as
# fast, and does not hold on to every layer's output (3 GB of MobileNetV2's for 32 covers).
_FEW = 4

Floats = npt.NDArray[np.float32]

Run = Callable[[list[Floats]], dict[str, tf.Tensor]]
"""A network as a graph."""


class NetworkOutput(NamedTuple):
    """What a network gives for n covers."""

    probabilities: Floats
    """(n, genres)."""
    features: Floats | None
    """Pooled features (n, channels); None of a network whose features the study does not keep."""


@dataclass(frozen=True)
class NetworkInput:
    """A cover as a network takes it: pictures (size, size, 3) in 0..255 by preparation and size."""

    cover: ReadCover
    pictures: dict[tuple[Preparation, int], Floats]


def as_pictures(cover: ReadCover, inputs: Iterable[tuple[Preparation, int]]) -> NetworkInput:
    """The cover as networks with these inputs (preparation and side in pixels) take it."""
    return NetworkInput(cover, {(how, size): decode_picture(cover.squares[how], size).numpy() for how, size in inputs})


class LoadedNetwork:
    """A trained network in a folder, ready to predict."""

    def __init__(self, folder: Path) -> None:
        self.model, self.card = load_model(folder)
        self.input = (Preparation(self.card.preparation), self.card.input_size)
        outputs = {_GENRES: self.model.output}
        if embeds(self.card):
            outputs[_FEATURES] = self.model.get_layer(POOLING).output
        self._plain = keras.Model(self.model.inputs, outputs)
        self._graph: Run | None = None

    def predict(self, covers: Sequence[NetworkInput]) -> NetworkOutput:
        """What the network gives for these covers."""
        inputs = self.inputs(covers)
        if self._graph is None and len(covers) > _FEW:
            signature = [[tf.TensorSpec(each.shape, tf.float32) for each in self.model.inputs]]
            self._graph = tf.function(lambda given: self._plain(given, training=False), input_signature=signature)
        found = self._graph(inputs) if self._graph else self._plain(inputs, training=False)
        features = found[_FEATURES].numpy() if _FEATURES in found else None
        return NetworkOutput(found[_GENRES].numpy(), features)

    def inputs(self, covers: Sequence[NetworkInput]) -> list[Floats]:
        """What the network takes: pictures and, where its head has extra inputs, measurements."""
        taken: list[Floats] = [np.stack([ready.pictures[self.input] for ready in covers])]
        if self.card.extra_inputs:
            taken.append(extra_values([ready.cover.measurements for ready in covers], self.card.extra_inputs))
        return taken
