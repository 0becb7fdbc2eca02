"""What the invented books are made of, from styles.toml: words, designs and colours, by category."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (16, 16, 20)


class Palette(NamedTuple):
    """Four colours that go together."""

    ground: Colour  # what most of the cover is
    second: Colour  # a neighbour of the ground
    accent: Colour  # what catches the eye
    ink: Colour  # type and silhouettes


@cache
def styles() -> dict[str, Any]:
    """All of styles.toml."""
    return tomllib.loads(Path(__file__).with_name("styles.toml").read_text(encoding="utf-8"))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 to 1) of `second` in it."""
    red, green, blue = (int(a + (b - a) * share + 0.5) for a, b in zip(first, second, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """How light a colour is, from 0 to 255: ITU-R BT.601."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
