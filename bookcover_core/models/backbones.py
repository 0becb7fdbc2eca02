"""The backbones: convolutional networks without their top, each with the input that it expects and its weights' source.

What a network wants of its pictures (side, preprocessing) stands beside its name, because a backbone fed with another's
preprocessing still runs, only badly. Sections 3.1 and 4.1 of the dissertation name the first three; the others are all
image models of `keras.applications`. Their rows are written out, rather than asked of Keras, because settings are
checked, errors name files and digests, and stages are compared before TensorFlow, which takes seconds, is imported.
Keras asks for the same files (tests/bookcover_core/models/test_backbones.py).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

from bookcover_core.errors import SettingsError, choose_among
from bookcover_core.settings import StudySettings

Preprocessing = Literal["tf", "torch", "caffe", "none", "unit", "clip"]

# The networks of the dissertation: section 3.1.
DISSERTATION = ("MobileNetV2", "InceptionResNetV2", "ResNeXt50")

# Where Keras publishes the weights of keras.applications.
_KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"

Scaling = tuple[tuple[float, ...], tuple[float, ...]]
"""Means and deviations of red, green and blue."""

# Those of ImageNet: keras.applications.imagenet_utils, mode "torch".
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

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
    standard deviation, channel by channel. clip: the same with CLIP's. caffe: blue first, ImageNet's mean
    subtracted, not scaled. unit: scaled to 0..1. none: as they are, for its own first layers scale them."""
    weights: PublishedWeights
    """Its weights, trained on ImageNet."""
    builder: Callable[[int], Any]
    """Builds it for a side of its input."""

    def build(self) -> Any:
        """The network as a `keras.Model` with weights of no use yet. Nothing is downloaded.

        It takes pictures (n, size, size, 3), preprocessed, and gives feature maps (n, rows, columns, channels).
        """
        return self.builder(self.size)


# A module of keras.applications (Keras 3.15): its name, its preprocessing, and the folder of its weights where that is
# not called like the module. Below it, its models: name, side, channels, file (most end in *), digest, and the name of
# the file that is downloaded, if that is another. mobilenet and mobilenet_v2 publish no digest; convnext publishes
# SHA-256, the others MD5. Keras 3 no longer builds ResNeXt50; keras.applications.resnet still lists its weights.
_TABLE = """
convnext none
ConvNeXtTiny 224 768 convnext_tiny_notop.h5 d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1
ConvNeXtSmall 224 768 convnext_small_notop.h5 6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab
ConvNeXtBase 224 1024 convnext_base_notop.h5 40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45
ConvNeXtLarge 224 1536 convnext_large_notop.h5 96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd
ConvNeXtXLarge 224 2048 convnext_xlarge_notop.h5 de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05

densenet torch
DenseNet121 224 1024 densenet121* 30ee3e1110167f948a6b9946edeeb738
DenseNet169 224 1664 densenet169* b8c4d4c20dd625c148057b9ff1c1176b
DenseNet201 224 1920 densenet201* c13680b51ded0fb44dff2d8f86ac8bb1

efficientnet none https://storage.googleapis.com/keras-applications
EfficientNetB0 224 1280 efficientnetb0_notop.h5 50bc09e76180e00e4465e1a485ddc09d
EfficientNetB1 240 1280 efficientnetb1_notop.h5 74c4e6b3e1f6a1eea24c589628592432
EfficientNetB2 260 1408 efficientnetb2_notop.h5 111f8e2ac8aa800a7a99e3239f7bfb39
EfficientNetB3 300 1536 efficientnetb3_notop.h5 af6d107764bb5b1abb91932881670226
EfficientNetB4 380 1792 efficientnetb4_notop.h5 ebc24e6d6c33eaebbd558eafbeedf1ba
EfficientNetB5 456 2048 efficientnetb5_notop.h5 38879255a25d3c92d5e44e04ae6cec6f
EfficientNetB6 528 2304 efficientnetb6_notop.h5 9ecce42647a20130c1f39a5d4cb75743
EfficientNetB7 600 2560 efficientnetb7_notop.h5 cbcfe4450ddf6f3ad90b1b398090fe4a

efficientnet_v2 none
EfficientNetV2B0 224 1280 efficientnetv2-b0_notop.h5 893217f2bb855e2983157299931e43ff
EfficientNetV2B1 240 1280 efficientnetv2-b1_notop.h5 0e80663031ca32d657f9caa404b6ec37
EfficientNetV2B2 260 1408 efficientnetv2-b2_notop.h5 1dfe2e7a5d45b6632553a8961ea609eb
EfficientNetV2B3 300 1536 efficientnetv2-b3_notop.h5 f6abf7b5849ac99a89b50dd3fd532856
EfficientNetV2S 384 1280 efficientnetv2-s_notop.h5 af0682fb74e8c54910f2d4393339c070
EfficientNetV2M 480 1280 efficientnetv2-m_notop.h5 1b8dc055df72dde80d614482840fe342
EfficientNetV2L 480 1280 efficientnetv2-l_notop.h5 b0b66b5c863aef5b46e8608fe1711615

inception_resnet_v2 tf
InceptionResNetV2 299 1536 inception_resnet_v2* d19885ff4a710c122648d3b5c3b684e4

inception_v3 tf
InceptionV3 299 2048 inception_v3* bcbd6486424b2319ff4ef7d526e38f63

mobilenet tf
MobileNet 224 1024 mobilenet_1_0_224_tf_no_top.h5 -

mobilenet_v2 tf
MobileNetV2 224 1280 mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5 -

mobilenet_v3 none
MobileNetV3Small 224 576 weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5 d3e8ec802a04aa4fc771ee12a9a9b836
MobileNetV3Large 224 960 weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5 07fb09a5933dd0c8eaafa16978110389

nasnet tf
NASNetMobile 224 1056 nasnet_mobile_no_top.h5 1ed92395b5b598bdda52abe5c0dbfd63 NASNet-mobile-no-top.h5
NASNetLarge 331 4032 nasnet_large_no_top.h5 d81d89dc07e6e56530c4e77faddd61b5 NASNet-large-no-top.h5

resnext torch https://storage.googleapis.com/tensorflow/keras-applications/resnet
ResNeXt50 224 2048 resnext50* 62527c363bdd9ec598bed41947b379fc

resnet caffe
ResNet50 224 2048 resnet50* 4d473c1dd8becc155b73f8504c6f6626
ResNet101 224 2048 resnet101* 88cf7a10940856eca736dc7b7e228a21
ResNet152 224 2048 resnet152* ee4c566cf9a93f14d82f913c2dc6dd0c

resnet_v2 tf https://storage.googleapis.com/tensorflow/keras-applications/resnet
ResNet50V2 224 2048 resnet50v2* fac2f116257151a9d068a22e544a4917
ResNet101V2 224 2048 resnet101v2* c0ed64b8031c3730f411d2eb4eea35b5
ResNet152V2 224 2048 resnet152v2* ed17cf2e0169df9d443503ef94b23b33

vgg16 caffe
VGG16 224 512 vgg16* 6d6bbae143d832006294945121d1f1fc

vgg19 caffe
VGG19 224 512 vgg19* 253f8cb515780f3b799900260a226db6

xception tf
Xception 299 2048 xception* b0042744bf5b25fce3cb969f33bebb97
"""


