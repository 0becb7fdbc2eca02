"""Paints the invented covers: from a book's key, category, title and author to the bytes of its picture.

A cover depends on the seed and the book alone: the same book has the same bytes on every machine with the same Pillow.
"""

import io
import unicodedata
from types import MappingProxyType
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from bookcover_core.demo_data.motifs import MOTIFS, Sketch, spread
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import (
    BLACK,
    WHITE,
    Colour,
    CoverDesign,
    choose_design,
    luminance,
    mix,
)
from bookcover_core.demo_data.typesetting import Box, set_text

JPEG_QUALITY = 85

# Shares of the rarer ways in which shops store a cover.
_GREYSCALE, _CMYK, _PNG = 0.015, 0.01, 0.01

# Contrast of luminance, of 255, that type has at least.
_READABLE = 90

# Width and height in pixels.
FORMATS = MappingProxyType({
    "tall": ((333, 500), (331, 500), (323, 500), (310, 475), (266, 400)),
    "large": ((386, 500), (400, 500), (375, 500), (355, 460)),
    "square": ((450, 450), (400, 400), (385, 500), (500, 430)),
    "wide": ((500, 386), (500, 400), (450, 450)),
})  # fmt: skip


class Layout(NamedTuple):
    """Where things stand on a cover: boxes of left, top, right, bottom as shares of width and height."""

    picture: tuple[float, float, float, float]
    title: tuple[float, float, float, float]
    author: tuple[float, float, float, float]
    panel: tuple[float, float, float, float] | None = None
    """A field of another colour."""
    align: str = "centre"


LAYOUTS = MappingProxyType({
    "band": Layout((0.3, 0.55, 0.94, 0.88), (0.3, 0.07, 0.95, 0.5), (0.3, 0.9, 0.95, 0.96), (0, 0, 0.2, 1), "left"),
    "banner": Layout((0, 0, 1, 0.6), (0.07, 0.64, 0.93, 0.87), (0.07, 0.9, 0.93, 0.96), (0, 0.6, 1, 1)),
    "calendar": Layout((0, 0, 1, 0.62), (0.06, 0.65, 0.5, 0.88), (0.06, 0.9, 0.5, 0.96), None, "left"),
    "frame": Layout((0.25, 0.47, 0.75, 0.8), (0.12, 0.1, 0.88, 0.44), (0.15, 0.84, 0.85, 0.9)),
    "label": Layout((0, 0, 1, 1), (0.19, 0.28, 0.81, 0.56), (0.19, 0.6, 0.81, 0.66), (0.12, 0.22, 0.88, 0.72)),
    "masthead": Layout((0, 0.36, 1, 1), (0.04, 0.09, 0.96, 0.36), (0.08, 0.03, 0.92, 0.08)),
    "poster": Layout((0, 0.4, 1, 1), (0.08, 0.06, 0.92, 0.33), (0.1, 0.35, 0.9, 0.4)),
    "textbook": Layout((0, 0.42, 1, 0.86), (0.08, 0.07, 0.92, 0.34), (0.08, 0.91, 0.92, 0.97), (0, 0, 1, 0.4), "left"),
    "type": Layout((0.48, 0.62, 0.95, 0.88), (0.08, 0.07, 0.94, 0.58), (0.08, 0.91, 0.94, 0.97), None, "left"),
})  # fmt: skip


def draw_cover(seed: int, key: str, category: str, title: str, author: str, *, volumes: int = 1) -> bytes:
    """A book's cover as a JPEG (quality 85; now and then greyscale, CMYK, or a PNG).

    Args:
        seed: Seed of the publisher.
        key: Key of the book.
        category: Its genre: one of the categories of styles.toml.
        title: Its title; what follows a colon is set smaller.
        author: Its author; may be empty.
        volumes: Books on the picture: 1 for a single cover, more for a box set, which shows its volumes on white.
    """
    random = RandomStream(seed, key, "cover")
    design = choose_design(category, random)
    size = random.pick(FORMATS[design.format])
    if volumes == 1:
        return _encode(_paint(size, design, title, author, random), random)
    image = Image.new("RGB", size, WHITE)
    front = (round(size[0] * 0.5), round(min(size[1] * 0.62, size[0] * 0.78)))
    for number, share in enumerate(spread(0, 1, volumes), start=1):
        cover = ImageOps.expand(_paint(front, design, f"{title} {number}", author, random), 1, (120, 120, 124))
        image.paste(cover, (round(share * (size[0] - front[0] - 2)), round((0.1 + 0.8 * share) * (size[1] - front[1]))))
    return _encode(image, random)


