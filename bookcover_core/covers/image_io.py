"""Decoding of covers to the RGB image that a viewer would see.

Covers arrive as greyscale, palette, CMYK, 16-bit or half-transparent images, with colour profiles, rotated by EXIF, or
animated. Everything that needs pixels (checks of downloads, preparation, the report) decodes them here.
"""

import errno
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from bookcover_core.errors import WorkerError

# Of a cover whose EXIF data is broken, or that is large, nobody needs to hear from Pillow.
warnings.filterwarnings("ignore", module=r"PIL\.")

# Text and profiles of a PNG, unpacked: Pillow's own limit of 1 MiB refuses profiles that exist.
MOST_TEXT_BYTES = 16 * 1024**2
PngImagePlugin.MAX_TEXT_CHUNK = MOST_TEXT_BYTES

# All readers are registered now: later, while descriptors are short, that would fail as if a file did.
Image.init()

# All other readers stay shut. A JPEG with several pictures in it counts as MPO.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000")

MOST_PIXELS = 178_956_970  # Pillow refuses pictures of more pixels whatever it is told: twice its MAX_IMAGE_PIXELS

# By how much the grey levels of a PNG of few bits are multiplied, but not the level that its tRNS chunk names.
_GREY_STEPS = {"L;2": 85, "L;4": 17}

# What Pillow's readers raise, beside OSError and ValueError, when a file is cut or damaged.
_DAMAGE = (SyntaxError, EOFError, LookupError, TypeError, OverflowError, RuntimeError, struct.error, zlib.error)

# Pillow's mode for each colour space of a profile, as ICC.1:2022 (table 19) writes it.
_MODES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L", "Lab ": "LAB"}

_SAME = 2  # steps of 255 by which the colours of a profile may differ from sRGB's and count as sRGB
_GRID = 9  # levels of each colour that are looked at

# What Pillow and Little CMS raise for a profile that is damaged, or of another kind than of colours.
_PROFILE_DAMAGE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError)

# What a system is short of, which says nothing of the image.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE})


class ImageLimitError(ValueError):
    """An image of more pixels, or more text beside them, than are decoded."""


class PixelDepthError(OSError):
    """An image of pixels of which nobody knows what is white."""


def is_shortage(error: OSError) -> bool:
    """Whether an error met while an image was read is the system's, and not the image's."""
    return error.errno in _SHORTAGES


def refuse_shortage(error: Exception, file: Path) -> None:
    """Raise `WorkerError` where an error met while `file` was read is the system's, and not the image's."""
    if isinstance(error, OSError) and is_shortage(error):
        what = f"the cover cannot be read now: a shortage on this machine ({error.strerror})"
        advice = "Close other programs, and start the same command again: what is done is kept."
        raise WorkerError(what, where=file, advice=advice) from error


def read_rgb(source: Path | bytes, *, max_pixels: int = MOST_PIXELS) -> Image.Image:
    """The picture as 8-bit sRGB: upright, its first frame, on white where it is transparent.

    Its format is told by content (`FORMATS`); its pixels, `max_pixels` at most, are counted before it is decoded.
    Raises `OSError` where it is no picture of these formats (PIL.UnidentifiedImageError), damaged, or of more than 16
    bits; `ImageLimitError` where it has more pixels than `max_pixels` (a subclass of ValueError).
    """
    with open_image(source, max_pixels=max_pixels) as picture:
        return decode_rgb(picture)


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
    except ImageLimitError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageLimitError(str(error)) from error
    except (*_DAMAGE, ValueError) as error:
        if "MAX_TEXT" in str(error):
            raise ImageLimitError(f"text or a profile of more than {MOST_TEXT_BYTES:,} bytes") from error
        raise OSError(f"the picture is damaged: {error}") from error


