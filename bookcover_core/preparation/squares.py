"""Squares: the three ways of section 3.2 to make a cover square.

    NoPrep      the cover is scaled straight to the square; its proportions change
    Padded      white borders left and right, or above and below, then scaled; all of the cover, in its proportions
    Cropped     the centre square of the cover, then scaled; its proportions, but not all of it

Scaling is Pillow's, which averages away detail finer than the new pixels (docs/method.md has what follows from it).
"""

from collections.abc import Collection

from PIL import Image

from bookcover_core.settings import Interpolation, Preparation

WHITE = (255, 255, 255)


def make_squares(
    cover: Image.Image, methods: Collection[Preparation], size: int, interpolation: Interpolation
) -> dict[Preparation, Image.Image]:
    """The cover, 8-bit RGB, as squares of `size` x `size` pixels, one for each method: section 3.2.

    NoPrep and Padded both scale the cover's longer side to the square's, and only then the shorter one, Padded with the
    borders: white borders beside the cover do not alter the first scaling, which is done once.
    """
    resampling, fitted = Image.Resampling[interpolation.upper()], cover
    if any(method is not Preparation.CROPPED for method in methods):
        is_wide = cover.width > cover.height
        fitted = cover.resize((size, cover.height) if is_wide else (cover.width, size), resampling)
    squares = {
        Preparation.NOPREP: lambda: fitted.resize((size, size), resampling),
        Preparation.PADDED: lambda: _pad(fitted, cover).resize((size, size), resampling),
        Preparation.CROPPED: lambda: _crop(cover, size, resampling),
    }
    return {method: squares[method]() for method in methods}


def _pad(fitted: Image.Image, cover: Image.Image) -> Image.Image:
    """`fitted`, the cover with its longer side scaled already, between borders to a square, had nothing been scaled."""
    longer = max(cover.size)
    if cover.width > cover.height:
        canvas, corner = (fitted.width, longer), (0, (longer - cover.height) // 2)
    else:
        canvas, corner = (longer, fitted.height), ((longer - cover.width) // 2, 0)
    padded = Image.new("RGB", canvas, WHITE)
    padded.paste(fitted, corner)
    return padded


def _crop(cover: Image.Image, size: int, resampling: Image.Resampling) -> Image.Image:
    """The centre square of the cover, scaled (Cropped); of an odd number of pixels, one more goes right or below."""
    side = min(cover.size)
    left, top = (cover.width - side) // 2, (cover.height - side) // 2
    return cover.resize((size, size), resampling, box=(left, top, left + side, top + side))
