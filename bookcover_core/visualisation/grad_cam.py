"""Grad-CAM: which parts of a cover raise the score of a genre (Selvaraju et al. 2017, ICCV).

For the dissertation's networks, one dense layer on pooled maps, this is the class activation map of Zhou et al. (2016,
CVPR). tf-keras-vis's `Gradcam` computes it, but is shown the feature maps, for it finds none in a network within a
network; and cells stay where they are, where its `zoom` moves the outer ones by half a cell. On a cover that a person
brings it is shown as a veil: what does not speak for the genre is dark, on any cover and with any colour vision.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from bookcover_core.evaluation.metrics import predicted_labels, read_predictions
from bookcover_core.listings.books import read_genres
from bookcover_core.models.backbones import POOLING
from bookcover_core.models.input_pipeline import read_pictures
from bookcover_core.models.keras_graph import origin
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, safe_name, write_bytes
from bookcover_core.settings import Preparation
from bookcover_core.training.image_trainer import PixelBooks
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, encoded
from bookcover_core.visualisation.network_insight import GradCamExample, insight_folder

# How much of the colour is laid over the picture where there is no heat, and where there is most.
_LEAST, _MOST = 0.35, 0.7

# The veil where nothing spoke for the genre: nearly black, and some of the cover shines through.
_VEIL = np.array([20, 18, 16], np.float32)
_DENSEST = 0.72

# Width of a frame around a word, of the cover's longer side, and its colours.
_FRAME = 0.004
_LIGHT, _DARK = (255, 214, 10), (20, 18, 16)

# Covers that go through the network together: the gradient keeps what every layer makes of them in memory.
_BATCH = 4

Heat = npt.NDArray[np.float32]
"""Heat (rows, columns) in 0..1; 1 is the hottest place of the picture."""


class _Maps(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Stands for the layer whose output are the feature maps: `Gradcam` asks a layer for nothing else."""

    output: Any = None

    def __init__(self, maps: keras.KerasTensor) -> None:
        super().__init__(name="maps")
        self.output = maps


def explain(network: keras.Model, pictures: npt.ArrayLike, labels: Sequence[int]) -> list[Heat]:
    """The heat (rows, columns) of each picture: what in it speaks for its genre of `labels`; 0 where nothing does.

    `pictures` are (n, rows, columns, 3) in 0..255, prepared as the network's card says. A network with extra inputs is
    given those of the average training cover. Raises IndexError for a label that is no genre.
    """
    if not all(0 <= label < network.outputs[0].shape[-1] for label in labels):
        raise IndexError(labels)
    inputs = with_average(network, pictures)
    # What is pooled, or what the last convolution gives where nothing is.
    last = next(each for each in network.layers[::-1] if each.name == POOLING or isinstance(each, keras.layers.Conv2D))
    cells = Gradcam(to_logits(network))(
        CategoricalScore(list(labels)),
        inputs,
        penultimate_layer=_Maps(last.input if last.name == POOLING else last.output),
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return [_enlarged(np.asarray(heat, np.float32), inputs[0].shape[1:3]) for heat in cells]


def to_logits(network: keras.Model) -> keras.Model:
    """What `network`, from `load_model`, puts into its softmax, as a network of the same inputs: scores (n, genres).

    So a genre's score rises only by what speaks for it (section 5.3). tf-keras-vis's `ReplaceToLinear` copies the whole
    network; here the last layer alone is copied, and the others are shared.
    """
    last, call = origin(network.outputs[0])
    linear = keras.layers.Dense(last.units, name=GENRES)
    scores = linear(call.input_tensors[0])
    linear.set_weights(last.get_weights())
    return keras.Model(network.inputs, scores, name=f"{network.name}-logits")


def with_average(network: keras.Model, pictures: npt.ArrayLike) -> list[npt.NDArray[np.float32]]:
    """Inputs of `network` for pictures (n, rows, columns, 3): extra ones are those of the average training cover."""
    inputs = [np.asarray(pictures, np.float32)]
    if len(network.inputs) > 1:
        standardised = next(layer for layer in network.layers if isinstance(layer, keras.layers.Normalization))
        inputs.append(np.tile(np.asarray(standardised.adapt_mean, np.float32).reshape(1, -1), (len(inputs[0]), 1)))
    return inputs


def _enlarged(cells: Heat, size: tuple[int, int]) -> Heat:
    """Heat in cells as heat of `size` (rows, columns), bilinear, the hottest cell 1."""
    hottest = float(cells.max())
    if hottest <= 0:
        return np.zeros(size, np.float32)
    image = Image.fromarray(cells / hottest, mode="F").resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).clip(0, 1)