def _read_table() -> dict[str, list[Backbone]]:
    """The backbones of `_TABLE`, by the module of keras.applications whose `preprocess_input` they want."""
    found = {}
    for block in _TABLE.strip().replace("*", "_weights_tf_dim_ordering_tf_kernels_notop.h5").split("\n\n"):
        (module, preprocessing, *elsewhere), *rows = (line.split() for line in block.splitlines())
        folder = elsewhere[0] if elsewhere else f"{_KERAS_APPLICATIONS}/{module}"
        found[module] = [
            Backbone(
                name,
                int(size),
                int(channels),
                cast("Preprocessing", preprocessing),
                PublishedWeights(file, f"{folder}/{(*released, file)[0]}", digest.strip("-") or None),
                partial(_build, name),
            )
            for name, size, channels, file, digest, *released in rows
        ]
    return found


def _build(name: str, size: int) -> Any:
    """The network called `name`, whose layers keep the names that Keras gives them: weights are laid in by these.

    Some constructors of keras.applications choose layers by the name that they are given, so that it is set afterwards.
    """
    from bookcover_core.models.resnext import resnext_50  # noqa: PLC0415 - TensorFlow takes seconds to import
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - as above

    if name == "ResNeXt50":
        return resnext_50(size)
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
    if name.startswith("EfficientNetB"):
        model = _as_published(model)
    return keras.Model(model.input, model.output, name=name)


def _as_published(model: Any) -> Any:
    """An EfficientNet of the first version with the layer that Keras gives it for the published weights alone.

    In these weights the `Normalization` of the pixels holds deviations where it wants variances, and so divides by
    their square roots. Keras divides by those once more in a `Rescaling` behind it, but only with weights="imagenet",
    which downloads.
    """
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        outputs = layer(*inputs, **options)
        if isinstance(layer, keras.layers.Normalization):
            outputs = keras.layers.Rescaling([deviation**-0.5 for deviation in IMAGENET_DEVIATION])(outputs)
        return outputs

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


BY_MODULE = _read_table()
"""All backbones by their module of `keras.applications`."""

_ALL = {backbone.name: backbone for backbones in BY_MODULE.values() for backbone in backbones}

BACKBONES = {name: _ALL[name] for name in DISSERTATION} | _ALL
"""All backbones by name, those of the dissertation first."""


def pretrained(settings: StudySettings) -> list[str]:
    """The networks of a study that have learnt already: backbones and encoders."""
    encoders = {each.name for each in settings.models.encoders}
    return [name for name in settings.training.backbones if name in BACKBONES or name in encoders]


def find_backbone(name: str, size: int = 0, *, others: Iterable[str] = ()) -> Backbone:
    """The backbone called `name`.

    Args:
        name: As in settings.
        size: Side of its input in pixels (`models.input_size`), 75 or more; 0: the one that it was published for.
        others: Names of networks that may stand in its place, for the message.

    Raises:
        SettingsError: There is none; the message names those that are spelt alike, and all that there are.
    """
    if name not in BACKBONES:
        raise SettingsError(
            f"there is no backbone called {name!r}",
            where="training.backbones or comparison.backbone",
            advice=choose_among(name, (*BACKBONES, *others)),
        )
    return replace(BACKBONES[name], size=size) if size else BACKBONES[name]
