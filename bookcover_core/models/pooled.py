"""From pixels to pooled features: preprocessing as the backbone wants it, the backbone, global average pooling."""

from bookcover_core.models.backbones import Backbone
from bookcover_core.models.engine import keras

# Means and standard deviations of ImageNet's channels: keras.applications.imagenet_utils, mode "torch".
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

# Names of the layers before and behind the backbone.
PREPROCESSING, POOLING = "preprocessing", "pooling"


def build_preprocessing(backbone: Backbone) -> keras.layers.Layer:
    """The layer that takes pixels of 0..255 to what `backbone` expects."""
    if backbone.preprocessing == "tf":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=PREPROCESSING)
    return keras.layers.Rescaling(
        [1 / (255 * deviation) for deviation in _IMAGENET_DEVIATION],
        offset=[-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, _IMAGENET_DEVIATION, strict=True)],
        name=PREPROCESSING,
    )


def build_pooled(backbone: Backbone, network: keras.Model) -> keras.Model:
    """Pictures (n, size, size, 3) in 0..255 to pooled features (n, channels): section 4.1, but for the head.

    Args:
        backbone: What the network expects.
        network: The network itself, from `models.weights.build_backbone`.
    """
    pictures = keras.Input((backbone.size, backbone.size, 3), name="pictures")
    maps = network(build_preprocessing(backbone)(pictures))
    return keras.Model(
        pictures, keras.layers.GlobalAveragePooling2D(name=POOLING)(maps), name=f"{backbone.name}-pooled"
    )
