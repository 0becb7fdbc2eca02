"""Paints the invented covers: the same book has the same bytes on every machine with the same Pillow.

Palette, motif, layout, typeface and format lean by category, which is what a network can learn.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from bookcover_core.demo_data.motifs import MOTIFS, Sketch, spread
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import BLACK, WHITE, Colour, Palette, luminance, mix, styles
from bookcover_core.demo_data.typesetting import Box, set_text

_GREYSCALE, _CMYK, _PNG = 0.015, 0.01, 0.01  # shares of the rarer ways in which shops store a cover
_BORROWED = 0.15  # share of a cover's elements (palette, motif, layout …) that are another category's: genres overlap
_READABLE = 90  # contrast of luminance, of 255, that type has at least

Shares = Sequence[float]  # a box: left, top, right, bottom as shares of width and height


class Layout(NamedTuple):
    """Where things stand on a cover."""

    picture: Shares
    title: Shares
    author: Shares  # on the panel if the title is, else beside it
    panel: Shares = (0, 0, 0, 0)
    align: str = "center"


LAYOUTS = {name: Layout(**each) for name, each in styles()["layouts"].items()}


class CoverDesign(NamedTuple):
    """What is chosen before a cover is painted."""

    palette: Palette
    motif: str
    layout: str
    typeface: str
    format: str


def choose_design(category: str, random: RandomStream) -> CoverDesign:
    """A design for a book of `category`: most of it the category's own."""
    categories = styles()["categories"]
    chosen = []
    for element in range(len(CoverDesign._fields)):
        lender = random.pick(list(categories)) if random.happens(_BORROWED) else category
        chosen.append(random.pick(categories[lender]["designs"].split(" / ")[element].split()))
    palette, *rest = chosen
    tint = (random.whole(0, 255), random.whole(0, 255), random.whole(0, 255))
    codes = map(bytes.fromhex, styles()["palettes"][palette].split())
    colours = [mix((red, green, blue), tint, 0.1) for red, green, blue in codes]
    return CoverDesign(Palette(*colours), *rest)


def draw_cover(seed: int, key: str, category: str, title: str, author: str, *, volumes: int = 1) -> bytes:
    """The cover of a book as a JPEG (quality 85; now and then greyscale, CMYK, or a PNG).

    What follows a colon in the title is set smaller. A box set shows its `volumes` on white.
    """
    random = RandomStream(seed, key, "cover")
    design = choose_design(category, random)
    width, height = random.pick(styles()["formats"][design.format])
    size = (width, height)
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

    def box(shares: Shares) -> Box:
        left, top, right, bottom = (round(share * size[place % 2]) for place, share in enumerate(shares))
        return left, top, right, bottom

    image = Image.new("RGB", size, palette.ground)
    left, top, right, bottom = box(layout.picture)
    sketch = Sketch((right - left, bottom - top), palette, random)
    MOTIFS[design.motif](sketch)
    image.paste(sketch.finish(), (left, top))
    behind, panel = palette.ground, layout.panel
    if panel[3]:
        colour = random.pick((palette.accent, palette.second, mix(palette.ground, WHITE, 0.85)))
        ImageDraw.Draw(image).rectangle(box(panel), fill=colour)
        if panel[1] < layout.title[1] < panel[3] and panel[0] < layout.title[0] < panel[2]:
            behind = colour
    ink = _readable(behind, palette, random)
    quiet = "sans" if design.typeface in {"bold", "oblique", "mono", "sans"} else "roman"
    small = round(0.055 * min(size))
    main, _, subtitle = title.partition(":")
    area = box(layout.title)
    split = area[3] - round(0.22 * (area[3] - area[1])) if subtitle else area[3]
    large = round(0.18 * min(size))
    end = set_text(image, (*area[:3], split), main, design.typeface, ink, largest=large, align=layout.align)
    set_text(image, (area[0], end + 4, *area[2:]), subtitle, quiet, ink, largest=small, align=layout.align)
    set_text(image, box(layout.author), author, quiet, ink, largest=small, align=layout.align)
    return image


def _readable(behind: Colour, palette: Palette, random: RandomStream) -> Colour:
    """A colour for type, of the palette if one stands out."""
    light = luminance(behind)
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
    image.save(content, "JPEG", quality=85)
    return content.getvalue()
