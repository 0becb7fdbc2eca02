"""A backbone brings with it what it expects of its input, and has the parameters that its paper gives."""

import numpy as np
import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.models.backbones import BACKBONES, find_backbone


def test_the_networks_of_the_dissertation_are_there():
    """Section 4.1 names three networks."""
    assert list(BACKBONES) == ["MobileNetV2", "InceptionResNetV2", "ResNeXt50"]


def test_an_unknown_backbone_names_the_known_ones():
    """A misspelt name is a fault of the settings, and the message lists what there is."""
    with pytest.raises(SettingsError, match=r"'ResNext50'.*Choose among MobileNetV2, InceptionResNetV2, ResNeXt50"):
        find_backbone("ResNext50")


def test_looking_up_a_backbone_imports_no_tensorflow():
    """The registry, the weights' digests and the stages can be asked without the seconds that TensorFlow takes."""
    import subprocess
    import sys

    modules = "models.backbones models.weights models.cards training.features training.comparison training.train"
    imports = ";".join(f"import bookcover_core.{module}" for module in modules.split())
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
def test_preprocessing_is_the_one_that_keras_has_for_the_mode(name):
    """The layer in front of a backbone does what keras.applications does in the backbone's mode."""
    from bookcover_core.models.engine import keras
    from bookcover_core.models.pooled import build_preprocessing

    backbone = find_backbone(name)
    pictures = np.random.default_rng(3).uniform(0, 255, (2, 5, 5, 3)).astype(np.float32)
    mode = keras.src.applications.imagenet_utils.preprocess_input
    expected = mode(pictures.copy(), data_format="channels_last", mode=backbone.preprocessing)
    np.testing.assert_allclose(build_preprocessing(backbone)(pictures), expected, atol=1e-5)
