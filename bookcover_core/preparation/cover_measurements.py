"""Measurements: the shape and mean colour of a cover before preparation (section 3.2).

The report relates them to the genres: what colour and shape alone reveal of a book.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

_DIGITS = 3  # digits behind the point: a thousandth of one of 255 steps


class Measurements(NamedTuple):
    """The shape and mean colour of one cover."""

    width: int  # pixels
    height: int  # pixels
    red: float  # mean over all pixels, 0 to 255
    green: float
    blue: float


def measure(cover: Image.Image) -> Measurements:
    """The measurements of a cover, 8-bit RGB: exact means, from its histogram, rounded to a thousandth."""
    sums = np.reshape(cover.histogram(), (3, 256)) @ np.arange(256)
    red, green, blue = (round(int(total) / (cover.width * cover.height), _DIGITS) for total in sums)
    return Measurements(cover.width, cover.height, red, green, blue)
