"""The way from prepared pictures to pooled features: a frozen backbone, compiled for inference."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import StageOrderError, WeightsError
from bookcover_core.models.backbones import Backbone
from bookcover_core.models.encoders import Encoder
from bookcover_core.models.inference_engine import OpenVinoNetwork, check_engine, choose_engine
from bookcover_core.models.input_pipeline import find_unreadable, picture_batches
from bookcover_core.models.networks import build_pooled
from bookcover_core.models.tensorflow_setup import keras, tf, without_chatter
from bookcover_core.models.weights import build_backbone
from bookcover_core.settings import StudySettings
from bookcover_core.training.accelerator import PROCESSOR, Accelerator, find_accelerator, set_precision

# Parameters up to which a network's weights are made constants, so that TensorFlow folds batch normalisations into
# convolutions; features differ by rounding only. Folding keeps copies of the weights. Measured on two cores:
# InceptionResNetV2 (54 million) gains 7 % and takes 6.0 GB instead of 1.7, ResNeXt50 (23 million) gains 8 % and takes
# 3.2 GB instead of 1.6, MobileNetV2 (2 million) gains 25 % and takes 1.5 GB instead of 1.3.
_FOLDED_PARAMETERS = 10_000_000


class Extractor:
    """A backbone that gives pooled features of pictures.

    Computed by the engine that the settings choose, in int8 by the network in the file `quantised`; with an
    `accelerator`, by TensorFlow in that way.
    """

    def __init__(
        self,
        settings: StudySettings,
        backbone: Backbone,
        accelerator: Accelerator | None = None,
        quantised: Path | None = None,
    ) -> None:
        self._backbone, engine = backbone, choose_engine(settings.models)
        self._scales = accelerator is None and engine.name == "openvino"
        """Whether pictures are scaled by what computes."""
        if accelerator is None:
            check_engine(settings.models)
        self._accelerator = PROCESSOR if self._scales else accelerator or find_accelerator()
        self._compute: Callable[[Any], Any]
        if quantised is not None:
            self._compute = OpenVinoNetwork.of_file(quantised, backbone.size)
        elif self._scales and engine.precision == "int8":
            raise StageOrderError(
                f"{backbone.name} has not been quantised", where="features", advice="Run the stage `quantise` first."
            )
        elif self._scales:
            self._compute = openvino_network(settings, backbone)
        else:
            self._compute = _compile(build_pooled(backbone, build_backbone(settings, backbone)), self._accelerator)

    def extract(self, files: Sequence[Path], progress: Callable[[int], None]) -> npt.NDArray[np.float32]:
        """Pooled features (files, channels) of prepared pictures; `progress` is called with the number of those done.

        `StageOrderError` where a picture is missing or damaged, `WeightsError` where features are no numbers.
        """
        found, done = [], 0
        try:
            batch = OpenVinoNetwork.batch if self._scales else self._accelerator.batch
            device = self._accelerator.device
            for pictures in picture_batches(files, self._backbone.size, batch, device, scaled=not self._scales):
                found.append(np.asarray(self._compute(pictures.numpy() if self._scales else pictures)))
                done += len(found[-1])
                progress(done)
        except tf.errors.OpError as error:
            raise (find_unreadable(files[done:], self._backbone.size) or error) from error
        features = np.concatenate(found)
        if not np.isfinite(features).all():
            what = f"the weights of {self._backbone.name} give features that are no numbers"
            advice = "Take other weights: models.weight_files."
            raise WeightsError(what, where=self._backbone.name, advice=advice)
        return features


def openvino_network(settings: StudySettings, backbone: Backbone) -> OpenVinoNetwork:
    """A backbone with its weights, from pictures to pooled features; not quantised, whatever the precision."""
    if isinstance(backbone, Encoder) and backbone.is_onnx:
        return backbone.onnx_network(settings.models.precision)
    return OpenVinoNetwork.of_keras(
        build_pooled(backbone, build_backbone(settings, backbone)), settings.models.precision
    )


def _compile(network: keras.Model, accelerator: Accelerator) -> Callable[[tf.Tensor], tf.Tensor]:
    """A network from pictures (n, size, size, 3) in 0..255 to pooled features (n, channels), as a graph."""
    pictures = tf.TensorSpec(network.inputs[0].shape, tf.float32)
    graph = tf.function(
        lambda x: network(x, training=False), input_signature=[pictures], jit_compile=accelerator.jit_compile
    )
    set_precision(network, accelerator.precision)
    try:
        graph.get_concrete_function()
    finally:
        # The backbone is kept for the stages that follow.
        set_precision(network, "float32")
    if not accelerator.folds or network.count_params() >= _FOLDED_PARAMETERS:
        return graph  # type: ignore[no-any-return]  # TensorFlow ships no types
    # After `tensorflow_setup`, which keeps TensorFlow's start-up chatter to itself.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: PLC0415

    with without_chatter():
        constant = convert_variables_to_constants_v2(graph.get_concrete_function())
    return lambda pictures: constant(pictures)[0]
