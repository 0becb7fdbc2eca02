"""A backbone brings with it what it expects of its input, has the parameters of its paper, and is what Keras makes."""

import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.models.backbones import BACKBONES, BY_MODULE, find_backbone
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.networks import build_preprocessing
from bookcover_core.models.tensorflow_setup import keras


def test_the_networks_of_the_dissertation_come_first():
    """Section 4.1 names three networks; the image models of Keras stand behind them, each once."""
    names = list(BACKBONES)
    assert names[:3] == ["MobileNetV2", "InceptionResNetV2", "ResNeXt50"]
    assert {"NASNetLarge", "EfficientNetV2B0", "ConvNeXtTiny", "VGG16", "MobileNetV3Large"} < set(names)
    assert len(names) == 41
    assert all(backbone.name == name for name, backbone in BACKBONES.items())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ResNext50", "ResNeXt50 or "),
        ("nasnetlarge", "NASNetLarge"),
        ("NasNet-Large", "NASNetLarge"),
        ("efficientnet_v2_b0", "EfficientNetV2B0"),
        ("VGG-16", "VGG16"),
    ],
)
def test_an_unknown_backbone_names_the_ones_that_are_spelt_alike(name, near):
    """A misspelt name is a fault of the settings; the message says what may have been meant, and what there is."""
    known = "Choose among MobileNetV2, InceptionResNetV2, ResNeXt50, ConvNeXtTiny, .*Xception"
    with pytest.raises(SettingsError, match=rf"'{name}'\. Did you mean {near}.*{known}"):
        find_backbone(name)


def test_networks_that_may_stand_beside_them_are_suggested_too():
    """Where a list of networks takes those that are trained from nothing, LeNett is LeNet, and not MobileNet."""
    with pytest.raises(SettingsError, match=r"'LeNett'\. Did you mean LeNet or .*Xception, LeNet, AlexNet"):
        find_backbone("LeNett", others=SCRATCH)


def test_a_name_like_no_other_gets_the_list():
    """Where nothing is spelt alike, nothing is suggested."""
    with pytest.raises(SettingsError, match=r"'qqq'\. Choose among MobileNetV2"):
        find_backbone("qqq")


def test_looking_up_a_backbone_imports_no_tensorflow():
    """The registry, the weights' digests and the stages can be asked without the seconds that TensorFlow takes."""
    import subprocess
    import sys

    rooms = {
        "models": ("backbones", "weights", "model_cards"),
        "training": ("features", "preparation_comparison"),
        "families": ("systems",),
    }
    modules = [f"{room}.{module}" for room, names in rooms.items() for module in names]
    imports = ";".join(f"import bookcover_core.{module}" for module in modules)
    code = f"{imports};import sys;print([name for name in ('tensorflow', 'keras', 'h5py') if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


# Parameters without the top: keras.applications' own counts, and 23,048,128 for the grouped form of ResNeXt-50 (32x4d).
@pytest.mark.parametrize(
    ("name", "parameters", "rows"),
    [("MobileNetV2", 2_257_984, 7), ("InceptionResNetV2", 54_336_736, 8), ("ResNeXt50", 23_048_128, 7)],
)
def test_backbones_have_their_known_size(name, parameters, rows):
    """Parameters, input side and feature maps are those of the published networks."""
    backbone = find_backbone(name)
    network = backbone.build()
    assert network.count_params() == parameters
    assert network.input_shape == (None, backbone.size, backbone.size, 3)
    assert network.output_shape == (None, rows, rows, backbone.channels)


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNeXt50"])
def test_backbones_take_smaller_pictures_with_the_same_weights(name):
    """`models.input_size` changes the feature maps, and no weight."""
    small, published = find_backbone(name, 96).build(), find_backbone(name).build()
    assert small.output_shape == (None, 3, 3, find_backbone(name).channels)
    assert [weight.shape for weight in small.weights] == [weight.shape for weight in published.weights]


def test_resnext_50_wants_the_preprocessing_of_torch():
    """Its weights were trained in the mode "torch", unlike the other residual networks of its Keras module."""
    from bookcover_core.models.tensorflow_setup import keras

    pictures = np.random.default_rng(3).uniform(0, 255, (2, 5, 5, 3)).astype(np.float32)
    expected = keras.applications.imagenet_utils.preprocess_input(pictures.copy(), "channels_last", mode="torch")
    np.testing.assert_allclose(build_preprocessing(find_backbone("ResNeXt50"))(pictures), expected, atol=1e-5)


KERAS = keras.src.applications
# Keras has no module and no constructor for ResNeXt50.
FAMILIES = [module for module in BY_MODULE if module != "resnext"]


class Asked(Exception):  # noqa: N818 - not an error: it ends a constructor where the test has seen enough
    """Keras was about to do something, with these arguments."""


def ask(*arguments, **options):
    raise Asked(arguments, options)