def explain_covers(
    study: Study, network: keras.Model, card: ModelCard, books: PixelBooks
) -> tuple[list[GradCamExample], list[Path]]:
    """The most confident right and wrong of the test covers `books` with their heat maps, and the written files."""
    predictions = read_predictions(study.workspace.evaluation / card.name / "predictions.csv")
    most = study.settings.visualisation.grad_cam
    positions = [place for right in (True, False) for place in predictions.most_confident(right=right)[:most]]
    predicted = predicted_labels(predictions.probabilities)
    files = dict(zip(books.keys, books.files, strict=True))
    titles = read_table(study.workspace.splits, ("key", "title")).set_index("key")["title"]
    genres = [genre.name for genre in read_genres(study.workspace)]
    folder = insight_folder(study.workspace, card.name)
    seen: list[GradCamExample] = []
    sheet: list[CaptionedCover] = []
    for start in range(0, len(positions), _BATCH):
        batch = positions[start : start + _BATCH]
        pictures = read_pictures([files[predictions.keys[position]] for position in batch], card.input_size)
        heats = explain(network, pictures, predicted[batch].tolist())
        for position, picture, heat in zip(batch, pictures, heats, strict=True):
            key = predictions.keys[position]
            file = folder / "seen" / f"{safe_name(key)}.png"
            write_bytes(file, encoded(overlay(picture, heat), "PNG"))
            example = GradCamExample(
                key=key,
                title=str(titles[key]),
                genre=genres[predictions.labels[position]],
                predicted=genres[predicted[position]],
                probability=float(predictions.probabilities[position].max()),
                cover=study.workspace.relative(files[key]),
                picture=study.workspace.relative(file),
            )
            seen.append(example)
            sheet.append(CaptionedCover(files[key], (example.title or key, *example.lines)))
            sheet.append(CaptionedCover(file, ("what it saw",)))
    if not seen:
        return [], []
    write_bytes(folder / "seen.png", encoded(contact_sheet(sheet), "PNG"))
    return seen, [folder / "seen.png", *(study.workspace.root / each.picture for each in seen)]


def overlay(picture: npt.NDArray[np.float32], heat: Heat) -> Image.Image:
    """A grey picture (rows, columns, 3) in 0..255 under its heat (rows, columns) in 0..1, from black to yellow."""
    grey = Image.fromarray(np.round(picture).astype(np.uint8)).convert("L").convert("RGB")
    # Rises evenly in lightness, for any colour vision: van der Walt and Smith 2015.
    colour = mpl.colormaps["inferno"](heat)[..., :3] * 255
    share = (_LEAST + (_MOST - _LEAST) * heat)[..., None]
    return Image.fromarray(np.round((1 - share) * np.asarray(grey) + share * colour).clip(0, 255).astype(np.uint8))


def on_cover(heat: npt.ArrayLike, preparation: Preparation, size: tuple[int, int]) -> Heat:
    """The heat map (height, width) on a cover of this `size` (width, height), of one (rows, columns) on its square.

    What the square left out of the cover (Cropped) has none; what is not of the cover (the borders of Padded) goes.
    """
    square = Image.fromarray(np.asarray(heat, np.float32))
    half = columns, rows = square.width / 2, square.height / 2
    if preparation is Preparation.CROPPED:
        side, found = min(size), Image.new("F", size)
        corner = (size[0] - side) // 2, (size[1] - side) // 2
        found.paste(square.resize((side, side), Image.Resampling.BILINEAR), corner)
        return np.asarray(found)
    wide, high = half if preparation is Preparation.NOPREP else (2 * columns * side / max(size) / 2 for side in size)
    box = (columns - wide, rows - high, columns + wide, rows + high)
    return np.asarray(square.resize(size, Image.Resampling.BILINEAR, box=box))


def veiled(cover: Image.Image, heat: Heat) -> Image.Image:
    """The cover (RGB) under a veil that is the denser the less heat (height, width) there is."""
    veil = _DENSEST * (1 - np.clip(heat, 0, 1))[..., None]
    return Image.fromarray((np.asarray(cover, np.float32) * (1 - veil) + _VEIL * veil).round().astype(np.uint8))


def marked(cover: Image.Image, boxes: Iterable[tuple[float, float, float, float]]) -> Image.Image:
    """The cover (RGB) with a frame, dark in light, around each box, given as shares of its width and height."""
    picture = cover.copy()
    draw = ImageDraw.Draw(picture)
    width = max(1, round(max(cover.size) * _FRAME))
    for left, top, right, bottom in boxes:
        corners = (left * cover.width, top * cover.height, right * cover.width, bottom * cover.height)
        for outset, colour in ((2 * width, _LIGHT), (width, _DARK)):
            wider = (corners[0] - outset, corners[1] - outset, corners[2] + outset, corners[3] + outset)
            draw.rectangle(wider, outline=colour, width=width)
    return picture
