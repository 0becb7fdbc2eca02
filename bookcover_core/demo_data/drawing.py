"""Draws covers: from a book's key, genre, title and author to the bytes of its picture.

A cover hangs on the seed and the book alone: the same book has the same bytes on every machine with the same Pillow.
"""

import io
import unicodedata
from dataclasses import replace
from types import MappingProxyType

from PIL import Image, ImageOps

from bookcover_core.demo_data.canvas import Painter
from bookcover_core.demo_data.figures import FIGURES
from bookcover_core.demo_data.layouts import LAYOUTS
from bookcover_core.demo_data.looks import BORROWED, FROM_NEIGHBOUR, LOOKS, Look
from bookcover_core.demo_data.page import Design, Page
from bookcover_core.demo_data.palettes import BLACK, PALETTES, Colour, mix
from bookcover_core.demo_data.patterns import PATTERNS
from bookcover_core.demo_data.places import PLACES
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.still_lifes import STILL_LIFES
from bookcover_core.demo_data.things import THINGS
from bookcover_core.demo_data.typography import FACES, Ink, set_text

JPEG_QUALITY = 85

# Shares of the rarer ways in which shops store a cover.
_GREYSCALE, _CMYK, _PNG = 0.015, 0.01, 0.01

PICTURES: MappingProxyType[str, Painter] = MappingProxyType(
    {painter.__name__: painter for painter in (*PLACES, *THINGS, *STILL_LIFES, *FIGURES, *PATTERNS)}
)


def draw_cover(seed: int, key: str, category: str, title: str, author: str, *, volumes: int = 1) -> bytes:
    """A book's cover as a JPEG (quality 85; now and then greyscale, CMYK, or a PNG).

    Args:
        seed: Seed of the publisher.
        key: Key of the book.
        category: Its genre, one of `LOOKS`.
        title: Its title; what follows a colon is set smaller.
        author: Its author; may be empty.
        volumes: Books side by side on the picture: 1 for a single cover, more for a box set.
    """
    chance = RandomStream(seed, key, "cover")
    design = choose(category, chance)
    if volumes == 1:
        image = _lay_out(design, title, author, chance)
    else:
        image = _box_set(design, title, author, volumes, chance)
    return _encode(image, chance)


def choose(category: str, chance: RandomStream) -> Design:
    """A design for a book of `category`: most of it from the genre's own look, some borrowed."""
    own = LOOKS[category]

    def look() -> Look:
        if not chance.happens(BORROWED):
            return own
        if own.neighbours and chance.happens(FROM_NEIGHBOUR):
            return LOOKS[chance.pick(own.neighbours)]
        return LOOKS[chance.pick(tuple(LOOKS))]

    palette = PALETTES[chance.pick(look().palettes)]
    tint = (chance.whole(0, 255), chance.whole(0, 255), chance.whole(0, 255))
    return Design(
        size=chance.pick(own.sizes),
        palette=replace(palette, ground=mix(palette.ground, tint, 0.08), accent=mix(palette.accent, tint, 0.12)),
        picture=PICTURES[chance.pick(look().pictures)],
        layout=chance.pick(look().layouts),
        face=FACES[chance.pick(look().faces)],
        treatment=chance.pick(look().treatments),
        badge=chance.pick(own.badges) if own.badges and chance.happens(0.3) else "",
    )


def _lay_out(design: Design, title: str, author: str, chance: RandomStream) -> Image.Image:
    main, _, subtitle = _printable(title).partition(":")
    page = Page(design, main.strip(), subtitle.strip(), _printable(author), chance)
    LAYOUTS[design.layout](page)
    page.badge()
    return page.image


def _box_set(design: Design, title: str, author: str, volumes: int, chance: RandomStream) -> Image.Image:
    """Spines in a slipcase, or several covers overlapping, on white."""
    width, height = design.size
    image = Image.new("RGB", (width, height), (255, 255, 255))
    if chance.happens(0.5):
        _spines(image, design, title, volumes, chance)
        return image
    front = (round(width * 0.5), round(min(height * 0.62, width * 0.78)))
    for number in range(volumes):
        small = replace(design, size=front, badge="")
        cover = ImageOps.expand(_lay_out(small, f"{title} {number + 1}", author, chance), 1, (120, 120, 124))
        share = number / (volumes - 1)
        image.paste(cover, (round(share * (width - cover.width)), round((0.1 + 0.8 * share) * (height - cover.height))))
    return image


def _spines(image: Image.Image, design: Design, title: str, volumes: int, chance: RandomStream) -> None:
    width, height = image.size
    left, right, top, bottom = 0.08 * width, 0.92 * width, 0.12 * height, 0.9 * height
    thick = (right - left) / (volumes + 1.2)
    case = mix(design.palette.accent, BLACK, 0.2)
    image.paste(case, (round(left + volumes * thick), round(top), round(right), round(bottom)))
    main = _printable(title).partition(":")[0]
    for number in range(volumes):
        shade: Colour = mix(design.palette.accent, design.palette.second, number / volumes)
        x = round(left + number * thick)
        image.paste(shade, (x, round(top), round(x + thick - 2), round(bottom)))
        strip = Image.new("RGB", (round(bottom - top), max(8, round(thick - 2))), shade)
        fill = (255, 255, 255) if sum(shade) < 420 else BLACK
        set_text(strip, (10, 2, strip.width - 40, strip.height - 2), main, design.face, Ink(fill), lines=1)
        set_text(
            strip, (strip.width - 34, 2, strip.width - 6, strip.height - 2), str(number + 1), design.face, Ink(fill)
        )
        image.paste(strip.rotate(270, expand=True), (x, round(top)))
    cover = _lay_out(replace(design, size=(round(1.2 * thick), round(bottom - top)), badge=""), title, "", chance)
    image.paste(cover, (round(left + volumes * thick), round(top)))


def _encode(image: Image.Image, chance: RandomStream) -> bytes:
    content = io.BytesIO()
    kind = chance.share()
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
