"""From pixels to pooled features: preprocessing as the backbone wants it, the backbone, global average pooling."""

from bookcover_core.models.backbones import Backbone
from bookcover_core.models.keras_applications import IMAGENET_DEVIATION
from bookcover_core.models.tensorflow_setup import keras

# Means of ImageNet's channels: keras.applications.imagenet_utils, modes "torch" (red, green, blue; of 1) and "caffe"
# (blue, green, red; of 255).
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)

# Names of the layers before and behind the backbone.
PREPROCESSING, POOLING = "preprocessing", "pooling"


def build_preprocessing(backbone: Backbone) -> keras.layers.Layer:
    """The layer that takes pixels of 0..255 to what `backbone` expects: `preprocess_input` of its Keras family."""
    match backbone.preprocessing:
        case "tf":
            return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name=PREPROCESSING)
        case "torch":
            return keras.layers.Rescaling(
                [1 / (255 * deviation) for deviation in IMAGENET_DEVIATION],
                offset=[-mean / deviation for mean, deviation in zip(_IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)],
                name=PREPROCESSING,
            )
        case "caffe":
            pixels = keras.Input((None, None, 3))
            centred = keras.layers.Rescaling(1.0, offset=[-mean for mean in _IMAGENET_MEAN_BGR])
            return keras.Model(pixels, centred(keras.ops.flip(pixels, axis=-1)), name=PREPROCESSING)
        case "none":
            return keras.layers.Rescaling(1.0, name=PREPROCESSING)


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
