"""A GPU is used where there is one; what comes out is float32 and the same within its precision."""

import numpy as np
import pytest
from PIL import Image

from bookcover_core.models.weights import build_backbone
from bookcover_core.settings import StudySettings
from bookcover_core.training.accelerator import (
    GPU,
    PROCESSOR,
    Accelerator,
    find_accelerator,
    scaled_optimizer,
    set_precision,
)
from tests.bookcover_core.training.tiny import SIZE, TINY, draw_cover

SETTINGS = StudySettings.model_validate({"models": {"weights": "random"}})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("covers")
    for number in range(6):
        Image.fromarray(draw_cover(number)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def test_the_devices_at_hand_decide():
    """With a GPU: half precision, larger batches, pictures put there ahead. Without: nothing is changed, and no XLA."""
    assert find_accelerator(["CPU"]) == PROCESSOR == Accelerator("float32", 32, None, jit_compile=False, folds=True)
    assert find_accelerator(["CPU", "GPU"]) == GPU
    assert (GPU.precision, GPU.device, GPU.jit_compile) == ("mixed_float16", "/GPU:0", None)
    assert GPU.batch > PROCESSOR.batch


def test_features_are_float32_and_close_in_half_precision(files):
    """Convolutions in half precision change features by its rounding; the network that is kept is not altered."""
    from bookcover_core.training.feature_extraction import Extractor

    half = Accelerator("mixed_bfloat16", 4, "/CPU:0", jit_compile=False, folds=False)
    plain, rounded = (Extractor(SETTINGS, TINY, where).extract(files, lambda _: None) for where in (PROCESSOR, half))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - plain).max() < 0.05 * np.abs(plain).max()
    network = build_backbone(SETTINGS, TINY)
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
    again = Extractor(SETTINGS, TINY, PROCESSOR).extract(files, lambda _: None)
    np.testing.assert_array_equal(again, plain)


@pytest.mark.parametrize("preprocessing", ["tf", "caffe"])
def test_pixels_features_and_probabilities_stay_in_float32(preprocessing):
    """Only the layers between the preprocessing and the pooling compute in half precision; weights never do."""
    from dataclasses import replace

    from bookcover_core.models.networks import assemble, build_head

    backbone = replace(TINY, preprocessing=preprocessing)
    head = build_head(8, 3)
    kernel = head.get_layer("genres").kernel
    kernel.assign(kernel / 100)  # probabilities of exactly 0 and 1 would show no rounding
    model = assemble(backbone, backbone.build(), head)
    pictures = np.stack([draw_cover(number, SIZE) for number in range(4)]).astype(np.float32)
    plain = np.asarray(model(pictures))
    set_precision(model, "mixed_bfloat16")
    assert {layer.compute_dtype for layer in model.get_layer("Miniature").layers} == {"bfloat16"}
    for name in ("preprocessing", "pooling", "genres"):
        assert model.get_layer(name).compute_dtype == "float32"
    assert {str(variable.dtype) for variable in model.weights} == {"float32"}
    rounded = np.asarray(model(pictures))
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - plain).max() < 0.02


def test_half_precision_scales_the_loss():
    """float16 loses small gradients unless the loss is scaled; bfloat16 and float32 do not."""
    from bookcover_core.models.tensorflow_setup import keras

    plain = keras.optimizers.Adam(0.1)
    assert scaled_optimizer(plain, "float32") is plain
    assert scaled_optimizer(plain, "mixed_bfloat16") is plain
    assert isinstance(scaled_optimizer(plain, GPU.precision), keras.optimizers.LossScaleOptimizer)


def test_networks_learn_in_half_precision(files):
    """Training in float16 takes the steps that training in float32 takes, within its precision."""
    from dataclasses import replace

    from bookcover_core.models.networks import assemble, build_head
    from bookcover_core.models.tensorflow_setup import keras
    from bookcover_core.training.image_trainer import PixelBooks, fit_network
    from bookcover_core.training.loop import Schedule

    books = PixelBooks(
        [file.stem for file in files], np.arange(6, dtype=np.int32) % 3, files, np.empty((6, 0), np.float32)
    )
    schedule = Schedule(epochs=2, patience=9, batch_size=3, seed=3, augmented=False, advice="")
    losses = []
    for precision in ("float32", GPU.precision):
        network = build_backbone(SETTINGS, TINY)
        model = assemble(TINY, network, build_head(8, 3, seed=1))
        fitted = fit_network(
            model,
            keras.optimizers.SGD(0.05),
            books,
            books,
            schedule,
            accelerator=replace(PROCESSOR, precision=precision),
        )
        assert fitted.weights[0].dtype == np.float32
        losses.append([row.loss for row in fitted.history])
        set_precision(model, "float32")
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05)
