"""The most confident right and wrong predictions, each with its Grad-CAM heat map on the cover."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image

from bookcover_core.evaluation.metrics import predicted_labels
from bookcover_core.evaluation.predictions import read_predictions
from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import ModelCard
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, read_table, safe_name, write_bytes
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_png
from bookcover_core.visualisation.network_insight import GradCamExample, insight_folder

if TYPE_CHECKING:
    import keras

    from bookcover_core.training.image_dataset import PixelBooks

# Rises evenly in lightness, from black to yellow, for any colour vision: van der Walt and Smith 2015.
_COLOURS = "inferno"

# How much of the colour is laid over the picture where there is no heat, and where there is most.
_LEAST, _MOST = 0.35, 0.7

# Covers that go through the network together: the gradient keeps what every layer makes of them in memory.
_BATCH = 4


def explain_covers(
    study: Study, network: "keras.Model", card: ModelCard, books: "PixelBooks"
) -> tuple[list[GradCamExample], list[Path]]:
    """The most confident right and wrong of the test covers `books` with their heat maps, and the written files."""
    from bookcover_core.models.input_pipeline import read_pictures  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.visualisation.grad_cam import explain  # noqa: PLC0415 - imports TensorFlow

    predictions = read_predictions(study.workspace.evaluation / card.name / "predictions.csv")
    most = study.settings.visualisation.grad_cam
    positions = [place for right in (True, False) for place in predictions.most_confident(right=right)[:most]]
    predicted = predicted_labels(predictions.probabilities)
    keys = [predictions.keys[position] for position in positions]
    pictures = dict(zip(books.keys, books.files, strict=True))
    titles = read_table(study.workspace.splits, ("key", "title")).set_index("key")["title"]
    genres = read_genres(study.workspace)
    folder = insight_folder(study.workspace, card.name)
    seen: list[GradCamExample] = []
    for start in range(0, len(positions), _BATCH):
        batch = positions[start : start + _BATCH]
        shown = read_pictures([pictures[key] for key in keys[start : start + _BATCH]], card.input_size)
        heats = explain(network, shown, [int(predicted[position]) for position in batch])
        for position, picture, heat in zip(batch, shown, heats, strict=True):
            key = predictions.keys[position]
            file = folder / "seen" / f"{safe_name(key)}.png"
            with atomic(file) as temporary:
                overlay(picture, heat).save(temporary, "PNG")
            seen.append(
                GradCamExample(
                    key=key,
                    title=str(titles[key]),
                    genre=genres[int(predictions.labels[position])].name,
                    predicted=genres[int(predicted[position])].name,
                    probability=float(predictions.probabilities[position].max()),
                    cover=study.workspace.relative(pictures[key]),
                    picture=study.workspace.relative(file),
                )
            )
    if not seen:
        return [], []
    sheet, root = folder / "seen.png", study.workspace.root
    covers = [
        cover
        for each in seen
        for cover in (
            CaptionedCover(root / each.cover, (each.title or each.key, *each.lines)),
            CaptionedCover(root / each.picture, ("what it saw",)),
        )
    ]
    write_bytes(sheet, sheet_png(contact_sheet(covers)))
    return seen, [sheet, *(root / each.picture for each in seen)]


def overlay(picture: npt.NDArray[np.float32], heat: npt.NDArray[np.float32]) -> Image.Image:
    """A grey picture (rows, columns, 3) in 0..255 under its heat (rows, columns) in 0..1, from black to yellow."""
    grey = Image.fromarray(np.round(picture).astype(np.uint8)).convert("L").convert("RGB")
    colour = mpl.colormaps[_COLOURS](heat)[..., :3] * 255
    share = (_LEAST + (_MOST - _LEAST) * heat)[..., None]
    return Image.fromarray(np.round((1 - share) * np.asarray(grey) + share * colour).clip(0, 255).astype(np.uint8))
