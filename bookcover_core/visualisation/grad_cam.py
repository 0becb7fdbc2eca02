"""Grad-CAM: which parts of a cover raise the score of a genre (Selvaraju et al. 2017, ICCV).

For the dissertation's networks, one dense layer on pooled maps, this is the class activation map of Zhou et al. (2016,
CVPR). tf-keras-vis's `Gradcam` computes it, but is shown the feature maps, for it finds none in a network within a
network; and cells stay where they are, where its `zoom` moves the outer ones by half a cell.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from bookcover_core.models.backbones import POOLING
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.visualisation.logits import average_measurements, to_logits

Heat = npt.NDArray[np.float32]
"""Heat (rows, columns) in 0..1; 1 is the hottest place of the picture."""


class _Maps(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Stands for the layer whose output are the feature maps: `Gradcam` asks a layer for nothing else."""

    def __init__(self, maps: keras.KerasTensor) -> None:
        super().__init__(name="maps")
        self._maps = maps

    @property
    def output(self) -> keras.KerasTensor:
        """The feature maps (n, rows, columns, channels), in the graph of the whole network."""
        return self._maps


def explain(network: keras.Model, pictures: npt.ArrayLike, labels: Sequence[int]) -> list[Heat]:
    """The heat (rows, columns) of each picture: what in it speaks for its genre of `labels`; 0 where nothing does.

    `pictures` are (n, rows, columns, 3) in 0..255, prepared as the network's card says. A network with extra inputs is
    given those of the average training cover. Raises IndexError for a label that is no genre.
    """
    if not all(0 <= label < network.outputs[0].shape[-1] for label in labels):
        raise IndexError(labels)
    shown = np.asarray(pictures, np.float32)
    maps = _Maps(_feature_maps(network))
    measurements = average_measurements(network)
    cells = Gradcam(to_logits(network))(
        CategoricalScore(list(labels)),
        shown if measurements is None else [shown, measurements.repeat(len(shown), axis=0)],
        penultimate_layer=maps,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return [_enlarged(np.asarray(heat, np.float32), shown.shape[1:3]) for heat in cells]


def _feature_maps(network: keras.Model) -> keras.KerasTensor:
    """The last feature maps: what is pooled, or what the last convolution gives where nothing is."""
    for layer in reversed(network.layers):
        if layer.name == POOLING:
            return layer.input
        if isinstance(layer, keras.layers.Conv2D):
            return layer.output
    raise AssertionError(f"{network.name} has no feature maps")


def _enlarged(cells: Heat, size: tuple[int, int]) -> Heat:
    """Heat in cells as heat of `size` (rows, columns), bilinear, the hottest cell 1."""
    hottest = float(cells.max())
    if hottest <= 0:
        return np.zeros(size, np.float32)
    image = Image.fromarray(cells / hottest, mode="F").resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).clip(0, 1)