def _paint(size: tuple[int, int], design: CoverDesign, title: str, author: str, random: RandomStream) -> Image.Image:
    palette, layout = design.palette, LAYOUTS[design.layout]

    def box(shares: tuple[float, float, float, float]) -> Box:
        left, top, right, bottom = (round(share * size[place % 2]) for place, share in enumerate(shares))
        return left, top, right, bottom

    image = Image.new("RGB", size, palette.ground)
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box(layout.picture)
    sketch = Sketch((right - left, bottom - top), palette, random)
    MOTIFS[design.motif](sketch)
    image.paste(sketch.finish(), (left, top))
    behind = palette.ground
    if layout.panel:
        behind = random.pick((palette.accent, palette.second, mix(palette.ground, WHITE, 0.85)))
        draw.rectangle(box(layout.panel), fill=behind)
    _decorate(draw, size, design)
    if layout.panel and not _within(layout.title, layout.panel):
        behind = palette.ground
    ink = _readable(behind, design, random)
    main, _, subtitle = _printable(title).partition(":")
    area = box(layout.title)
    quiet = "sans" if design.typeface in {"grotesque", "condensed", "oblique", "rounded", "mono", "sans"} else "roman"
    split = area[3] - round(0.22 * (area[3] - area[1])) if subtitle else area[3]
    largest = round(0.2 * min(size))
    end = set_text(image, (*area[:3], split), main, design.typeface, ink, largest=largest, align=layout.align)
    small = round(0.055 * min(size))
    set_text(image, (area[0], end + 4, *area[2:]), subtitle, quiet, ink, largest=small, align=layout.align)
    below = box(layout.author)
    over = behind if layout.panel and _within(layout.author, layout.panel) else palette.ground
    set_text(
        image, below, _printable(author), quiet, _readable(over, design, random), largest=small, align=layout.align
    )
    return image


def _within(box: tuple[float, ...], panel: tuple[float, ...]) -> bool:
    return panel[0] <= box[0] and panel[1] <= box[1] and panel[2] >= box[2] and panel[3] >= box[3]


def _decorate(draw: ImageDraw.ImageDraw, size: tuple[int, int], design: CoverDesign) -> None:
    """Draw what a layout has beside its picture: frames, rules, the days of a calendar."""
    width, height = size
    palette = design.palette
    match design.layout:
        case "frame":
            for share, thick in ((0.04, 4), (0.065, 1)):
                gap = round(share * width)
                draw.rectangle((gap, gap, width - gap, height - gap), outline=palette.accent, width=thick)
        case "label":
            inner = (0.14 * width, 0.235 * height, 0.86 * width, 0.705 * height)
            draw.rectangle(inner, outline=palette.ink, width=2)
        case "type" | "textbook":
            top = (0.6 if design.layout == "type" else 0.4) * height
            draw.rectangle((0.08 * width, top, 0.36 * width, top + 0.012 * height), fill=palette.accent)
        case "calendar":
            for day in range(35):
                left, top = (0.56 + 0.055 * (day % 7)) * width, (0.67 + 0.055 * (day // 7)) * height
                fill = palette.accent if day % 7 == 6 else palette.second
                draw.rectangle((left, top, left + 0.04 * width, top + 0.035 * height), fill=fill)


def _readable(behind: Colour, design: CoverDesign, random: RandomStream) -> Colour:
    """A colour for type, of the palette if one stands out."""
    palette, light = design.palette, luminance(behind)
    good = [c for c in (palette.ink, palette.accent, palette.ground) if abs(luminance(c) - light) > _READABLE]
    return random.pick(good[:2]) if good else BLACK if light > 127 else WHITE


def _encode(image: Image.Image, random: RandomStream) -> bytes:
    content = io.BytesIO()
    kind = random.share()
    if kind < _PNG:
        image.save(content, "PNG", compress_level=3)
        return content.getvalue()
    if kind < _PNG + _CMYK:
        image = image.convert("CMYK")
    elif kind < _PNG + _CMYK + _GREYSCALE:
        image = image.convert("L")
    image.save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


def _printable(text: str) -> str:
    """`text` without accents: Computer Modern has none."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
