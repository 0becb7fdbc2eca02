"""Pictures of flat shapes for the invented covers, in a palette's colours."""

import math
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType

from PIL import Image, ImageDraw

from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import BLACK, WHITE, Colour, Palette, mix

# Pictures are drawn at twice their size and halved, which smooths every edge.
_SCALE = 2

Point = tuple[float, float]


class Sketch:
    """A picture being drawn. Its centre is (0, 0), its shorter side reaches from -1 to 1, y grows downwards.

    Args:
        size: Width and height of the finished picture in pixels.
        palette: The colours to draw with; the background is its ground.
        random: What decides the details.
    """

    def __init__(self, size: tuple[int, int], palette: Palette, random: RandomStream) -> None:
        self.palette, self.random = palette, random
        self._size, self._unit = size, min(size) * _SCALE / 2
        self.right, self.bottom = (side * _SCALE / 2 / self._unit for side in size)
        self._image = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), palette.ground)
        self._draw = ImageDraw.Draw(self._image)

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        return [(round((x + self.right) * self._unit), round((y + self.bottom) * self._unit)) for x, y in points]

    def poly(self, points: Iterable[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._pixels(points), fill=fill)

    def rect(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle(self._pixels([(left, top), (right, bottom)]), fill=fill)

    def line(self, points: Iterable[Point], fill: Colour, width: float = 0.04) -> None:
        """Draw a line through points."""
        self._draw.line(self._pixels(points), fill=fill, width=max(1, round(width * self._unit)), joint="curve")

    def disc(self, x: float, y: float, radius: float, fill: Colour | None, outline: Colour | None = None) -> None:
        """Fill a disc, or draw its outline."""
        box = self._pixels([(x - radius, y - radius), (x + radius, y + radius)])
        self._draw.ellipse(box, fill=fill, outline=outline, width=max(2, round(0.04 * self._unit)))

    def petal(self, x: float, y: float, length: float, turn: float, fill: Colour, width: float = 0.3) -> None:
        """Fill a leaf that begins at a point and points to an angle in turns: 0 right, 0.25 down."""
        cos, sin = math.cos(math.tau * turn), math.sin(math.tau * turn)
        steps = spread(0, 1, 12)
        half = [(length * step, width * length * math.sin(math.pi * step**0.8)) for step in steps]
        outline = half + [(along, -across) for along, across in reversed(half)]
        self.poly([(x + u * cos - v * sin, y + u * sin + v * cos) for u, v in outline], fill)

    def hills(self, top: float, shades: Sequence[Colour], rough: float) -> None:
        """Fill ridges behind one another, each lower than the last, down to the lower edge."""
        for depth, shade in enumerate(shades):
            high = [top + 0.3 * depth + self.random.between(-rough, rough) for _ in range(7)]
            ridge = zip(spread(-self.right, self.right, 7), high, strict=True)
            self.poly([(-self.right, self.bottom), *ridge, (self.right, self.bottom)], shade)

    def finish(self) -> Image.Image:
        """The picture at its size."""
        return self._image.resize(self._size, Image.Resampling.BOX)


def spread(start: float, end: float, count: int) -> list[float]:
    """`count` numbers at even distances, the first `start`, the last `end`."""
    return [start + (end - start) * number / (count - 1) for number in range(count)]


def circle(x: float, y: float, radius: float, count: int, turn: float = 0.0) -> list[Point]:
    """`count` points at even distances on a circle, the first at an angle in turns."""
    angles = [math.tau * (number / count + turn) for number in range(count)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _atom(s: Sketch) -> None:
    start = s.random.share()
    for turn in spread(start, start + 2 / 3, 3):
        cos, sin = math.cos(math.pi * turn), math.sin(math.pi * turn)
        orbit = [(0.9 * u * cos - 0.3 * v * sin, 0.9 * u * sin + 0.3 * v * cos) for u, v in circle(0, 0, 1, 60)]
        s.line([*orbit, orbit[0]], s.palette.second, 0.05)
        s.disc(*s.random.pick(orbit), 0.09, s.palette.accent)
    s.disc(0, 0, 0.16, s.palette.accent)


def _balloons(s: Sketch) -> None:
    p = s.palette
    for x in spread(-0.55, 0.55, s.random.whole(3, 4)):
        y, shade = s.random.between(-0.55, 0), s.random.pick((p.accent, p.second, mix(p.accent, p.second, 0.5)))
        s.line([(x, y), (x * 0.3, s.bottom)], p.ink, 0.015)
        s.poly([(x, y + 0.2), (x - 0.08, y + 0.37), (x + 0.08, y + 0.37)], shade)
        s.disc(x, y, 0.29, shade)
        s.disc(x - 0.1, y - 0.1, 0.06, mix(shade, WHITE, 0.6))


def _bubbles(s: Sketch) -> None:
    for row, y in enumerate(spread(-0.75, 0.75, 6)):
        chosen = s.random.whole(0, 3)
        s.rect(-0.85, y - 0.08, -0.6, y + 0.08, s.palette.second if row % 2 else s.palette.accent)
        for column, x in enumerate(spread(-0.35, 0.75, 4)):
            s.disc(x, y, 0.1, s.palette.ink if column == chosen else None, s.palette.ink)


def _burst(s: Sketch) -> None:
    rays = circle(0, 0, 3, 32, s.random.share())
    for first, last in zip(rays[::2], rays[1::2], strict=True):
        s.poly([(0, 0), first, last], s.palette.second)
    points = zip(circle(0, 0, 0.75, 12), circle(0, 0, 0.45, 12, 1 / 24), strict=True)
    star = [point for pair in points for point in pair]
    s.poly(star, s.palette.accent)
    s.line([*star, star[0]], s.palette.ink)


def _chart(s: Sketch) -> None:
    tops = [(x, 0.45 - 0.6 * (x + 0.75) + s.random.between(-0.12, 0.12)) for x in spread(-0.75, 0.55, 5)]
    for x, y in tops:
        s.rect(x - 0.12, y, x + 0.12, 0.85, mix(s.palette.second, s.palette.ink, s.random.pick((0, 0.35))))
    s.line([(x, y - 0.15) for x, y in tops], s.palette.accent, 0.06)
    x, y = tops[-1]
    s.poly([(x + 0.2, y - 0.35), (x - 0.1, y - 0.25), (x + 0.08, y - 0.02)], s.palette.accent)


def _columns(s: Sketch) -> None:
    p = s.palette
    s.poly([(-0.9, -0.35), (0, -0.8), (0.9, -0.35)], p.accent)
    s.rect(-0.85, -0.33, 0.85, -0.22, p.second)
    for x in spread(-0.72, 0.72, s.random.whole(4, 6)):
        s.rect(x - 0.08, -0.2, x + 0.08, 0.6, p.second)
        s.rect(x - 0.02, -0.2, x + 0.02, 0.6, mix(p.second, p.ground, 0.5))
    s.rect(-0.9, 0.62, 0.9, 0.72, p.accent)
    s.rect(-1, 0.74, 1, 0.84, p.second)


def _cross(s: Sketch) -> None:
    p, y = s.palette, s.random.between(-0.4, -0.2)
    for ray in circle(0, y, 3, 18, s.random.share()):
        s.line([(0, y), ray], mix(p.ground, p.second, 0.5), 0.06)
    s.disc(0, y, 0.5, mix(p.ground, p.accent, 0.5))
    s.hills(0.62, [mix(p.second, p.ink, 0.5)], 0.06)
    s.line([(0, y - 0.5), (0, 0.75)], p.ink, 0.12)
    s.line([(-0.32, y - 0.15), (0.32, y - 0.15)], p.ink, 0.12)


def _flowers(s: Sketch) -> None:
    p, green = s.palette, mix(s.palette.ink, (60, 140, 70), 0.5)
    for x in spread(-0.6, 0.6, s.random.whole(2, 4)):
        y, radius = s.random.between(-0.5, 0.2), s.random.between(0.3, 0.45)
        s.line([(x, y), (x * 0.7, s.bottom)], green)
        s.petal(x * 0.8, 0.75, 0.4, s.random.pick((0.55, 0.95)), green)
        shade, start = s.random.pick((p.accent, mix(p.accent, WHITE, 0.4), p.second)), s.random.share()
        for turn in spread(start, start + 6 / 7, 7):
            s.petal(x, y, radius, turn, shade, 0.35)
        s.disc(x, y, radius / 4, mix(p.ground, (250, 200, 60), 0.7))


def _gears(s: Sketch) -> None:
    p = s.palette
    for x, y, radius, shade in ((-0.25, 0.15, 0.5, p.accent), (0.45, -0.4, 0.32, p.second)):
        for tooth in circle(x, y, radius * 1.2, 10, s.random.share()):
            s.line([(x, y), tooth], shade, 0.3 * radius)
        s.disc(x, y, radius, shade)
        s.disc(x, y, 0.4 * radius, p.ground)


def _hearts(s: Sketch) -> None:
    p = s.palette
    hearts = [(s.random.between(-0.8, 0.8), s.random.between(-0.8, 0.8), 0.14) for _ in range(5)]
    for x, y, size in [*hearts, (0, 0, s.random.between(0.55, 0.75))]:
        shade = p.accent if size > 0.2 else mix(p.accent, p.ground, 0.5)
        s.disc(x - size / 2, y - size / 3, size / 1.9, shade)
        s.disc(x + size / 2, y - size / 3, size / 1.9, shade)
        s.poly([(x - 0.95 * size, y - 0.05 * size), (x + 0.95 * size, y - 0.05 * size), (x, y + size)], shade)


def _leaves(s: Sketch) -> None:
    p, lean = s.palette, s.random.between(-0.25, 0.25)
    s.line([(-lean, s.bottom), (lean, -0.85)], p.ink)
    for y in spread(0.8, -0.75, 6):
        for turn in (0.9, 0.6):
            shade = s.random.pick((p.accent, p.second, mix(p.second, p.ink, 0.4)))
            s.petal(-lean * y, y, 0.5 + 0.15 * y, turn, shade, 0.22)


def _mountains(s: Sketch) -> None:
    p = s.palette
    s.disc(s.random.between(-0.6, 0.6), -0.35, 0.28, p.accent)
    s.hills(-0.05, [mix(p.second, p.ground, 0.4), p.second, mix(p.second, p.ink, 0.5), p.ink], 0.25)


def _network(s: Sketch) -> None:
    points = [(s.random.between(-0.9, 0.9) * s.right, s.random.between(-0.9, 0.9) * s.bottom) for _ in range(18)]
    for point in points:
        for near in sorted(points, key=lambda other: math.dist(other, point))[1:4]:
            s.line([point, near], s.palette.second, 0.02)
    for x, y in points:
        s.disc(x, y, s.random.between(0.04, 0.1), s.random.pick((s.palette.accent, s.palette.second)))


def _night(s: Sketch) -> None:
    p = s.palette
    for _ in range(50):
        x, y = s.random.between(-s.right, s.right), s.random.between(-s.bottom, 0.4)
        s.disc(x, y, s.random.between(0.008, 0.025), mix(p.ground, WHITE, 0.8))
    x, y, radius = s.random.between(-0.4, 0.4), s.random.between(-0.5, -0.2), s.random.between(0.25, 0.45)
    s.disc(x, y, radius, p.accent)
    s.disc(x + 0.4 * radius, y - 0.15 * radius, 0.9 * radius, p.ground)
    s.hills(0.45, [p.second, mix(p.second, BLACK, 0.5)], 0.12)


def _plate(s: Sketch) -> None:
    p = s.palette
    for radius, shade in ((0.69, mix(p.ground, BLACK, 0.12)), (0.66, WHITE), (0.45, mix(p.ground, WHITE, 0.6))):
        s.disc(0, 0, radius, shade)
    for x, y in circle(0, 0, 0.2, s.random.whole(3, 6), s.random.share()):
        s.disc(x, y, s.random.between(0.1, 0.2), s.random.pick((p.accent, p.second, mix(p.accent, p.ink, 0.3))))
    s.petal(0, 0, 0.35, s.random.share(), (90, 150, 70))
    for x, top, width in ((-0.86, -0.6, 0.04), (-0.93, -0.6, 0.03), (-0.79, -0.6, 0.03), (0.86, -0.6, 0.08)):
        s.line([(x, top), (x, -0.2)], p.ink, width)
    s.line([(-0.86, -0.2), (-0.86, 0.7)], p.ink, 0.06)
    s.line([(0.86, -0.2), (0.86, 0.7)], p.ink, 0.06)


def _portrait(s: Sketch) -> None:
    p, x = s.palette, s.random.between(-0.2, 0.2)
    skin = s.random.pick((p.accent, mix(p.accent, p.ink, 0.4), mix(p.ground, p.accent, 0.5)))
    s.disc(x, -0.1, s.random.between(0.7, 0.85), p.second)
    s.disc(x, -0.33, s.random.between(0.33, 0.4), p.ink)
    s.disc(x, s.bottom + 0.05, 0.75, p.ink)
    s.rect(x - 0.11, -0.2, x + 0.11, 0.32, skin)
    s.disc(x, -0.2, 0.29, skin)


def _pulse(s: Sketch) -> None:
    p, y = s.palette, s.random.between(0.15, 0.4)
    s.rect(-0.12, -0.85, 0.12, -0.15, p.second)
    s.rect(-0.35, -0.62, 0.35, -0.38, p.second)
    beat = [(-0.3, 0), (-0.2, -0.12), (-0.1, 0), (0, -0.5), (0.1, 0.4), (0.18, 0), (0.35, -0.15), (0.45, 0)]
    s.line([(-s.right, y), *((x, y + dy) for x, dy in beat), (s.right, y)], p.accent, 0.055)


def _quilt(s: Sketch) -> None:
    p, side = s.palette, s.random.pick((0.3, 0.4, 0.5))
    for row in range(-8, 8):
        for column in range(-8, 8):
            x, y = column * side, row * side
            corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
            s.poly(corners, s.random.pick((p.second, p.ground, mix(p.accent, WHITE, 0.5))))
            corners.pop(s.random.whole(0, 3))
            s.poly(corners, s.random.pick((p.accent, p.second, p.ink, p.ground)))


def _rings(s: Sketch) -> None:
    p, x, y = s.palette, s.random.between(-0.4, 0.4), s.random.between(-0.3, 0.3)
    shades = s.random.sample((p.accent, p.second, p.ink, p.ground), 4)
    for number, radius in enumerate(spread(0.95, 0.15, s.random.whole(4, 6))):
        s.disc(x, y, radius, shades[number % 4])


def _skyline(s: Sketch) -> None:
    p, left = s.palette, -s.right
    s.disc(s.random.between(-0.5, 0.5), -0.4, 0.35, p.second)
    while left < s.right:
        right, top = left + s.random.between(0.2, 0.42), s.random.between(-0.35, 0.5)
        s.rect(left, top, right - 0.02, s.bottom, mix(p.ground, BLACK, 0.6))
        for y in spread(top + 0.1, s.bottom, 8):
            for x in (left + 0.05, (left + right) / 2):
                if s.random.happens(0.4):
                    s.rect(x, y, x + 0.06, y + 0.07, p.accent)
        left = right


def _sunset(s: Sketch) -> None:
    p, horizon = s.palette, s.random.between(0.1, 0.35)
    s.disc(s.random.between(-0.3, 0.3), horizon - 0.1, 0.55, p.accent)
    s.rect(-s.right, horizon, s.right, s.bottom, p.second)
    for y in spread(horizon + 0.12, s.bottom - 0.08, 6):
        x, half = s.random.between(-0.4, 0.4), s.random.between(0.2, 0.7)
        s.line([(x - half, y), (x + half, y)], mix(p.accent, WHITE, 0.4))


def _waves(s: Sketch) -> None:
    p, length = s.palette, s.random.between(0.5, 0.9)
    for depth, y in enumerate(spread(-0.4, 0.8, 5)):
        start = s.random.share()
        crest = [(x, y + 0.12 * math.sin(math.tau * (x / length + start))) for x in spread(-s.right, s.right, 40)]
        shade = mix(p.second, p.accent if depth % 2 else p.ink, 0.18 * depth)
        s.poly([(-s.right, s.bottom), *crest, (s.right, s.bottom)], shade)


MOTIFS: MappingProxyType[str, Callable[[Sketch], None]] = MappingProxyType({
    motif.__name__.removeprefix("_"): motif
    for motif in (
        _atom, _balloons, _bubbles, _burst, _chart, _columns, _cross, _flowers, _gears, _hearts, _leaves, _mountains,
        _network, _night, _plate, _portrait, _pulse, _quilt, _rings, _skyline, _sunset, _waves,
    )
})  # fmt: skip
