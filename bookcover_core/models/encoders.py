"""Encoders that people bring (`models.encoders`): networks in files, from pictures to features, used as they are.

An ONNX file is computed by OpenVINO, a `.keras` file by either engine. Nothing is known of its blocks, so that it is
neither fine-tuned nor explained.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bookcover_core.errors import SettingsError
from bookcover_core.models.backbones import BACKBONES, CHANNELS, Backbone, PublishedWeights, find_backbone
from bookcover_core.models.inference_engine import (
    Engine,
    Floats,
    OpenVinoNetwork,
    Pictures,
    choose_engine,
    is_channels_first,
)
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.reading.openvino_runtime import load_openvino
from bookcover_core.settings import EncoderSettings, ModelSettings, Precision

_TRIED = 2  # pictures that an encoder is tried with


@dataclass(frozen=True)
class Encoder(Backbone):
    """A network in a file. How many channels it has is known only when it has been asked."""

    file: Path
    output: str  # as in `EncoderSettings`

    @classmethod
    def of(cls, given: EncoderSettings) -> "Encoder":
        """The encoder that the settings describe."""
        file = Path(given.file).expanduser()
        published, build = PublishedWeights(file.name, "", None), partial(_load_keras, file, given.output)
        return cls(given.name, given.size, 0, given.scaling, published, build, file, given.output)

    @property
    def is_onnx(self) -> bool:
        """Whether OpenVINO alone computes it."""
        return self.file.suffix.lower() == ".onnx"

    def network(self, engine: Engine) -> Callable[[Pictures], Floats]:
        """Pictures (n, rows, columns, 3) in 0..255 to features (n, channels); TensorFlow wants them in its own size."""
        if self.is_onnx:
            return self.onnx_network(engine.precision)
        from bookcover_core.models.networks import build_pooled  # noqa: PLC0415 - imports TensorFlow

        pooled = build_pooled(self, self.build())
        if engine.name == "openvino":
            return OpenVinoNetwork.of_keras(pooled, engine.precision)
        return lambda pictures: pooled(pictures, training=False).numpy()

    def onnx_network(self, precision: Precision) -> OpenVinoNetwork:
        """The network in an ONNX file, to pooled features; not quantised, whatever the precision."""
        return OpenVinoNetwork(partial(_load_onnx, self), self.size, precision, CHANNELS[self.preprocessing])


def find_network(models: ModelSettings, name: str, *, others: Iterable[str] = ()) -> Backbone:
    """The encoder or backbone called `name`, with the input size of the settings; raises as `find_backbone` does."""
    for given in models.encoders:
        if given.name == name:
            return Encoder.of(given)
    return find_backbone(name, models.input_size, others=(*(each.name for each in models.encoders), *others))


def check_encoder(models: ModelSettings, encoder: Encoder) -> None:
    """Raise `SettingsError` unless an encoder can be used: it takes such pictures, in any number, and gives numbers."""
    engine = choose_engine(models)
    if encoder.name in {*BACKBONES, *SCRATCH, "Title", "TitleAuthor", "CoverText", "CoverAlone", "CoverAndTitle"}:
        raise _fault(encoder, "has the name of another system", "Call it otherwise.")
    if not encoder.file.is_file():
        raise _fault(encoder, "is not there", "Correct the path.")
    if encoder.file.suffix.lower() not in {".onnx", ".keras"}:
        raise _fault(encoder, "is neither .onnx nor .keras", "Export the network to one of these.")
    if encoder.is_onnx and engine.name != "openvino":
        raise _fault(
            encoder,
            "is ONNX, which OpenVINO computes, and TensorFlow is to compute here",
            'Install `pip install "bookcover[openvino]"` and set models.engine=openvino.',
        )
    try:
        _check_input(encoder)
        noise = np.random.default_rng(0).integers(0, 256, (_TRIED, encoder.size, encoder.size, 3), np.uint8)
        features = encoder.network(engine)(noise)
    except SettingsError:
        raise
    except Exception as error:  # whatever the file makes OpenVINO or Keras say
        reason = " ".join(str(error).split())[:300]
        raise _fault(encoder, f"cannot be read or computed ({reason})", "Export it anew.") from error
    if features.ndim != 2:
        raise _fault(
            encoder,
            f"gives features of the shape {features.shape} for {_TRIED} pictures",
            "Name an output that gives one vector, or one map of features, for each picture.",
        )
    if not np.isfinite(features).all():
        raise _fault(encoder, "gives features that are no numbers", "Take other weights, or another scaling.")


def _check_input(encoder: Encoder) -> None:
    if encoder.is_onnx:
        given = [each.partial_shape for each in load_openvino().Core().read_model(encoder.file).inputs]
        shapes = [[None if side.is_dynamic else side.get_length() for side in shape] for shape in given]
    else:
        shapes = [each.shape for each in encoder.build().inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or 3 not in (shapes[0][1], shapes[0][3]):
        raise _fault(encoder, f"takes {shapes}, not pictures alone", "Export what takes (n, 3, side, side) pixels.")
    number, *sides = [side for side in shapes[0] if side != 3]
    if number is not None:
        raise _fault(encoder, f"takes {number} pictures at a time and no other number", "Export it for any number.")
    if {*sides} - {None, encoder.size}:
        raise _fault(encoder, f"takes pictures of {sides} pixels, not {encoder.size}", "Correct its size.")


def _load_onnx(encoder: Encoder) -> Any:
    """The `openvino.Model` from pixels to features; maps are averaged."""
    openvino = load_openvino()
    from openvino import opset13  # noqa: PLC0415 - an extra

    model = openvino.Core().read_model(encoder.file)
    names = [name for each in model.outputs for name in sorted(each.names)]
    if encoder.output and encoder.output not in names:
        raise _fault(encoder, f"has no output called {encoder.output!r}", f"Its outputs are {', '.join(names)}.")
    found = model.output(encoder.output or 0).get_node().input_value(0)
    if len(found.partial_shape) == 4:
        rows = 2 if is_channels_first(model) else 1
        found = opset13.reduce_mean(found, [rows, rows + 1], keep_dims=False).output(0)
    return openvino.Model([found], model.get_parameters())


def _load_keras(file: Path, output: str, _size: int) -> Any:
    """The `keras.Model` in a file, which runs no code of its own, up to the layer called `output` if one is named."""
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - slow

    model = keras.saving.load_model(file, compile=False, safe_mode=True)
    return keras.Model(model.inputs, model.get_layer(output).output) if output else model


def _fault(encoder: Encoder, what: str, advice: str) -> SettingsError:
    what = f"the encoder {encoder.name} ({encoder.file.name}) {what}"
    return SettingsError(what, where="models.encoders", advice=advice)
