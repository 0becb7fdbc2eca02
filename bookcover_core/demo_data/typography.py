"""Type on the invented covers: typefaces, and lines that are broken and sized to fill a box.

The fonts are those that Matplotlib ships (DejaVu, STIX, Computer Modern), so that a cover looks the same everywhere.
Pillow's basic layout engine is used: the other one is not installed on every machine.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from bookcover_core.demo_data.palettes import BLACK, Colour, luminance, mix

Align = Literal["left", "centre", "right"]
Box = tuple[int, int, int, int]

# Widths are measured once at this size and scaled.
_MEASURE = 100


@dataclass(frozen=True)
class Face:
    """A way to set type."""

    font: str
    """Name of the font's file, without its ending."""
    stretch: float = 1.0
    """Width of the letters, 1 being the font's own."""
    tracking: float = 0.0
    """Space between letters, in ems."""
    capitals: bool = False
    """Whether everything is set in capitals."""
    leading: float = 1.12
    """Distance between lines, in ems."""


FACES = MappingProxyType({
    "grotesque": Face("DejaVuSans-Bold", stretch=0.86, leading=1.08),
    "sans": Face("DejaVuSans", stretch=0.9),
    "light": Face("cmss10"),
    "condensed": Face("DejaVuSans-Bold", stretch=0.6, capitals=True, leading=1.02),
    "poster": Face("DejaVuSans-Bold", stretch=0.48, capitals=True, leading=0.98),
    "oblique": Face("DejaVuSans-BoldOblique", stretch=0.72, capitals=True, leading=1.0),
    "rounded": Face("DejaVuSans-Bold", stretch=0.95, leading=1.05),
    "slab": Face("DejaVuSerif-Bold", stretch=0.84, leading=1.08),
    "western": Face("DejaVuSerif-Bold", stretch=0.6, capitals=True, leading=1.02),
    "roman": Face("STIXGeneral", leading=1.05),
    "bold roman": Face("STIXGeneralBol", leading=1.05),
    "italic": Face("STIXGeneralItalic", leading=1.0),
    "bold italic": Face("STIXGeneralBolIta", leading=1.0),
    "inscription": Face("STIXGeneral", tracking=0.1, capitals=True, leading=1.15),
    "epic": Face("STIXGeneralBol", stretch=0.8, tracking=0.04, capitals=True, leading=1.0),
    "modern": Face("cmr10", leading=1.08),
    "modern bold": Face("cmb10", leading=1.08),
    "script": Face("cmti10", stretch=0.92, leading=1.0),
    "spaced": Face("DejaVuSans", stretch=0.8, tracking=0.16, capitals=True, leading=1.3),
    "monospace": Face("DejaVuSansMono-Bold", stretch=0.85),
    "typewriter": Face("cmtt10"),
})  # fmt: skip


@cache
def _font_folder() -> Path:
    """Where Matplotlib keeps its fonts; found without the second that importing it takes."""
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_font_folder() / f"{name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _ems(name: str, text: str) -> float:
    """Width of `text` in ems."""
    return _font(name, _MEASURE).getlength(text) / _MEASURE


def _width(face: Face, text: str) -> float:
    return (_ems(face.font, text) + face.tracking * (len(text) - 1)) * face.stretch


def break_lines(face: Face, text: str, count: int) -> list[str]:
    """`text` in at most `count` lines whose longest is as short as a search over widths finds."""
    words = text.split()
    widths = [_width(face, word) for word in words]
    space = _width(face, " ")
    low, high = max(widths), sum(widths) + space * len(words)
    for _ in range(12):
        middle = (low + high) / 2
        if len(_fill(words, widths, space, middle)) <= count:
            high = middle
        else:
            low = middle
    return _fill(words, widths, space, high)


def _fill(words: list[str], widths: list[float], space: float, limit: float) -> list[str]:
    lines: list[str] = []
    used = 0.0
    for word, width in zip(words, widths, strict=True):
        if lines and used + space + width <= limit:
            lines[-1] += f" {word}"
            used += space + width
        else:
            lines.append(word)
            used = width
    return lines


def fit(face: Face, text: str, width: int, height: int, *, lines: int = 6, largest: int = 200) -> tuple[list[str], int]:
    """The lines that `text` is best broken into to fill a box, and the size in pixels at which they fill it."""
    best: tuple[list[str], int] = ([text], 1)
    for count in range(1, min(lines, len(text.split())) + 1):
        broken = break_lines(face, text, count)
        longest = max(_width(face, line) for line in broken)
        size = int(min(width / longest, height / (face.leading * len(broken)), largest))
        if size > best[1]:
            best = (broken, size)
    return best


@dataclass(frozen=True)
class Ink:
    """What type is printed with."""

    fill: Colour
    shine: Colour | None = None
    """Colour of the letters' feet, for metallic type."""
    outline: Colour | None = None
    shadow: bool = False


def set_text(
    image: Image.Image,
    box: Box,
    text: str,
    face: Face,
    ink: Ink,
    *,
    align: Align = "centre",
    rise: float = 0.5,
    lines: int = 6,
    largest: int = 200,
) -> Box:
    """The box that `text` fills after it was set into `box` of `image`.

    Args:
        image: What is printed on (RGB).
        box: Left, top, right, bottom in pixels.
        text: What is printed; nothing happens where it is empty.
        face: How it is set.
        ink: What it is printed with.
        align: Where lines begin.
        rise: Where the lines stand in a box higher than they are: 0 at its top, 1 at its bottom.
        lines: Lines at most.
        largest: Size in pixels at most.
    """
    left, top, right, bottom = box
    text = " ".join(text.upper().split() if face.capitals else text.split())
    if not text or right - left < 8 or bottom - top < 6:
        return (left, top, right, top)
    broken, size = fit(face, text, right - left, bottom - top, lines=lines, largest=largest)
    block = round(size * face.leading * len(broken))
    mask = _mask(face, broken, size, right - left, block, align, 0)
    at = (left, top + round((bottom - top - block) * rise))
    if ink.shadow:
        dark = mix(ink.fill, BLACK, 0.85) if luminance(ink.fill) > 90 else (250, 250, 250)
        offset = max(1, size // 22)
        image.paste(dark, (at[0] + offset, at[1] + offset), mask)
    if ink.outline is not None:
        stroke = max(1, size // 16)
        image.paste(ink.outline, at, _mask(face, broken, size, right - left, block, align, stroke))
    if ink.shine is None:
        image.paste(ink.fill, at, mask)
    else:
        foil = Image.linear_gradient("L").resize(mask.size)
        image.paste(
            Image.composite(Image.new("RGB", mask.size, ink.shine), Image.new("RGB", mask.size, ink.fill), foil),
            at,
            mask,
        )
    return (left, at[1], right, at[1] + block)


def _mask(face: Face, lines: list[str], size: int, width: int, height: int, align: Align, stroke: int) -> Image.Image:
    """The letters as a mask of `width` by `height` pixels."""
    font = _font(face.font, size)
    wide = round(width / face.stretch)
    mask = Image.new("L", (wide, height))
    draw = ImageDraw.Draw(mask)
    for number, line in enumerate(lines):
        length = _width(face, line) / face.stretch * size
        x = {"left": 0.0, "centre": (wide - length) / 2, "right": wide - length}[align]
        y = round((number + 0.5) * size * face.leading)
        for piece in line if face.tracking else [line]:
            draw.text((int(x), y), piece, font=font, fill=255, anchor="lm", stroke_width=stroke)
            x += (_ems(face.font, piece) + face.tracking) * size
    return mask if wide == width else mask.resize((width, height), Image.Resampling.BILINEAR)
