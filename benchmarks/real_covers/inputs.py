"""Features of MobileNetV2 that no setting offers: of pixels that are scaled wrongly, and of covers scaled otherwise."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.covers.image_io import read_rgb
from bookcover_core.models.backbones import find_backbone
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.preparation.squares import make_squares
from bookcover_core.settings import Interpolation, Preparation

BACKBONE = "MobileNetV2"

Features = Callable[[Study], npt.NDArray[np.float32]]
"""Features (books, channels) of a study's books, in the order of the selection."""


def scaled(scale: float, offset: float) -> Callable[[], Any]:
    """What makes the layer that multiplies pixels of 0..255 by `scale` and adds `offset`."""

    def layer() -> Any:
        from bookcover_core.models.tensorflow_setup import keras

        return keras.layers.Rescaling(scale, offset=offset)

    return layer


def preprocessed(mode: Any) -> Callable[[], Any]:
    """What makes the layer that another network wants before it: "torch", "caffe"."""

    def layer() -> Any:
        from bookcover_core.models.networks import build_preprocessing

        return build_preprocessing(replace(find_backbone(BACKBONE), preprocessing=mode))

    return layer


def with_input(first: Callable[[], Any]) -> Features:
    """Features of the padded covers, behind another first layer."""

    def features(study: Study) -> npt.NDArray[np.float32]:
        index = [read_table(study.workspace.prepared / "index" / f"shard-{n:04d}.csv") for n in shards(study)]
        paths = {row.key: row.path for table in index for row in table.itertuples() if row.method == "padded"}
        keys = read_table(study.workspace.selection)["key"]
        return _extract(study, [study.workspace.root / paths[key] for key in keys], first())

    return features


def with_interpolation(kind: Interpolation) -> Features:
    """Features of covers that were padded and scaled in another way."""

    def features(study: Study) -> npt.NDArray[np.float32]:
        folder = study.workspace.root.parent / "interpolated" / kind
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for key, path in read_table(study.workspace.selection)[["key", "path"]].itertuples(index=False):
            file = folder / f"{key}.jpg"
            cover = read_rgb((study.workspace.root / path).read_bytes())
            size = study.settings.preparation.size
            squares = make_squares(cover, [Preparation.PADDED], size, kind)
            squares[Preparation.PADDED].save(file, quality=95, subsampling=0)
            files.append(file)
        return _extract(study, files, preprocessed("tf")())

    return features


def _extract(study: Study, files: list[Path], first: Any) -> npt.NDArray[np.float32]:
    from bookcover_core.models.input_pipeline import picture_batches
    from bookcover_core.models.tensorflow_setup import keras, tf
    from bookcover_core.models.weights import build_backbone

    backbone = find_backbone(BACKBONE)
    pixels = keras.Input((backbone.size, backbone.size, 3))
    maps = build_backbone(study.settings, backbone)(first(pixels))
    pooled = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(maps))
    graph = tf.function(lambda pictures: pooled(pictures, training=False))
    return np.concatenate([graph(batch).numpy() for batch in picture_batches(files, backbone.size)])