def _check_size(picture: Image.Image, max_pixels: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageLimitError(f"{width} x {height} pixels, more than {max_pixels:,}")


def decode_rgb(picture: Image.Image) -> Image.Image:
    """An opened picture as `read_rgb` gives it; at a lower resolution where its draft mode was set."""
    if picture.mode in {"I", "F"}:
        raise PixelDepthError("its pixels have more than 16 bits, which are not read")
    profile = picture.info.get("icc_profile")
    seen_through = _transparent_colour(picture)
    picture.load()
    with suppress(*_DAMAGE, OSError, ValueError):
        ImageOps.exif_transpose(picture, in_place=True)  # not a copy, which takes as long as half of decoding
    if seen_through is not None:
        picture.info["transparency"] = seen_through
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture, seen_through)
    if not picture.has_transparency_data:
        return _in_srgb(picture, profile)
    layer = picture.convert("RGBA")
    alpha = layer.getchannel("A")
    # A bitmap of 32 bits may leave its fourth byte empty, as programs do that know no transparency.
    if picture.format == "BMP" and not alpha.getbbox():
        return _in_srgb(layer, profile)
    colours = picture if picture.mode in {"RGB", "L"} else picture.convert("L") if picture.mode == "LA" else layer
    page = Image.new("RGB", layer.size, "white")
    page.paste(_in_srgb(colours, profile), mask=alpha)
    return page


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture without transparency as RGB, by its profile where it has one."""
    if picture.mode == "LAB" and not profile:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if profile:
        colours = picture if picture.mode in _MODES.values() else picture.convert("RGB")
        if transform := _find_transform(profile, colours.mode):
            picture = ImageCms.applyTransform(colours, transform) or picture
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _transparent_colour(picture: Image.Image) -> int | tuple[int, ...] | None:
    """The colour that a PNG's tRNS chunk makes transparent, in bits of the picture and not of the file as there."""
    colour: int | tuple[int, ...] | bytes | None = picture.info.get("transparency")
    if not isinstance(picture, PngImagePlugin.PngImageFile) or not picture.tile or isinstance(colour, bytes | None):
        return None
    layout = str(picture.tile[0].args)
    if isinstance(colour, tuple):
        return tuple(level >> 8 for level in colour) if layout == "RGB;16B" else None
    return colour * _GREY_STEPS.get(layout, 1)


def _eight_bits(picture: Image.Image, seen_through: int | tuple[int, ...] | None) -> Image.Image:
    """A 16-bit greyscale picture with 8 bits: 65,535 becomes 255, where Pillow would cut everything above 255."""
    import numpy as np  # noqa: PLC0415 - few covers have 16 bits, and a process that fetches starts without numpy

    values = np.asarray(picture).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    if seen_through is None:
        return Image.fromarray(grey)
    return Image.fromarray(np.dstack([grey, np.where(values == seen_through, 0, 255).astype(np.uint8)]), "LA")


@lru_cache(maxsize=16)
def _find_transform(profile: bytes, mode: str) -> Any:
    """What makes colours of a mode sRGB, by the intent that the profile names; None where that changes nothing."""
    try:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if _MODES.get(own.profile.xcolor_space) != mode:
            return None
        intent, flags = ImageCms.Intent(ImageCms.getDefaultIntent(own)), ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform: Any = ImageCms.buildTransform(own, srgb, mode, "RGB", intent, flags)
        return None if mode == "RGB" and _changes_little(transform) else transform
    except _PROFILE_DAMAGE:
        return None


def _changes_little(transform: Any) -> bool:
    """Whether a transform leaves colours as they are, but for rounding: its profile is sRGB's."""
    steps = [round(step * 255 / (_GRID - 1)) for step in range(_GRID)]
    before = bytes(level for red in steps for green in steps for blue in steps for level in (red, green, blue))
    after = ImageCms.applyTransform(Image.frombytes("RGB", (_GRID**2, _GRID), before), transform)
    assert after is not None
    return all(abs(one - other) <= _SAME for one, other in zip(before, after.tobytes(), strict=True))
