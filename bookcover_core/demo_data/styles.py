"""Words and designs of the invented books, by category, and the colours of their covers: see styles.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bookcover_core.demo_data.random_stream import RandomStream

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (16, 16, 20)

# Share of a cover's elements (palette, motif, layout, typeface) that are another category's: why genres overlap.
_BORROWED = 0.15

_SUBTITLES = 0.6
_PRESSES = 0.05
_MIDDLE_INITIALS = 0.25


class Palette(NamedTuple):
    """Four colours that go together."""

    ground: Colour
    """What most of the cover is."""
    second: Colour
    """A neighbour of the ground."""
    accent: Colour
    """What catches the eye."""
    ink: Colour
    """Type and silhouettes."""


class CoverDesign(NamedTuple):
    """What is chosen before a cover is painted."""

    palette: Palette
    motif: str
    layout: str
    typeface: str
    format: str


@cache
def _styles() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("styles.toml").read_text(encoding="utf-8"))


def invent_title(category: str, random: RandomStream) -> str:
    """A title for a book of `category`, with or without a subtitle behind a colon."""
    words = _styles()["categories"][category]
    title = str(random.pick(words["patterns"])).format(a=random.pick(words["a"]), b=random.pick(words["b"]))
    with_subtitle = ":" not in title and random.happens(_SUBTITLES)
    return f"{title}: {random.pick(words['subtitles'])}" if with_subtitle else title


def invent_author(random: RandomStream) -> str:
    """The name of an author or of a publishing house."""
    names = _styles()["authors"]
    if random.happens(_PRESSES):
        return str(random.pick(names["presses"]))
    middle = f" {random.pick('ABCDEFGHJKLMRSTW')}." if random.happens(_MIDDLE_INITIALS) else ""
    return f"{random.pick(names['first'])}{middle} {random.pick(names['last'])}"


def choose_design(category: str, random: RandomStream) -> CoverDesign:
    """A design for a book of `category`: most of it the category's own."""
    categories = _styles()["categories"]
    chosen = []
    for element in range(len(CoverDesign._fields)):
        lender = random.pick(list(categories)) if random.happens(_BORROWED) else category
        chosen.append(random.pick(categories[lender]["designs"].split(" / ")[element].split()))
    palette, *rest = chosen
    tint = (random.whole(0, 255), random.whole(0, 255), random.whole(0, 255))
    colours = [mix(_colour(code), tint, 0.1) for code in _styles()["palettes"][palette].split()]
    return CoverDesign(Palette(*colours), *rest)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 to 1) of `second` in it."""
    red, green, blue = (int(a + (b - a) * share + 0.5) for a, b in zip(first, second, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """How light a colour is, from 0 to 255: ITU-R BT.601."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def _colour(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red, green, blue
