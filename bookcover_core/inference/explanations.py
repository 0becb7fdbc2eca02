"""Grad-CAM on the cover itself: which parts of it speak for a genre.

A heat map (`visualisation.grad_cam`) lies on the square that the network saw. Here it is mapped back to the cover, and
shown as a veil: what does not speak for the genre is dark, what does is left as it is. That can be read on covers of
every colour, and with any colour vision.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from bookcover_core.settings import Preparation

Heat = npt.NDArray[np.float32]

# The veil where nothing spoke for the genre: nearly black, and some of the cover shines through.
_VEIL = np.array([20, 18, 16], np.float32)
_DENSEST = 0.72


def on_cover(heat: npt.ArrayLike, preparation: Preparation, size: tuple[int, int]) -> Heat:
    """The heat map (height, width) on a cover, in 0..1, of one (rows, columns) on its prepared square.

    What the square left out of the cover (Cropped) has none; what is not of the cover (the borders of Padded) goes.

    Args:
        heat: What the network was shown to look at, in 0..1.
        preparation: How the cover was made square.
        size: Width and height of the cover, at any scale.
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


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()
