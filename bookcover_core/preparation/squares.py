"""Squares: the three ways of section 3.2 to make a cover square, and how pixels are computed when it is scaled.

    NoPrep      the cover is scaled straight to the square; its proportions change
    Padded      white borders left and right, or above and below, then scaled; all of the cover, in its proportions
    Cropped     the centre square of the cover, then scaled; its proportions, but not all of it

Bicubic interpolation, in one dimension. The value of a new pixel is a weighted mean of the old pixels x_i around the
place u that it comes from,

    value(u) = sum_i x_i k(u - i) / sum_i k(u - i)

with the cubic convolution kernel (Keys 1981)

    k(t) = (a + 2)|t|^3 - (a + 3)|t|^2 + 1          for |t| <= 1
    k(t) = a|t|^3 - 5a|t|^2 + 8a|t| - 4a            for 1 < |t| < 2
    k(t) = 0                                        beyond

k is 1 at 0 and 0 at all other whole numbers, so a picture that is not scaled stays as it is; its slope is continuous,
so edges stay smooth; and it is negative between 1 and 2, which makes edges a little sharper than they were. Pillow
takes a = -0.5, with which a parabola is reproduced exactly. A picture is scaled in one direction, then in the other,
with whole numbers of 0 to 255 in between.

When a picture shrinks by a factor s > 1, Pillow widens the kernel to k(t / s): every new pixel then is a mean of 4s old
ones, and detail finer than the new pixels is averaged away (antialiasing). OpenCV's INTER_CUBIC takes a = -0.75 and
always 4 old pixels: what lies between them is lost, and fine patterns turn into coarse ones that the cover does not
have. The two give different pictures, and a network trained on one should be asked with the same.
"""

from collections.abc import Iterable

from PIL import Image

from bookcover_core.settings import Interpolation, Preparation

WHITE = (255, 255, 255)

_RESAMPLING = {
    Interpolation.NEAREST: Image.Resampling.NEAREST,
    Interpolation.BOX: Image.Resampling.BOX,
    Interpolation.BILINEAR: Image.Resampling.BILINEAR,
    Interpolation.BICUBIC: Image.Resampling.BICUBIC,
    Interpolation.LANCZOS: Image.Resampling.LANCZOS,
}


def make_square(
    cover: Image.Image, method: Preparation, size: int, interpolation: Interpolation = Interpolation.BICUBIC
) -> Image.Image:
    """The cover as an RGB square of `size` x `size` pixels: section 3.2.

    Args:
        cover: The cover, 8-bit RGB, of any width and height.
        method: How it is made square.
        size: Side of the square in pixels.
        interpolation: How pixels are computed.
    """
    return make_squares(cover, [method], size, interpolation)[method]


def make_squares(
    cover: Image.Image,
    methods: Iterable[Preparation],
    size: int,
    interpolation: Interpolation = Interpolation.BICUBIC,
) -> dict[Preparation, Image.Image]:
    """The cover as squares, one for each method: pixel for pixel those of `make_square`.

    NoPrep and Padded both scale the cover's longer side to the square's, and only then the shorter one, Padded with the
    borders: a scaling goes in one direction after the other, and white borders beside the cover do not alter the first.
    What the two have in common is done once.
    """
    wanted = list(methods)
    resampling = _RESAMPLING[interpolation]
    is_wide = cover.width > cover.height
    fitted = cover
    if any(method is not Preparation.CROPPED for method in wanted):
        fitted = cover.resize((size, cover.height) if is_wide else (cover.width, size), resampling)
    squares = {
        Preparation.NOPREP: lambda: fitted.resize((size, size), resampling),
        Preparation.PADDED: lambda: _pad(fitted, cover).resize((size, size), resampling),
        Preparation.CROPPED: lambda: _crop(cover, size, resampling),
    }
    return {method: squares[method]() for method in wanted}


def _pad(fitted: Image.Image, cover: Image.Image) -> Image.Image:
    """`fitted`, which is the cover with its longer side scaled already, between white borders.

    Beside the scaled side it is as long as the cover's longer side: a square, had nothing been scaled. Of an odd number
    of pixels, one more goes right or below.
    """
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
