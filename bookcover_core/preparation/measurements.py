"""Measurements: the shape and mean colour of a cover as it came, before it is prepared (section 3.2).

The report sets them against the genres: what colour and shape alone tell of a book.
"""

from typing import NamedTuple

from PIL import Image, ImageStat

# Digits behind the point: a thousandth of one of 255 steps.
_DIGITS = 3


class Measurements(NamedTuple):
    """The shape and mean colour of one cover."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    red: float
    """Mean over all pixels, 0 to 255."""
    green: float
    blue: float


def measure(cover: Image.Image) -> Measurements:
    """The measurements of a cover, 8-bit RGB: exact means, from its histogram, rounded to a thousandth."""
    red, green, blue = (round(mean, _DIGITS) for mean in ImageStat.Stat(cover).mean)
    return Measurements(cover.width, cover.height, red, green, blue)
