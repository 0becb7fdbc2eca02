"""Every image model of Keras is a backbone, and is given what Keras itself would give it."""

import inspect

import h5py
import numpy as np
import pytest

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.feature_extractor import build_pooled, build_preprocessing
from bookcover_core.models.keras_applications import FAMILIES
from bookcover_core.models.tensorflow_setup import keras, tf
from bookcover_core.models.weights import load_weights

KERAS = keras.src.applications
FAMILY_IDS = [family.module for family in FAMILIES]


class Asked(Exception):  # noqa: N818 - not an error: it ends a constructor where the test has seen enough
    """Keras was about to do something, with these arguments."""


def ask(*arguments, **options):
    raise Asked(arguments, options)


def smaller(name, size):
    """The backbone `name` for smaller pictures, so that tests are quick."""
    return find_backbone(name, size)


def test_every_image_model_of_keras_is_there():
    """The rows are the constructors of keras.applications, no more and no fewer, in their modules."""
    constructors = {
        name: function.__module__.rpartition(".")[2]
        for name, function in inspect.getmembers(keras.applications, inspect.isfunction)
        if name[0].isupper()
    }
    rows = {application.name: family.module for family in FAMILIES for application in family.applications}
    assert rows == constructors


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_IDS)
def test_preprocessing_is_that_of_the_family(family):
    """In the graph, the layer in front of a backbone does what `preprocess_input` of its Keras module does."""
    layer = build_preprocessing(find_backbone(family.applications[0].name))
    pixels = np.random.default_rng(3).uniform(0, 255, (2, 5, 7, 3)).astype(np.float32)
    expected = getattr(keras.applications, family.module).preprocess_input(pixels.copy())
    np.testing.assert_allclose(tf.function(layer)(pixels), expected, rtol=1e-5, atol=2e-5)
    assert layer.name == "preprocessing"


@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_IDS)
def test_sizes_and_digests_are_those_of_keras(family, monkeypatch):
    """A constructor's own input size and the digest in its module are those of the row."""
    monkeypatch.setattr(KERAS.imagenet_utils, "obtain_input_shape", ask)
    source = inspect.getsource(getattr(KERAS, family.module)) + inspect.getsource(KERAS.resnet)
    for application in family.applications:
        assert application.digest is None or f'"{application.digest}"' in source
        if family.module == "mobilenet_v3":  # its constructor takes any size; its weights' name says 224
            assert application.size == 224
            continue
        with pytest.raises(Asked) as asked:
            getattr(keras.applications, application.name)(include_top=False, weights="imagenet")
        assert asked.value.args[1]["default_size"] == application.size


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("family", FAMILIES, ids=FAMILY_IDS)
def test_keras_fetches_the_same_file(family, monkeypatch):
    """File, address and digest are what a constructor asks for with weights="imagenet", for a network of the row."""
    asked = []
    monkeypatch.setattr(
        keras.src.utils.file_utils, "get_file", lambda *arguments, **options: asked.append((arguments, options))
    )
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    backbone = find_backbone(family.applications[0].name)
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
        network = backbone.build()
        assert network.name == name
        assert network.input_shape == (None, backbone.size, backbone.size, 3)
        assert network.output_shape[-1] == backbone.channels


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetB0", "EfficientNetV2B0", "VGG16"])
def test_published_weights_give_what_keras_gives(name, tmp_path, monkeypatch):
    """With one file in the layout of the published ones, pixels get the features that Keras' own network gives."""
    backbone = smaller(name, 64)
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
    module = next(family.module for family in FAMILIES if name in {row.name for row in family.applications})
    pixels = np.random.default_rng(4).uniform(0, 255, (3, 64, 64, 3)).astype(np.float32)
    preprocessed = getattr(keras.applications, module).preprocess_input(pixels.copy())
    expected = theirs(preprocessed).numpy().mean(axis=(1, 2))
    scale = np.sqrt((expected**2).mean())
    assert expected.std(axis=0).mean() > 0.01 * scale
    np.testing.assert_allclose(build_pooled(backbone, ours)(pixels), expected, atol=1e-3 * scale)
