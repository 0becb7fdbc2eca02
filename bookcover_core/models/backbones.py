"""The backbones: convolutional networks without their top, each with the input that it expects and its weights' source.

What a network wants of its pictures (side, preprocessing) stands beside its builder, because a backbone fed with
another's preprocessing still runs, only badly. Sections 3.1 and 4.1 of the dissertation name the first three; the
others are all image models that Keras brings (`applications`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from bookcover_core.errors import SettingsError
from bookcover_core.models.keras_applications import (
    FAMILIES,
    KERAS_APPLICATIONS,
    Application,
    ApplicationFamily,
    Preprocessing,
    build_application,
)

# The networks of the dissertation: section 3.1.
DISSERTATION = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")


@dataclass(frozen=True)
class PublishedWeights:
    """ImageNet weights without the top, as Keras publishes them."""

    file: str
    """Name of the file in Keras' cache."""
    address: str
    """Address that it is downloaded from."""
    digest: str | None
    """MD5 or SHA-256 of the file; none where Keras publishes none."""

    @property
    def digest_in_words(self) -> str:
        """The digest with its kind, for people."""
        if self.digest is None:
            return "no digest published"
        return f"{'MD5' if len(self.digest) == 32 else 'SHA-256'} {self.digest}"


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its top."""

    name: str
    """Name in settings, tables and folders."""
    size: int
    """Side of its square input in pixels."""
    channels: int
    """Channels of its last feature map, and so length of a pooled feature."""
    preprocessing: Preprocessing
    """How it wants pixels of 0..255. tf: scaled to -1..1. torch: scaled to 0..1, then normalised by ImageNet's mean and
    standard deviation, channel by channel. caffe: blue first, ImageNet's mean subtracted, not scaled. none: as they
    are, for its own first layers scale them."""
    weights: PublishedWeights
    """Its weights, trained on ImageNet."""
    builder: Callable[[int], Any]
    """Builds it for a side of its input: see `build`."""

    def build(self) -> Any:
        """The network as a `keras.Model` with weights of no use yet. Nothing is downloaded.

        It takes pictures (n, size, size, 3), preprocessed, and gives feature maps (n, rows, columns, channels).
        """
        return self.builder(self.size)


def _resnext_50(size: int) -> Any:
    from bookcover_core.models.resnext import resnext_50  # noqa: PLC0415 - TensorFlow takes seconds to import

    return resnext_50(size=size, name="ResNeXt50")


def _of_keras(family: ApplicationFamily, application: Application) -> Backbone:
    name, size, channels, file, address, digest = application
    weights = PublishedWeights(file, address, digest)
    return Backbone(name, size, channels, family.preprocessing, weights, partial(build_application, name))


# Keras 3 no longer builds ResNeXt50; keras.applications.resnet still lists its weights.
_RESNEXT_50_FILE = "resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5"
_ALL = {
    "ResNeXt50": Backbone(
        name="ResNeXt50",
        size=224,
        channels=2048,
        preprocessing="torch",
        weights=PublishedWeights(
            file=_RESNEXT_50_FILE,
            address=f"{KERAS_APPLICATIONS}/resnet/{_RESNEXT_50_FILE}",
            digest="62527c363bdd9ec598bed41947b379fc",
        ),
        builder=_resnext_50,
    )
} | {application.name: _of_keras(family, application) for family in FAMILIES for application in family.applications}

BACKBONES = {name: _ALL[name] for name in DISSERTATION} | _ALL
"""All backbones by name, those of the dissertation first."""


def pretrained(names: Iterable[str]) -> list[str]:
    """Those of the networks called `names` that start from ImageNet's weights."""
    return [name for name in names if name in BACKBONES]


def find_backbone(name: str, size: int = 0, *, others: Iterable[str] = ()) -> Backbone:
    """The backbone called `name`.

    Args:
        name: Its name, as in settings.
        size: Side of its input in pixels (`models.input_size`), 75 or more; 0: the one that it was published for.
        others: Names of networks that may stand in its place, for the message.

    Raises:
        SettingsError: There is none; the message names those that are spelt alike, and all that there are.
    """
    if name not in BACKBONES:
        known = {network.casefold(): network for network in (*BACKBONES, *others)}
        near = [known[match] for match in get_close_matches(name.casefold(), known)]
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise SettingsError(
            f"there is no backbone called {name!r}",
            where="training.backbones or comparison.backbone",
            advice=f"{meant}Choose among {', '.join((*BACKBONES, *others))}.",
        )
    return replace(BACKBONES[name], size=size) if size else BACKBONES[name]
