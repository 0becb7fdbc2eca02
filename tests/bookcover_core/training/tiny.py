"""A backbone that trains in a second, and books for it."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bookcover_core.families.frozen import train_backbone
from bookcover_core.models.backbones import BACKBONES, Backbone, PublishedWeights
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.preparation.prepare import MEASUREMENTS, shard_keys
from bookcover_core.training.features import compute_features
from tests.bookcover_core.training.conftest import make_study

SIZE = 32


def build(_size=SIZE):
    """A stem, a residual block and a last convolution: three blocks, three batch normalisations, one dropout."""
    from bookcover_core.models.tensorflow_setup import keras

    layers = keras.layers
    pictures = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(6, 3, strides=4, use_bias=False, name="stem")(pictures)
    x = stem = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.Conv2D(6, 3, padding="same", name="block_conv")(x)
    x = layers.Dropout(0.2, name="block_drop")(layers.BatchNormalization(name="block_bn")(x))
    x = layers.Add(name="block_add")([stem, x])
    x = layers.BatchNormalization(name="top_bn")(layers.Conv2D(8, 1, name="top_conv")(x))
    return keras.Model(pictures, layers.ReLU(name="top_relu")(x), name="Miniature")


TINY = Backbone("Miniature", SIZE, 8, "tf", PublishedWeights("tiny.h5", "", None), build)


def tiny_study(root: Path, monkeypatch, *, fine_tuning=None, head=None) -> Study:
    """A study of 36 books in 3 genres, with the tiny backbone."""
    monkeypatch.setitem(BACKBONES, "Miniature", TINY)
    study = make_study(root, backbones=["Miniature"], preparation="padded", epochs=1, learning_rate=1e-5)
    settings = study.settings.model_dump()
    settings["fine_tuning"] |= {"blocks": 1, "epochs": 2, "batch_size": 8, "learning_rate": 0.01, **(fine_tuning or {})}
    settings["head"] |= head or {}
    for number, keys in shard_keys(study).items():
        covers = [(key, width_of(key), 400, 120.0, 120.0, 120.0) for key in keys]
        table = pd.DataFrame(covers, columns=list(MEASUREMENTS))
        write_table(study.workspace.prepared / "measurements" / f"shard-{number:04d}.csv", table)
    return Study(type(study.settings).model_validate(settings))


def width_of(key: str) -> int:
    """How wide the cover of a book of the study was."""
    return 200 + int(key) * 7 % 100


def trained_tiny(root: Path, monkeypatch, **changes) -> Study:
    """The same, its head trained."""
    study = tiny_study(root, monkeypatch, **changes)
    compute_features(study, "Miniature", "padded")
    train_backbone(study, "Miniature")
    return study


def draw_cover(seed: int, size: int = 64) -> np.ndarray:
    """A picture (size, size, 3) that is not like its mirror image: a bright wedge in a corner, and some detail."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    detail = Image.fromarray(generator.integers(40, 120, (9, 9, 3)).astype(np.uint8))
    pixels = np.asarray(detail.resize((size, size), Image.Resampling.BICUBIC)).copy()
    pixels[rows + 2 * columns < size] = (240, 60, 20)
    return pixels
