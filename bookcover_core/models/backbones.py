"""The backbones: convolutional networks without their top, each with the input that it expects and its weights' source.

What a network wants of its pictures (side, preprocessing) stands beside its builder, because a backbone fed with
another's preprocessing still runs, only badly. Sections 3.1 and 4.1 of the dissertation name the three networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bookcover_core.errors import SettingsError

# Where Keras publishes the weights of keras.applications.
_KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class PublishedWeights:
    """ImageNet weights without the top, as Keras publishes them."""

    file: str
    """Name of the file, in the release and in Keras' cache."""
    folder: str
    """Address of the folder that it is downloaded from."""
    md5: str | None
    """MD5 of the file; none where Keras publishes none."""

    @property
    def address(self) -> str:
        """Address of the file."""
        return f"{self.folder}/{self.file}"


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its top."""

    name: str
    """Name in settings, tables and folders."""
    size: int
    """Side of its square input in pixels."""
    channels: int
    """Channels of its last feature map, and so length of a pooled feature."""
    preprocessing: Literal["tf", "torch"]
    """How it wants pixels of 0..255: tf: scaled to -1..1. torch: scaled to 0..1, then normalised by ImageNet's mean and
    standard deviation, channel by channel."""
    weights: PublishedWeights
    """Its weights, trained on ImageNet."""
    build: Callable[[], Any]
    """Gives the network as a `keras.Model` with weights of no use yet: pictures (n, size, size, 3), preprocessed, to
    feature maps (n, rows, columns, channels)."""


def _mobilenet_v2() -> Any:
    from bookcover_core.models.engine import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    return keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(224, 224, 3), name="MobileNetV2"
    )


def _inception_resnet_v2() -> Any:
    from bookcover_core.models.engine import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    return keras.applications.InceptionResNetV2(
        include_top=False, weights=None, input_shape=(299, 299, 3), name="InceptionResNetV2"
    )


def _resnext_50() -> Any:
    from bookcover_core.models.resnext import resnext_50  # noqa: PLC0415 - TensorFlow takes seconds to import

    return resnext_50(size=224, name="ResNeXt50")


# File names and MD5s: keras.applications.inception_resnet_v2 and keras.applications.resnet (which still lists those of
# ResNeXt50), Keras 3.15. keras.applications.mobilenet_v2 publishes no digest.
BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="MobileNetV2",
            size=224,
            channels=1280,
            preprocessing="tf",
            weights=PublishedWeights(
                file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
                folder=f"{_KERAS_APPLICATIONS}/mobilenet_v2",
                md5=None,
            ),
            build=_mobilenet_v2,
        ),
        Backbone(
            name="InceptionResNetV2",
            size=299,
            channels=1536,
            preprocessing="tf",
            weights=PublishedWeights(
                file="inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
                folder=f"{_KERAS_APPLICATIONS}/inception_resnet_v2",
                md5="d19885ff4a710c122648d3b5c3b684e4",
            ),
            build=_inception_resnet_v2,
        ),
        Backbone(
            name="ResNeXt50",
            size=224,
            channels=2048,
            preprocessing="torch",
            weights=PublishedWeights(
                file="resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5",
                folder=f"{_KERAS_APPLICATIONS}/resnet",
                md5="62527c363bdd9ec598bed41947b379fc",
            ),
            build=_resnext_50,
        ),
    )
}


def find_backbone(name: str) -> Backbone:
    """The backbone called `name`.

    Raises:
        SettingsError: There is none; the message names those that there are.
    """
    if name not in BACKBONES:
        raise SettingsError(
            f"there is no backbone called {name!r}",
            where="training.backbones or comparison.backbone",
            advice=f"Choose among {', '.join(BACKBONES)}.",
        )
    return BACKBONES[name]
