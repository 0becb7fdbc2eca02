"""ResNeXt-50 is the network that Keras' published weights were made for, in a form with a quick gradient."""

import h5py
import numpy as np
import pytest

from bookcover_core.errors import WeightsError
from bookcover_core.models.resnext import GROUPS, STACKS, grouped_convolution, resnext_50
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.models.weights import load_weights


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_and_sum_is_a_grouped_convolution(stride):
    """With its kernel converted, TensorFlow's own grouped convolution gives the same numbers."""
    generator = np.random.default_rng(2)
    pictures = generator.normal(size=(2, 9, 9, 128)).astype(np.float32)
    x = keras.Input((9, 9, 128))
    model = keras.Model(x, grouped_convolution(x, 128, stride, name="conv"))
    kernel = generator.normal(size=(3, 3, 128, 4)).astype(np.float32)
    model.get_layer("conv").set_weights([kernel])
    grouped = keras.layers.Conv2D(128, 3, strides=stride, groups=GROUPS, use_bias=False)
    grouped.build(pictures.shape)
    parts = kernel.reshape(3, 3, GROUPS, 4, 4).transpose(0, 1, 3, 2, 4)  # Keras groups outputs, not inputs
    grouped.set_weights([parts.reshape(3, 3, 4, 128)])
    np.testing.assert_allclose(model(pictures), grouped(pictures), atol=1e-4)


def test_a_gradient_reaches_the_picture():
    """Activation maximisation and Grad-CAM need gradients: they are finite and not all nought."""
    x = keras.Input((9, 9, 128))
    model = keras.Model(x, grouped_convolution(x, 128, 1, name="conv"))
    pictures = tf.ones((1, 9, 9, 128))
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        activation = tf.reduce_sum(model(pictures) ** 2)
    gradient = tape.gradient(activation, pictures).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@pytest.fixture(scope="module")
def network():
    return resnext_50(64)


def legacy_layers():
    """Names and shapes of the weights in resnext50_weights_tf_dim_ordering_tf_kernels_notop.h5, in its order."""

    def normalisation(name, channels):
        return name, {f"{name}/{part}:0": (channels,) for part in ("gamma", "beta", "moving_mean", "moving_variance")}

    def convolution(name, *shape, part="kernel"):
        return name, {f"{name}/{part}:0": shape}

    yield convolution("conv1_conv", 7, 7, 3, 64)
    yield normalisation("conv1_bn", 64)
    channels = 64
    for stack, filters, blocks, _ in STACKS:
        for number in range(1, blocks + 1):
            name = f"{stack}_block{number}"
            yield convolution(f"{name}_1_conv", 1, 1, channels, filters)
            yield normalisation(f"{name}_1_bn", filters)
            yield convolution(f"{name}_2_conv", 3, 3, filters, filters // 32, part="depthwise_kernel")
            yield normalisation(f"{name}_2_bn", filters)
            if number == 1:
                yield convolution(f"{name}_0_conv", 1, 1, channels, 2 * filters)
            yield convolution(f"{name}_3_conv", 1, 1, filters, 2 * filters)
            if number == 1:
                yield normalisation(f"{name}_0_bn", 2 * filters)
            yield normalisation(f"{name}_3_bn", 2 * filters)
            channels = 2 * filters


def write_legacy(file, layers):
    """An HDF5 file in the layout that Keras 2 wrote. Gives its arrays by layer."""
    generator = np.random.default_rng(4)
    written = {}
    with h5py.File(file, "w") as content:
        content.attrs["layer_names"] = np.array([name.encode() for name, _ in layers])
        content.attrs["backend"], content.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for name, weights in layers:
            group = content.create_group(name)
            group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
            written[name] = [generator.random(shape, dtype=np.float32) for shape in weights.values()]
            for weight, array in zip(weights, written[name], strict=True):
                group[weight] = array
    return written


@pytest.mark.parametrize("order", ["as published", "shortcuts last"])
def test_weights_in_the_published_layout_load(network, tmp_path, order):
    """Every array of a file in Keras 2's layout arrives in the layer of its name, whatever the order of the file."""
    layers = list(legacy_layers())
    if order == "shortcuts last":
        layers.sort(key=lambda layer: "_0_" in layer[0])
    file = tmp_path / "resnext50.h5"
    written = write_legacy(file, layers)
    load_weights(network, file, "ResNeXt50")
    loaded = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    assert loaded.keys() == written.keys()
    for name, arrays in written.items():
        assert all(np.array_equal(a, b) for a, b in zip(loaded[name], arrays, strict=True)), name


def test_weights_of_another_network_are_refused(network, tmp_path):
    """A file with a layer too few, or of other shapes, is named, and never loaded in part without a word."""
    layers = list(legacy_layers())
    short, other = tmp_path / "short.h5", tmp_path / "other.h5"
    write_legacy(short, layers[:-1])
    layers[0] = ("conv1_conv", {"conv1_conv/kernel:0": (7, 7, 3, 32)})
    write_legacy(other, layers)
    for file in (short, other):
        with pytest.raises(WeightsError, match=rf"{file.name}: these are not weights of ResNeXt50"):
            load_weights(network, file, "ResNeXt50")
