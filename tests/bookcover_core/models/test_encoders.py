"""Encoders are found, looked at before a study begins, and give the features that their files say."""

import numpy as np
import pytest
from PIL import Image

from bookcover_core.errors import SettingsError
from bookcover_core.models import inference_engine
from bookcover_core.models.backbones import pretrained
from bookcover_core.models.encoders import Encoder, check_encoder, find_network
from bookcover_core.models.inference_engine import Engine
from bookcover_core.models.weights import weights_source
from bookcover_core.settings import StudySettings
from tests.bookcover_core.models.tiny_encoders import CHANNELS, SIZE, write_keras, write_onnx


def settings(file, **changes) -> StudySettings:
    given = {"name": "Own", "file": str(file), "size": SIZE, **changes}
    engine = given.pop("engine", "openvino")
    return StudySettings.model_validate(
        {"models": {"encoders": [given], "engine": engine}, "training": {"backbones": ["Own", "LeNet", "MobileNetV2"]}}
    )


def check(file, **changes) -> None:
    models = settings(file, **changes).models
    check_encoder(models, find_network(models, models.encoders[0].name))


def test_an_encoder_is_a_backbone_like_the_others(tmp_path):
    """Its name is found among the backbones, and others are found as before; what is unknown is told with its name."""
    found = settings(write_onnx(tmp_path / "own.onnx"))
    assert isinstance(find_network(found.models, "Own"), Encoder)
    assert find_network(found.models, "MobileNetV2").channels == 1280
    assert pretrained(found) == ["Own", "MobileNetV2"]
    with pytest.raises(SettingsError, match="Did you mean Own"):
        find_network(found.models, "Owm")


@pytest.mark.parametrize("scaling", ["torch", "clip", "tf", "unit", "none"])
def test_pixels_are_scaled_alike_in_both_formats(scaling, tmp_path):
    """Whatever scaling is named, an ONNX file and Keras' layer see the same numbers; and so do both engines."""
    from bookcover_core.models.networks import build_preprocessing
    from bookcover_core.models.tensorflow_setup import keras

    pictures = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)
    made = find_network(settings(write_onnx(tmp_path / "own.onnx"), scaling=scaling, output="maps").models, "Own")
    given = build_preprocessing(made)(pictures.astype(np.float32))
    from onnx import load, numpy_helper

    [weights] = [numpy_helper.to_array(each) for each in load(made.file).graph.initializer if each.name == "weights"]
    maps = np.tanh(keras.ops.conv(given, weights.transpose(2, 3, 1, 0), strides=4))
    expected = maps.mean(axis=(1, 2))
    np.testing.assert_allclose(made.network(Engine("openvino"))(pictures), expected, atol=1e-4)
    own = find_network(settings(write_keras(tmp_path / "own.keras"), scaling=scaling, output="means").models, "Own")
    one, other = (own.network(Engine(name))(pictures) for name in ("openvino", "tensorflow"))
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert one.shape == (3, CHANNELS)


@pytest.mark.parametrize("write", [write_onnx, write_keras])
def test_larger_pictures_are_scaled(write, tmp_path):
    """Prepared pictures are larger than most encoders want; features hardly change for it."""
    file = write(tmp_path / f"own.{write.__name__.removeprefix('write_')}")
    encode = find_network(settings(file).models, "Own").network(Engine("openvino"))
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (4, 4, 3)).astype(np.uint8))
    large, small = (np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR)) for side in (96, SIZE))
    np.testing.assert_allclose(encode(large[None]), encode(small[None]), atol=0.1)


def test_the_digest_is_of_the_file_and_of_its_use(tmp_path):
    """Another file, side, scaling or output gives other features, wherever the file lies."""
    file = write_onnx(tmp_path / "own.onnx")

    def digest(file, **changes):
        found = settings(file, **changes)
        return weights_source(found, find_network(found.models, "Own")).digest

    (tmp_path / "copy.onnx").write_bytes(file.read_bytes())
    ways = [
        digest(file),
        digest(write_onnx(tmp_path / "other.onnx", outputs=("vectors",))),
        *(digest(file, **each) for each in ({"size": 48}, {"scaling": "tf"}, {"output": "maps"})),
    ]
    assert len({*ways}) == len(ways)
    assert digest(tmp_path / "copy.onnx") == ways[0]


def onnx(**changes):
    return lambda folder: write_onnx(folder / "own.onnx", **changes)


def keras(**changes):
    return lambda folder: write_keras(folder / "own.keras", **changes)


def garbage(name):
    return lambda folder: (folder / name).write_bytes(b"no network") and folder / name


@pytest.mark.parametrize(
    ("make", "changes", "said"),
    [
        (lambda folder: folder / "gone.onnx", {}, "is not there"),
        (garbage("own.pt"), {}, "is neither .onnx nor .keras"),
        (garbage("own.onnx"), {}, "cannot be read or computed"),
        (garbage("own.keras"), {}, "cannot be read or computed"),
        (onnx(), {"engine": "tensorflow"}, "OpenVINO computes, and TensorFlow is to compute"),
        (onnx(), {"name": "VGG16"}, "has the name of another system"),
        (onnx(), {"name": "CoverText"}, "has the name of another system"),
        (onnx(number=1), {}, "takes 1 pictures at a time"),
        (keras(batch=4), {}, "takes 4 pictures at a time"),
        (onnx(side=48), {}, "takes pictures of [48, 48] pixels, not 32"),
        (keras(side=48), {}, "takes pictures of [48, 48] pixels, not 32"),
        (onnx(channels=1), {}, "not pictures alone"),
        (onnx(inputs=2), {}, "not pictures alone"),
        (onnx(), {"output": "gone"}, "has no output called 'gone'"),
        (keras(), {"output": "gone"}, "No such layer: gone"),
        (onnx(outputs=("tokens",)), {}, "gives features of the shape (2, 6, 64)"),
        (onnx(factor=1e4), {"scaling": "none"}, "gives features that are no numbers"),
    ],
)
def test_what_cannot_be_used_is_said(make, changes, said, tmp_path):
    """Each thing that is wrong with an encoder has its sentence, with the encoder's name."""
    with pytest.raises(SettingsError) as raised:
        check(make(tmp_path), **changes)
    assert said in str(raised.value)
    assert f"the encoder {changes.get('name', 'Own')}" in str(raised.value)


@pytest.mark.parametrize("make", [onnx(), onnx(outputs=("vectors",)), keras(), keras(side=None)])
@pytest.mark.parametrize("engine", ["auto", "openvino"])
def test_what_can_be_used_passes(make, engine, tmp_path, monkeypatch):
    """Either format, of one size or any."""
    monkeypatch.setattr(inference_engine, "has_gpu", lambda: False)
    check(make(tmp_path), engine=engine)


def test_code_in_a_file_is_not_run(tmp_path):
    """A lambda, which Keras would unpickle, is refused before it is."""
    from bookcover_core.models.tensorflow_setup import keras

    pictures = keras.Input((SIZE, SIZE, 3))
    told = keras.layers.Lambda(lambda pixels: pixels[:, :, :, 0])(pictures)
    keras.Model(pictures, keras.layers.Flatten()(told)).save(tmp_path / "own.keras")
    with pytest.raises(SettingsError, match=r"own.keras\) cannot be read or computed .*lambda"):
        check(tmp_path / "own.keras", engine="tensorflow")
