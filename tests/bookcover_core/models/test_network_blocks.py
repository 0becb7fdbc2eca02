"""Blocks are found in the graph of any network, and training the top of it leaves the rest alone."""

import pytest

from bookcover_core.models.network_blocks import find_blocks, unfreeze_top
from bookcover_core.models.resnext import resnext_50
from bookcover_core.models.tensorflow_setup import keras


@pytest.fixture(scope="module")
def mobilenet():
    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))


def last_layers(network):
    return [block[-1] for block in find_blocks(network)]


def test_mobilenet_has_its_seventeen_blocks_and_the_last_convolution(mobilenet):
    """Chains are cut at linear bottlenecks: block_16 from Conv_1, and the stem from block_1."""
    blocks = find_blocks(mobilenet)
    assert [block[0] for block in blocks[1:]] == [*(f"block_{number}_expand" for number in range(1, 17)), "Conv_1"]
    assert blocks[0][-1] == "expanded_conv_project_BN"
    assert [name for block in blocks for name in block] == [layer.name for layer in mobilenet.layers]


def test_resnext_has_its_sixteen_blocks():
    """A residual block ends where its sum has been rectified."""
    blocks = [
        f"conv{stack}_block{n}_out" for stack, count in ((2, 3), (3, 4), (4, 6), (5, 3)) for n in range(1, count + 1)
    ]
    assert last_layers(resnext_50(size=32))[1:] == blocks


def test_inception_blocks_are_found_in_a_graph_without_names():
    """Sums by a layer of one's own and concatenations within a block are what InceptionResNetV2 has."""
    layers = keras.layers

    class Scaled(layers.Layer):
        def call(self, inputs):
            return inputs[0] + 0.1 * inputs[1]

    pictures = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="stem")(pictures)
    for number in range(3):
        branches = [layers.Conv2D(4, side, padding="same", activation="relu")(x) for side in (1, 3)]
        up = layers.Conv2D(4, 1)(layers.Concatenate()(branches))
        x = Scaled(name=f"sum{number}")([x, up])
    network = keras.Model(pictures, layers.Conv2D(4, 1, name="end")(x))
    assert last_layers(network) == ["stem", "sum0", "sum1", "sum2", "end"]


def test_chains_are_cut_behind_poolings_and_before_depthwise_convolutions():
    """VGG's blocks end with a pooling; each of MobileNet's begins with a depthwise convolution."""
    layers = keras.layers
    pictures = x = keras.Input((16, 16, 3))
    for number in (1, 2):
        for name in "ab":
            x = layers.Conv2D(4, 3, padding="same", activation="relu", name=f"conv{number}{name}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    for number in (1, 2, 3):
        x = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{number}")(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Conv2D(4, 1, activation="relu", name=f"pointwise{number}")(x)
    found = last_layers(keras.Model(pictures, x))
    assert found == ["pool1", "pool2", "pointwise1", "pointwise2", "pointwise3"]


def test_gates_join_no_block():
    """The product of a tensor with its own gate is within a block: squeeze and excitation, hard swish."""
    layers = keras.layers
    pictures = x = keras.Input((16, 16, 3))
    for number in (1, 2):
        x = layers.Conv2D(4, 1, activation="relu", name=f"expand{number}")(x)
        gate = layers.Conv2D(4, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        x = layers.Multiply()([x, gate])
        x = layers.BatchNormalization(name=f"end{number}")(layers.Conv2D(4, 1)(x))
    assert last_layers(keras.Model(pictures, x)) == ["end1", "end2"]


def test_unfreezing_takes_the_top_and_no_normalisation(mobilenet):
    """Two blocks are block_16 and Conv_1; their batch normalisations and everything below stay frozen."""
    trained = unfreeze_top(mobilenet, 2)
    assert trained == ["block_16_expand", "block_16_depthwise", "block_16_project", "Conv_1"]
    assert len(mobilenet.trainable_variables) == 4
    assert unfreeze_top(mobilenet, 0) == []
    assert mobilenet.trainable_variables == []


def test_more_blocks_than_there_are_is_the_whole_network(mobilenet):
    """All convolutions are trained then, and still no batch normalisation."""
    convolutions = [layer.name for layer in mobilenet.layers if "Conv" in type(layer).__name__]
    assert unfreeze_top(mobilenet, 1_000) == convolutions
    assert not any(layer.trainable for layer in mobilenet.layers if isinstance(layer, keras.layers.BatchNormalization))
