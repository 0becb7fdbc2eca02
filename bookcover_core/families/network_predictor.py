"""A trained network of a folder, at work on covers from outside the study. Importing this module imports TensorFlow."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bookcover_core.families.prediction import Floats, PredictorInput, Square
from bookcover_core.models.backbones import POOLING
from bookcover_core.models.extra_inputs import extra_values
from bookcover_core.models.inference_engine import OpenVinoNetwork
from bookcover_core.models.model_cards import quantised_network
from bookcover_core.models.networks import before_genres, load_model
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.reading.openvino_runtime import openvino_version

logger = logging.getLogger(__name__)

_GENRES, _FEATURES = "genres", "features"  # what a network gives

# Covers that are looked at layer by layer. For more, a graph is made, by OpenVINO where it computed the study's
# features: that takes seconds, but is twice as fast, and keeps no layer's output (3 GB of MobileNetV2's for 32 covers).
_FEW = 4


class NetworkPredictor:
    """A trained network in a folder; raises `WeightsError` where its weights are missing, altered or of another."""

    def __init__(self, folder: Path) -> None:
        self.model, self.card = load_model(folder)
        self.square: Square = self.card.square
        self.squares = {self.square}
        outputs = {_GENRES: self.model.output}
        if self.card.is_frozen:
            outputs[_FEATURES] = self.model.get_layer(POOLING).output
        self._plain = keras.Model(self.model.inputs, outputs)
        self._engine = None
        if self.card.is_frozen and self.card.engine == "openvino" and openvino_version():
            if self.card.precision == "int8":
                self._engine = OpenVinoNetwork.of_file(quantised_network(folder, self.card), self.card.input_size)
            else:
                pooled = keras.Model(self.model.inputs[0], outputs[_FEATURES])
                self._engine = OpenVinoNetwork.of_keras(pooled, self.card.precision)
        elif self.card.precision != "float32":
            what = "%s: OpenVINO is not installed, so that features are not in %s, as the study's are, but in float32"
            logger.warning(what, self.card.name, self.card.precision)
        self._graph: Callable[[list[Floats]], dict[str, tf.Tensor]] | None = None

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, Floats | None]:
        """Probabilities (n, genres) and, if its backbone is frozen, pooled features (n, channels)."""
        inputs = self._inputs(covers)
        if self._engine and (len(covers) > _FEW or self.card.precision != "float32"):
            features = self._engine(inputs[0])
            return self.model.get_layer(_GENRES)(before_genres(self.model, features, *inputs[1:])).numpy(), features
        if self._graph is None and len(covers) > _FEW:
            signature = [[tf.TensorSpec(each.shape, tf.float32) for each in self.model.inputs]]
            self._graph = tf.function(lambda given: self._plain(given, training=False), input_signature=signature)
        found = self._graph(inputs) if self._graph else self._plain(inputs, training=False)
        return found[_GENRES].numpy(), found[_FEATURES].numpy() if _FEATURES in found else None

    def _inputs(self, covers: Sequence[PredictorInput]) -> list[Floats]:
        taken: list[Floats] = [np.stack([cover.pictures[self.square] for cover in covers])]
        if self.card.extra_inputs:
            taken.append(extra_values([cover.measurements for cover in covers], self.card.extra_inputs))
        return taken
