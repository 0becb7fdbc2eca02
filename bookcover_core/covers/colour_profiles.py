"""Colour profiles (ICC): from an image's own colours to sRGB, which screens show and networks have learnt from."""

import io
from functools import lru_cache
from typing import Any

from PIL import Image, ImageCms

# Pillow's mode for each colour space of a profile, as ICC.1:2022 (table 19) writes it.
_MODES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L", "Lab ": "LAB"}

# Steps of 255 by which the colours of a profile may differ from sRGB's and count as sRGB.
_SAME = 2

_GRID = 9

# What Pillow and Little CMS raise for a profile that is damaged, or of another kind than of colours.
_DAMAGE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError)


def to_srgb(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """The picture (RGB, CMYK, L or LAB) as sRGB; None where it is that already, or the profile is of no use for it.

    The intent is that which the profile names, with black-point compensation.
    """
    transform = _find_transform(profile, picture.mode)
    return None if transform is None else ImageCms.applyTransform(picture, transform)


@lru_cache(maxsize=16)
def _find_transform(profile: bytes, mode: str) -> Any:
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODES.get(own.profile.xcolor_space) != mode:
            return None
        transform: Any = ImageCms.buildTransform(
            own,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent(ImageCms.getDefaultIntent(own)),
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if mode == "RGB" and _changes_little(transform) else transform
    except _DAMAGE:
        return None


def _changes_little(transform: Any) -> bool:
    """Whether a transform leaves colours as they are, but for rounding: its profile is sRGB's."""
    steps = [round(step * 255 / (_GRID - 1)) for step in range(_GRID)]
    before = bytes(level for red in steps for green in steps for blue in steps for level in (red, green, blue))
    grid = Image.frombytes("RGB", (_GRID**2, _GRID), before)
    after = ImageCms.applyTransform(grid, transform)
    return after is not None and all(
        abs(one - other) <= _SAME for one, other in zip(before, after.tobytes(), strict=True)
    )
