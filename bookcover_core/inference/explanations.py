"""Grad-CAM on the cover itself: which parts of it speak for a genre.

A heat map (`visualisation.grad_cam`) is mapped back from the square that the network saw, and shown as a veil: what
does not speak for the genre is dark, which can be read on covers of every colour, and with any colour vision.
"""

import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from bookcover_core.settings import Preparation

Heat = npt.NDArray[np.float32]

# The veil where nothing spoke for the genre: nearly black, and some of the cover shines through.
_VEIL = np.array([20, 18, 16], np.float32)
_DENSEST = 0.72

# Width of a frame around a word, of the cover's longer side, and its colours.
_FRAME = 0.004
_LIGHT, _DARK = (255, 214, 10), (20, 18, 16)


def on_cover(heat: npt.ArrayLike, preparation: Preparation, size: tuple[int, int]) -> Heat:
    """The heat map (height, width) on a cover of this `size` (width, height), of one (rows, columns) on its square.

    What the square left out of the cover (Cropped) has none; what is not of the cover (the borders of Padded) goes.
    """
    square = Image.fromarray(np.asarray(heat, np.float32))
    width, height = size
    rows, columns = square.height, square.width
    match preparation:
        case Preparation.NOPREP:
            return np.asarray(square.resize(size, Image.Resampling.BILINEAR))
        case Preparation.PADDED:
            wide, high = (columns * side / max(size) / 2 for side in size)
            box = (columns / 2 - wide, rows / 2 - high, columns / 2 + wide, rows / 2 + high)
            return np.asarray(square.resize(size, Image.Resampling.BILINEAR, box=box))
        case Preparation.CROPPED:
            side = min(size)
            found = np.zeros((height, width), np.float32)
            top, left = (height - side) // 2, (width - side) // 2
            centre = square.resize((side, side), Image.Resampling.BILINEAR)
            found[top : top + side, left : left + side] = np.asarray(centre)
            return found


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


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()
