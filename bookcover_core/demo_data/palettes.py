"""Colours of the invented covers: palettes of four, and how colours mix."""

from dataclasses import dataclass
from types import MappingProxyType

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (16, 16, 20)


@dataclass(frozen=True)
class Palette:
    """Four colours that go together."""

    ground: Colour
    """What most of the cover is."""
    second: Colour
    """A neighbour of the ground: skies, panels, bands."""
    accent: Colour
    """What catches the eye."""
    ink: Colour
    """Type and silhouettes."""


def colour(code: str) -> Colour:
    """The colour of six hexadecimal digits."""
    red, green, blue = bytes.fromhex(code)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0 to 1) of `second` in it."""
    parts = [int(a + (b - a) * share + 0.5) for a, b in zip(first, second, strict=True)]
    return parts[0], parts[1], parts[2]


def luminance(shade: Colour) -> float:
    """How light a colour is, from 0 to 255: ITU-R BT.601."""
    return 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2]


def _palette(codes: str) -> Palette:
    ground, second, accent, ink = map(colour, codes.split())
    return Palette(ground, second, accent, ink)


PALETTES = MappingProxyType({
    # light grounds
    "snow": _palette("fbfaf6 d9dfe2 c8102e 1b1b1b"),
    "gallery": _palette("f7f5f0 c9c4ba e2571e 222222"),
    "clinic": _palette("f4f9fb a9d3e6 0b6fa4 10374f"),
    "mint": _palette("f2faf3 b7e0bd 2f9e57 174a2c"),
    "lemon": _palette("ffe04a fff3b0 e8342a 1d1d1f"),
    "citrus": _palette("fff6df ffc44d f2711c 4b2a10"),
    "cream": _palette("f6ecd6 e0c9a0 a4342a 3b2a1c"),
    "linen": _palette("efe6d8 cdbfa9 5b7a8c 33302b"),
    "blossom": _palette("fdeff0 f7b9c4 e0527a 5a2340"),
    "nursery": _palette("eaf6f8 ffd9b8 f28a6a 33566b"),
    "pastel": _palette("f5eef8 c8dff0 f4a6b7 4a4a78"),
    "meadow": _palette("e6f2c9 9ccb5c f0a71f 2f5a2a"),
    "kitchen": _palette("fbf3e4 e9b384 b8321f 4d2b1a"),
    "herb": _palette("f5f3e3 b5c687 d9663b 3e4a24"),
    "parchment": _palette("e9d9b4 c5a46d 7c2d1e 3a2816"),
    "sepia": _palette("dcc7a1 a98257 5e3b20 2c1d12"),
    # bright grounds
    "playroom": _palette("3fb8e8 ffe066 f2503b 1f2f6b"),
    "candy": _palette("ff7eb6 ffd23f 3dccc7 4b1d5e"),
    "grass": _palette("7ac74f cdeaf7 ff9f1c 1f4d2b"),
    "tangerine": _palette("ff8c2b ffd27a 1c4e80 2b1606"),
    "signal": _palette("d7261e ffffff ffd400 1a1a1a"),
    "pop": _palette("ffd400 29abe2 e5212d 14141c"),
    "sky": _palette("8fd0f0 e4f4fb f6c445 1f4e79"),
    "lagoon": _palette("1fa3b5 bfeaea ffb84d 0b4a5b"),
    "sunset": _palette("f26b3a ffc56b fff0c9 5b1d3b"),
    "desert": _palette("e0a15c f4d9a8 b5472b 4a2a1a"),
    "violet": _palette("7a4fa3 d9c3ea f5d76e 2b164a"),
    "rose": _palette("d9487d f9c6d3 fff1e6 5b1033"),
    "lavender": _palette("b79fd6 e9dff5 f08fb4 3e2a5c"),
    # deep grounds
    "navy": _palette("14315c 2f5f98 f2b632 f3f6fa"),
    "royal": _palette("1f3fa8 5d86e6 ffcf3f ffffff"),
    "circuit": _palette("0d3b4f 1c7f8c 9be564 eefcf9"),
    "blueprint": _palette("17497a 3b79b5 e8f1f8 ffffff"),
    "steel": _palette("3c4650 8794a0 f08a24 f5f5f2"),
    "forest": _palette("1f4530 4f8a5b e8c766 f4f1e4"),
    "emerald": _palette("0e5a4b 2f9a80 f3d27a f6f4ea"),
    "leather": _palette("4a2317 7a3e27 d8b15a f3e3bb"),
    "oxblood": _palette("5e1420 8f2a34 dcb564 f6e9cf"),
    "gilt": _palette("2a2340 5b4a82 e0b84c f7edd0"),
    "plum": _palette("4a1d46 8a3c78 f3a6c0 fbeef3"),
    "night": _palette("0b1020 23335c f4d35e e9eefa"),
    "noir": _palette("121214 34363b c2181f f2f0ec"),
    "ember": _palette("1b0d0c 6a1a12 ff7a1a fbeadb"),
    "space": _palette("0a0f2c 3a2a78 4fd8e8 f0f4ff"),
    "nebula": _palette("1c0f33 7b2d8e ff8fb1 f7effb"),
    "storm": _palette("25323d 5d7482 d8e1e6 f7f9fa"),
    "slate": _palette("2e3a46 6c7f8f e4572e fafafa"),
    "olive": _palette("4b4d2a 8a8a4e e0b04a f5f1dd"),
    "copper": _palette("3a2318 a5613a f0c08a fff5e6"),
    "teal": _palette("0f5c63 3ca5a8 f7c59f f4fbfa"),
})  # fmt: skip
