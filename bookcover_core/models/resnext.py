"""ResNeXt-50 (32x4d), which Keras 3 no longer builds: Xie et al., "Aggregated residual transformations", CVPR 2017.

Layout and names of layers are those of keras-applications 1.0.8, whose published weights fit. A grouped convolution is
a depthwise one whose outputs are summed group by group: on a CPU its gradient takes a twentieth of the time.
"""

from bookcover_core.models.tensorflow_setup import keras

# ResNeXt-50 (32x4d): groups of a convolution, and (name, filters, blocks, first stride) of the four stacks.
GROUPS = 32
STACKS = (("conv2", 128, 3, 1), ("conv3", 256, 4, 2), ("conv4", 512, 6, 2), ("conv5", 1024, 3, 2))

_EPSILON = 1.001e-5  # the epsilon of every batch normalisation in keras-applications' residual networks


def resnext_50(size: int) -> keras.Model:
    """ResNeXt-50 without its top: pictures (n, size, size, 3) to feature maps (n, size / 32, size / 32, 2048)."""
    layers = keras.layers
    pictures = layers.Input((size, size, 3))
    x = layers.ZeroPadding2D(3, name="conv1_pad")(pictures)
    x = layers.Activation("relu", name="conv1_relu")(_convolution(x, 64, 7, 2, name="conv1"))
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stack, filters, blocks, stride in STACKS:
        for block in range(1, blocks + 1):
            x = _block(x, filters, stride if block == 1 else 1, shortcut=block == 1, name=f"{stack}_block{block}")
    return keras.Model(pictures, x, name="ResNeXt50")


def _block(x: keras.KerasTensor, filters: int, stride: int, *, shortcut: bool, name: str) -> keras.KerasTensor:
    """A residual block: 1x1 down, 3x3 in groups, 1x1 up, with a convolution beside it where `shortcut` says so."""
    layers = keras.layers
    beside = _convolution(x, 2 * filters, 1, stride, name=f"{name}_0") if shortcut else x
    x = layers.Activation("relu", name=f"{name}_1_relu")(_convolution(x, filters, 1, name=f"{name}_1"))
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = grouped_convolution(x, filters, stride, name=f"{name}_2_conv")
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_2_bn")(x)
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = layers.Add(name=f"{name}_add")([beside, _convolution(x, 2 * filters, 1, name=f"{name}_3")])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _convolution(x: keras.KerasTensor, filters: int, side: int, stride: int = 1, *, name: str) -> keras.KerasTensor:
    """A convolution without bias, and its batch normalisation."""
    x = keras.layers.Conv2D(filters, side, strides=stride, use_bias=False, name=f"{name}_conv")(x)
    return keras.layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)


def grouped_convolution(x: keras.KerasTensor, filters: int, stride: int, *, name: str) -> keras.KerasTensor:
    """A 3x3 convolution of `filters` channels in 32 groups, without bias or padding.

    Channel i of a group gives one product for each of the group's c outputs (the depthwise part); output j of the group
    is the sum of the j-th products of its c channels.
    """
    width = filters // GROUPS
    x = keras.layers.DepthwiseConv2D(3, strides=stride, depth_multiplier=width, use_bias=False, name=name)(x)
    rows, columns = x.shape[1:3]
    x = keras.layers.Reshape((rows, columns, GROUPS, width, width))(x)
    x = keras.ops.sum(x, axis=4)
    return keras.layers.Reshape((rows, columns, filters))(x)
