"""Type on the invented covers: typefaces, and lines that are sized to fill a box.

The fonts are those that Matplotlib ships (DejaVu, STIX, Computer Modern), so that a cover looks the same everywhere.
Pillow's basic layout engine is used: the other one is not installed on every machine.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from bookcover_core.demo_data.styles import Colour

Box = tuple[int, int, int, int]

# Widths are measured once at this size and scaled.
_MEASURE = 100
_SMALLEST = 6


class Typeface(NamedTuple):
    """A way to set type."""

    font: str
    """Name of the font's file, without its ending."""
    stretch: float = 1.0
    """Width of the letters, 1 being the font's own."""
    capitals: bool = False
    """Whether everything is set in capitals."""
    leading: float = 1.1
    """Distance between lines, in ems."""


TYPEFACES = MappingProxyType({
    "condensed": Typeface("DejaVuSans-Bold", 0.58, capitals=True, leading=1.0),
    "grotesque": Typeface("DejaVuSans-Bold", 0.86),
    "inscription": Typeface("STIXGeneralBol", 0.9, capitals=True),
    "italic": Typeface("STIXGeneralBolIta", 1.05, leading=1.0),
    "modern": Typeface("cmb10"),
    "mono": Typeface("DejaVuSansMono-Bold", 0.85),
    "oblique": Typeface("DejaVuSans-BoldOblique", 0.72, capitals=True, leading=1.0),
    "roman": Typeface("STIXGeneralBol"),
    "rounded": Typeface("DejaVuSans-Bold", leading=1.05),
    "sans": Typeface("DejaVuSans", 0.9),
    "slab": Typeface("DejaVuSerif-Bold", 0.84),
})  # fmt: skip


def set_text(
    image: Image.Image, box: Box, text: str, typeface: str, fill: Colour, *, largest: int = 200, align: str = "centre"
) -> int:
    """Print `text` as large as it fits into `box`, and return where it ends, in pixels from the top.

    Args:
        image: What is printed on (RGB).
        box: Left, top, right, bottom in pixels.
        text: What is printed; nothing where it is empty.
        typeface: One of `TYPEFACES`.
        fill: Colour of the letters.
        largest: Size in pixels, at most.
        align: "left" or "centre".
    """
    left, top, right, bottom = box
    face = TYPEFACES[typeface]
    words = (text.upper() if face.capitals else text).split()
    if not words or right - left < _SMALLEST or bottom - top < _SMALLEST:
        return top
    lines, size = _fit(face, words, right - left, bottom - top, largest)
    wide = round((right - left) / face.stretch)
    mask = Image.new("L", (wide, min(bottom - top, round(size * face.leading * len(lines) + 0.1 * size))))
    draw = ImageDraw.Draw(mask)
    for number, line in enumerate(lines):
        x, anchor = (0, "lm") if align == "left" else (wide // 2, "mm")
        draw.text((x, (number + 0.5) * size * face.leading), line, 255, _font(face.font, size), anchor)
    mask = mask.resize((right - left, mask.height), Image.Resampling.BILINEAR)
    image.paste(fill, (left, top), mask)
    return top + mask.height


def _fit(face: Typeface, words: list[str], width: int, height: int, largest: int) -> tuple[list[str], int]:
    """The largest size at which the words fill no more than a box, and their lines at that size."""
    for size in range(min(largest, height), _SMALLEST, -1):
        lines = _break(face, words, width / size)
        if size * face.leading * len(lines) <= height and all(_ems(face, line) * size <= width for line in lines):
            return lines, size
    return _break(face, words, width / _SMALLEST), _SMALLEST


def _break(face: Typeface, words: list[str], ems: float) -> list[str]:
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if _ems(face, longer) <= ems:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _ems(face: Typeface, text: str) -> float:
    """Width of `text` in ems."""
    return face.stretch * sum(_letter(face.font, letter) for letter in text)


@cache
def _letter(font: str, letter: str) -> float:
    return _font(font, _MEASURE).getlength(letter) / _MEASURE


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_folder() / f"{name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _font_folder() -> Path:
    """Where Matplotlib keeps its fonts; found without the second that importing it takes."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
