"""Decoding of covers to the RGB image that a viewer would see.

Covers arrive as greyscale, palette, CMYK, 16-bit or half-transparent images, rotated by EXIF, or animated. Everything
that needs pixels (checks of downloads, preparation, the report) decodes them here, so that all see the same image.
"""

import errno
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Readers are registered when they are imported: later, while descriptors are short, that would fail as if a file did.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from bookcover_core.errors import WorkerError

_READERS = {
    "JPEG": (JpegImagePlugin, MpoImagePlugin),
    "PNG": (PngImagePlugin,),
    "GIF": (GifImagePlugin,),
    "WEBP": (WebPImagePlugin,),
    "BMP": (BmpImagePlugin,),
    "TIFF": (TiffImagePlugin,),
    "AVIF": (AvifImagePlugin,),
    "JPEG2000": (Jpeg2KImagePlugin,),
}

# Formats that are read; all other readers of Pillow stay shut. A JPEG with several pictures in it counts as MPO.
FORMATS = tuple(_READERS)

# Pillow refuses pictures of more pixels whatever it is told: twice its MAX_IMAGE_PIXELS.
MOST_PIXELS = 178_956_970

_WHITE = (255, 255, 255)

# What Pillow's readers raise, beside OSError and ValueError, when a file is cut or damaged.
_DAMAGE = (
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)


class TooManyPixelsError(ValueError):
    """An image of more pixels than are decoded."""


# What a system is short of, which says nothing of the image.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE})


def is_shortage(error: OSError) -> bool:
    """Whether an error met while an image was read is the system's, and not the image's."""
    return error.errno in _SHORTAGES


def refuse_shortage(error: Exception, file: Path) -> None:
    """Raise `WorkerError` where an error met while `file` was read is the system's, and not the image's."""
    if isinstance(error, OSError) and is_shortage(error):
        raise WorkerError(
            f"the cover cannot be read now: a shortage on this machine ({error.strerror})",
            where=file,
            advice="Close other programs, and start the same command again: what is done is kept.",
        ) from error


def read_rgb(source: Path | bytes, *, max_pixels: int = MOST_PIXELS) -> Image.Image:
    """The picture as 8-bit RGB: upright, its first frame, on white where it is transparent.

    Args:
        source: A file, or the bytes of one, of the formats `FORMATS`, told by content and not by name.
        max_pixels: Width times height, at most; checked before anything is decoded.

    Raises:
        PIL.UnidentifiedImageError: It is no picture of these formats (a subclass of OSError).
        OSError: It cannot be read, or is cut or damaged.
        TooManyPixelsError: It has more pixels than `max_pixels` (a subclass of ValueError).
    """
    with open_image(source, max_pixels=max_pixels) as picture:
        return _as_rgb(_upright(picture))


@contextmanager
def open_image(source: Path | bytes, *, max_pixels: int = MOST_PIXELS) -> Iterator[Image.Image]:
    """The picture as its file has it, header read but pixels not yet decoded; closed when the block ends.

    Errors of decoding inside the block are those of `read_rgb` too.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=FORMATS) as picture:
            _check_size(picture, max_pixels)
            yield picture
    except TooManyPixelsError:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(str(error)) from error
    except (*_DAMAGE, ValueError) as error:
        raise OSError(f"the picture is damaged: {error}") from error


def _check_size(picture: Image.Image, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels, more than {max_pixels:,}")


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says; as it is where that cannot be read."""
    picture.load()
    with suppress(*_DAMAGE, OSError, ValueError):
        ImageOps.exif_transpose(picture, in_place=True)  # not a copy, which takes as long as half of decoding
    return picture


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    layer = picture.convert("RGBA")
    page = Image.new("RGB", layer.size, _WHITE)
    page.paste(layer, mask=layer.getchannel("A"))
    return page


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A 16-bit greyscale picture with 8 bits: 65,535 becomes 255, where Pillow would cut everything above 255."""
    import numpy as np  # noqa: PLC0415 - few covers have 16 bits, and a process that fetches starts without numpy

    values = np.asarray(picture).astype(np.uint32)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))
