"""The backbones: convolutional networks without their top, each with the input that it expects and its weights' source.

Sections 3.1 and 4.1 of the dissertation name the first three; the others are all image models of `keras.applications`
(Keras 3.15). Their rows, backbones.csv, are not asked of Keras, because settings are checked and stages compared before
TensorFlow, which takes seconds, is imported. Keras asks for the same files (tests/bookcover_core/models).
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from bookcover_core.errors import SettingsError, choose_among
from bookcover_core.settings import StudySettings

Preprocessing = Literal["tf", "torch", "caffe", "none", "unit", "clip"]

Scaling = tuple[tuple[float, ...], tuple[float, ...]]
"""Means and deviations of red, green and blue."""

IMAGENET_DEVIATION = (0.229, 0.224, 0.225)  # those of ImageNet: keras.applications.imagenet_utils, mode "torch"

CHANNELS: dict[str, Scaling] = {
    "torch": ((0.485, 0.456, 0.406), IMAGENET_DEVIATION),
    # Of the pictures that CLIP learnt from: openai/CLIP, clip.py.
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "tf": ((0.5,) * 3, (0.5,) * 3),
    "unit": ((0.0,) * 3, (1.0,) * 3),
    "none": ((0.0,) * 3, (1 / 255,) * 3),
}
"""What is subtracted from pixels of 0..1, and what they are then divided by, by `Preprocessing`."""

# Names of the layers before and behind a backbone, in a whole network.
PREPROCESSING, POOLING = "preprocessing", "pooling"


@dataclass(frozen=True)
class PublishedWeights:
    """ImageNet weights without the top, as Keras publishes them."""

    file: str  # name in Keras' cache
    address: str
    digest: str | None  # MD5 or SHA-256; none where Keras publishes none


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its top."""

    name: str
    size: int  # side of its square input in pixels
    channels: int  # channels of its last feature map, and so length of a pooled feature
    preprocessing: Preprocessing
    """How it wants pixels of 0..255. tf: scaled to -1..1. torch: scaled to 0..1, then normalised by ImageNet's mean and
    standard deviation, channel by channel. clip: the same with CLIP's. caffe: blue first, ImageNet's mean
    subtracted, not scaled. unit: scaled to 0..1. none: as they are, for its own first layers scale them."""
    weights: PublishedWeights
    builder: Callable[[int], Any]  # builds it for a side of its input

    def build(self) -> Any:
        """Its `keras.Model`: preprocessed pictures (n, size, size, 3) to maps (n, rows, columns, channels)."""
        return self.builder(self.size)


def _build(name: str, size: int) -> Any:
    """The network called `name`, whose layers keep the names that Keras gives them: weights are laid in by these."""
    from bookcover_core.models.resnext import resnext_50  # noqa: PLC0415 - TensorFlow takes seconds to import
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - as above

    if name == "ResNeXt50":
        return resnext_50(size)
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
    if name.startswith("EfficientNetB"):
        model = _as_published(model)
    # Some constructors choose layers by the name that they are given, so that it is set afterwards. Keras 3 no longer
    # builds ResNeXt50, but still lists its weights.
    return keras.Model(model.input, model.output, name=name)


def _as_published(model: Any) -> Any:
    """An EfficientNet of the first version with the layer that Keras gives it for the published weights alone."""
    # In these weights the `Normalization` of the pixels holds deviations where it wants variances, and so divides by
    # their square roots. Keras divides by those once more in a `Rescaling` behind it, but only with weights="imagenet",
    # which downloads.
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        outputs = layer(*inputs, **options)
        if isinstance(layer, keras.layers.Normalization):
            outputs = keras.layers.Rescaling([deviation**-0.5 for deviation in IMAGENET_DEVIATION])(outputs)
        return outputs

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _read_table() -> dict[str, Backbone]:
    with Path(__file__).with_name("backbones.csv").open(encoding="ascii", newline="") as table:
        return {
            row["name"]: Backbone(
                row["name"],
                int(row["size"]),
                int(row["channels"]),
                cast("Preprocessing", row["preprocessing"]),
                PublishedWeights(row["file"], row["address"], row["digest"] or None),
                partial(_build, row["name"]),
            )
            for row in csv.DictReader(table)
        }


BACKBONES = _read_table()
"""All backbones by name, those of the dissertation first."""


def pretrained(settings: StudySettings) -> list[str]:
    """The networks of a study that have learnt already: backbones and encoders."""
    encoders = {each.name for each in settings.models.encoders}
    return [name for name in settings.training.backbones if name in BACKBONES or name in encoders]


def find_backbone(name: str, size: int = 0, *, others: Iterable[str] = ()) -> Backbone:
    """The backbone called `name`, with the side of its input in pixels, 75 or more; 0: that which it was published for.

    `SettingsError` names those that are spelt alike, and all that there are, `others` that may stand in its place too.
    """
    if name not in BACKBONES:
        what = f"there is no backbone called {name!r}"
        advice = choose_among(name, (*BACKBONES, *others))
        raise SettingsError(what, where="training.backbones or comparison.backbone", advice=advice)
    return replace(BACKBONES[name], size=size) if size else BACKBONES[name]
