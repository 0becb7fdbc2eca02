"""Pictures of flat shapes for the invented covers, in a palette's colours."""

import math
from collections.abc import Callable, Iterable
from types import MappingProxyType

from PIL import Image, ImageDraw

from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.styles import BLACK, WHITE, Colour, Palette, luminance, mix

_SCALE = 2  # pictures are drawn at twice their size and halved, which smooths every edge

Point = tuple[float, float]


class Sketch:
    """A picture being drawn, on its palette's ground.

    Its centre is (0, 0), its shorter side reaches from -1 to 1, y grows downwards; `size` is in pixels when finished.
    """

    def __init__(self, size: tuple[int, int], palette: Palette, random: RandomStream) -> None:
        self.palette, self.random = palette, random
        self._size, self._unit = size, min(size) * _SCALE / 2
        self.right, self.bottom = (side * _SCALE / 2 / self._unit for side in size)
        self._image = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), palette.ground)
        self._draw = ImageDraw.Draw(self._image)

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        return [(round((x + self.right) * self._unit), round((y + self.bottom) * self._unit)) for x, y in points]

    def shape(self, points: Iterable[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._pixels(points), fill=fill)

    def bar(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle(self._pixels([(left, top), (right, bottom)]), fill=fill)

    def line(self, points: Iterable[Point], fill: Colour, width: float = 0.04) -> None:
        """Draw a line through points."""
        self._draw.line(self._pixels(points), fill=fill, width=max(1, round(width * self._unit)), joint="curve")

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """Fill a disc."""
        self._draw.ellipse(self._pixels([(x - radius, y - radius), (x + radius, y + radius)]), fill=fill)

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


def _balloons(s: Sketch) -> None:
    p = s.palette
    for x in spread(-0.55, 0.55, s.random.whole(3, 4)):
        y, shade = s.random.between(-0.55, 0), s.random.pick((p.accent, p.second, mix(p.accent, p.second, 0.5)))
        s.line([(x, y), (x * 0.3, s.bottom)], p.ink, 0.02)
        s.disc(x, y, 0.29, shade)
        s.disc(x - 0.1, y - 0.1, 0.06, mix(shade, WHITE, 0.6))


def _burst(s: Sketch) -> None:
    rays = circle(0, 0, 3, 32, s.random.share())
    for first, last in zip(rays[::2], rays[1::2], strict=True):
        s.shape([(0, 0), first, last], s.palette.second)
    points = zip(circle(0, 0, 0.75, 12), circle(0, 0, 0.45, 12, 1 / 24), strict=True)
    s.shape([point for pair in points for point in pair], s.palette.accent)


def _chart(s: Sketch) -> None:
    tops = [(x, 0.45 - 0.6 * (x + 0.75) + s.random.between(-0.12, 0.12)) for x in spread(-0.75, 0.55, 5)]
    for x, y in tops:
        s.bar(x - 0.12, y, x + 0.12, 0.85, s.palette.second)
    s.line([(x, y - 0.15) for x, y in tops], s.palette.accent, 0.08)


def _flowers(s: Sketch) -> None:
    p = s.palette
    for x in spread(-0.6, 0.6, s.random.whole(2, 4)):
        y, radius, shade = s.random.between(-0.5, 0.2), s.random.between(0.2, 0.3), s.random.pick((p.accent, p.second))
        s.line([(x, y), (x * 0.7, s.bottom)], mix(p.ink, (60, 140, 70), 0.6))
        for leaf in circle(x, y, radius, 7, s.random.share()):
            s.disc(*leaf, radius / 2, shade)
        s.disc(x, y, 0.6 * radius, mix(p.ground, (250, 200, 60), 0.7))


def _hills(s: Sketch) -> None:
    p = s.palette
    if luminance(p.ground) < 90:  # a night
        for _ in range(50):
            x, y = s.random.between(-s.right, s.right), s.random.between(-s.bottom, 0.4)
            s.disc(x, y, s.random.between(0.008, 0.025), mix(p.ground, WHITE, 0.8))
    s.disc(s.random.between(-0.6, 0.6), -0.35, s.random.between(0.25, 0.4), p.accent)
    for depth, shade in enumerate((p.second, mix(p.second, BLACK, 0.3), mix(p.second, BLACK, 0.6))):
        ridge = [(x, 0.3 * depth + s.random.between(-0.25, 0.25)) for x in spread(-s.right, s.right, 7)]
        s.shape([(-s.right, s.bottom), *ridge, (s.right, s.bottom)], shade)


def _network(s: Sketch) -> None:
    points = [(s.random.between(-0.9, 0.9) * s.right, s.random.between(-0.9, 0.9) * s.bottom) for _ in range(18)]
    for point in points:
        for near in sorted(points, key=lambda other: math.dist(other, point))[1:4]:
            s.line([point, near], s.palette.second, 0.02)
    for x, y in points:
        s.disc(x, y, s.random.between(0.05, 0.12), s.random.pick((s.palette.accent, s.palette.second)))


def _portrait(s: Sketch) -> None:
    p, x = s.palette, s.random.between(-0.2, 0.2)
    skin = s.random.pick((p.accent, mix(p.accent, p.ink, 0.4), mix(p.ground, p.accent, 0.5)))
    s.disc(x, -0.1, s.random.between(0.7, 0.85), p.second)
    s.disc(x, -0.33, s.random.between(0.33, 0.4), p.ink)
    s.disc(x, s.bottom + 0.05, 0.75, p.ink)
    s.bar(x - 0.11, -0.2, x + 0.11, 0.32, skin)
    s.disc(x, -0.2, 0.29, skin)


def _quilt(s: Sketch) -> None:
    p, side = s.palette, s.random.pick((0.3, 0.4, 0.5))
    for row in range(-8, 8):
        for column in range(-8, 8):
            x, y = column * side, row * side
            s.bar(x, y, x + side, y + side, s.random.pick((p.second, p.ground, mix(p.accent, WHITE, 0.5))))
            s.shape([(x, y), (x + side, y), (x, y + side)], s.random.pick((p.accent, p.second, p.ink, p.ground)))


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
        s.bar(left, top, right - 0.02, s.bottom, mix(p.ground, BLACK, 0.6))
        for y in spread(top + 0.1, s.bottom, 8):
            x = s.random.between(left, right - 0.1)
            s.bar(x, y, x + 0.06, y + 0.07, p.accent)
        left = right


def _waves(s: Sketch) -> None:
    p, length = s.palette, s.random.between(0.5, 0.9)
    for depth, y in enumerate(spread(-0.4, 0.8, 5)):
        start = s.random.share()
        crest = [(x, y + 0.12 * math.sin(math.tau * (x / length + start))) for x in spread(-s.right, s.right, 40)]
        shade = mix(p.second, p.accent if depth % 2 else p.ink, 0.18 * depth)
        s.shape([(-s.right, s.bottom), *crest, (s.right, s.bottom)], shade)


MOTIFS: MappingProxyType[str, Callable[[Sketch], None]] = MappingProxyType({
    motif.__name__.removeprefix("_"): motif
    for motif in (_balloons, _burst, _chart, _flowers, _hills, _network, _portrait, _quilt, _rings, _skyline, _waves)
})  # fmt: skip
