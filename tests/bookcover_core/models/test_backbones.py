"""A backbone brings with it what it expects of its input, has the parameters of its paper, and is what Keras makes."""

import inspect

import h5py
import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.models.backbones import BACKBONES, Backbone, find_backbone
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.networks import build_pooled, build_preprocessing
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.models.weights import load_weights


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


# Weights get their shapes and no values in a `StatelessScope`: to draw values takes half of the time of a build.


# Parameters without the top: keras.applications' own counts, and 23,048,128 for the grouped form of ResNeXt-50 (32x4d).
@pytest.mark.parametrize(
    ("name", "parameters", "rows"),
    [("MobileNetV2", 2_257_984, 7), ("InceptionResNetV2", 54_336_736, 8), ("ResNeXt50", 23_048_128, 7)],
)
def test_backbones_have_their_known_size(name, parameters, rows):
    """Parameters, input side and feature maps are those of the published networks."""
    backbone = find_backbone(name)
    with keras.StatelessScope():
        network = backbone.build()
    assert network.count_params() == parameters
    assert network.input_shape == (None, backbone.size, backbone.size, 3)
    assert network.output_shape == (None, rows, rows, backbone.channels)


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNeXt50"])
def test_backbones_take_smaller_pictures_with_the_same_weights(name):
    """`models.input_size` changes the feature maps, and no weight."""
    with keras.StatelessScope():
        small, published = find_backbone(name, 96).build(), find_backbone(name).build()
    assert small.output_shape == (None, 3, 3, find_backbone(name).channels)
    assert [weight.shape for weight in small.weights] == [weight.shape for weight in published.weights]


def test_resnext_50_wants_the_preprocessing_of_torch():
    """Its weights were trained in the mode "torch", unlike the other residual networks of its Keras module."""
    pictures = np.random.default_rng(3).uniform(0, 255, (2, 5, 5, 3)).astype(np.float32)
    expected = keras.applications.imagenet_utils.preprocess_input(pictures.copy(), "channels_last", mode="torch")
    np.testing.assert_allclose(build_preprocessing(find_backbone("ResNeXt50"))(pictures), expected, atol=1e-5)


KERAS = keras.src.applications
# The backbones by their module of keras.applications, which has none for ResNeXt50.
MODULES: dict[str, list[Backbone]] = {}
for each in BACKBONES.values():
    if each.name != "ResNeXt50":
        MODULES.setdefault(getattr(keras.applications, each.name).__module__.rpartition(".")[2], []).append(each)


class Asked(Exception):  # noqa: N818 - not an error: it ends a constructor where the test has seen enough
    """Keras was about to do something, with these arguments."""


def ask(*arguments, **options):
    raise Asked(arguments, options)


def test_every_image_model_of_keras_is_there():
    """The rows are the constructors of keras.applications, no more and no fewer, and ResNeXt50."""
    constructors = {name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction) if name[0].isupper()}
    assert set(BACKBONES) == constructors | {"ResNeXt50"}


@pytest.mark.parametrize("module", MODULES)
def test_preprocessing_is_that_of_the_module(module):
    """In the graph, the layer in front of a backbone does what `preprocess_input` of its Keras module does."""
    layer = build_preprocessing(MODULES[module][0])
    pixels = np.random.default_rng(3).uniform(0, 255, (2, 5, 7, 3)).astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(pixels.copy())
    np.testing.assert_allclose(tf.function(layer)(pixels), expected, rtol=1e-5, atol=2e-5)
    assert layer.name == "preprocessing"


@pytest.mark.parametrize("module", MODULES)
def test_sizes_and_digests_are_those_of_keras(module, monkeypatch):
    """A constructor's own input size and the digest in its module are those of the row."""
    monkeypatch.setattr(KERAS.imagenet_utils, "obtain_input_shape", ask)
    source = inspect.getsource(getattr(KERAS, module)) + inspect.getsource(KERAS.resnet)
    for backbone in MODULES[module]:
        assert backbone.weights.digest is None or backbone.weights.digest in source
        if module == "mobilenet_v3":  # its constructor takes any size; its weights' name says 224
            assert backbone.size == 224
            continue
        with pytest.raises(Asked) as asked:
            getattr(keras.applications, backbone.name)(include_top=False, weights="imagenet")
        assert asked.value.args[1]["default_size"] == backbone.size


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("module", MODULES)
def test_keras_fetches_the_same_file(module, monkeypatch):
    """File, address and digest are what a constructor asks for with weights="imagenet", for a network of the row."""
    asked = []
    monkeypatch.setattr(
        keras.src.utils.file_utils, "get_file", lambda *arguments, **options: asked.append((arguments, options))
    )
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    backbone = MODULES[module][0]
    with keras.StatelessScope():
        network = getattr(keras.applications, backbone.name)(include_top=False, weights="imagenet")
    [((file, address), options)] = asked
    weights = backbone.weights
    assert (weights.file, weights.address, weights.digest) == (file, address, options.get("file_hash"))
    assert network.output_shape[-1] == backbone.channels


def test_building_fetches_nothing(monkeypatch):
    """A backbone is built without a word to the network, at the size and with the name of its row."""
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", ask)
    for name in ("MobileNetV3Large", "VGG19"):
        backbone = find_backbone(name)
        with keras.StatelessScope():
            network = backbone.build()
        assert network.name == name
        assert network.input_shape == (None, backbone.size, backbone.size, 3)
        assert network.output_shape[-1] == backbone.channels


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "VGG16"])
def test_published_weights_give_what_keras_gives(name, tmp_path, monkeypatch):
    """With one file in the layout of the published ones, pixels get the features that Keras' own network gives."""
    backbone = find_backbone(name, 64)
    ours, file = backbone.build(), tmp_path / "published.h5"
    for layer in ours.layers:
        if layer.name.startswith("normalization") and layer.weights:
            layer.set_weights([np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225]), np.int32(0)])
    with h5py.File(file, "w") as content:
        keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(content, ours)
    for variable in ours.variables:
        variable.assign(np.zeros(variable.shape))
    load_weights(ours, file, name)
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", lambda *_, **__: str(file))
    theirs = getattr(keras.applications, name)(include_top=False, weights="imagenet", input_shape=(64, 64, 3))
    module = next(module for module, backbones in MODULES.items() if name in {each.name for each in backbones})
    pixels = np.random.default_rng(4).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    preprocessed = getattr(keras.applications, module).preprocess_input(pixels.copy())
    expected = theirs(preprocessed).numpy().mean(axis=(1, 2))
    scale = np.sqrt((expected**2).mean())
    assert expected.std(axis=0).mean() > 0.01 * scale
    np.testing.assert_allclose(build_pooled(backbone, ours)(pixels), expected, atol=1e-3 * scale)
