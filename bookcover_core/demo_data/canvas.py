"""A canvas for the pictures of the invented covers: shapes by shares of its sides, skies, glows and grain.

It is painted at twice its size and halved at the end, which smooths every edge.
"""

import math
from collections.abc import Callable, Iterable

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from bookcover_core.demo_data.palettes import BLACK, WHITE, Colour, Palette, mix
from bookcover_core.demo_data.random_stream import RandomStream

_SCALE = 2

Point = tuple[float, float]


class Canvas:
    """A picture that is being painted.

    Points are shares of width and height, (0, 0) at the top left; radii and widths are shares of the shorter side.

    Args:
        size: Width and height of the finished picture in pixels.
        palette: The colours to paint with.
        chance: What decides where they go.
    """

    def __init__(self, size: tuple[int, int], palette: Palette, chance: RandomStream) -> None:
        self.width, self.height = size[0] * _SCALE, size[1] * _SCALE
        self.unit = min(self.width, self.height)
        self.palette = palette
        self.chance = chance
        self.image = Image.new("RGB", (self.width, self.height), palette.ground)
        self.draw = ImageDraw.Draw(self.image)

    def at(self, point: Point) -> tuple[int, int]:
        """`point` in pixels."""
        return round(point[0] * self.width), round(point[1] * self.height)

    def size_of(self, share: float) -> int:
        """A radius or width in pixels, at least 1."""
        return max(1, round(share * self.unit))

    def fill(self, top: Colour, bottom: Colour | None = None) -> None:
        """Paint everything, from `top` to `bottom` in even steps."""
        self.shade(0.0, 1.0, top, bottom or top)

    def shade(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """Paint the rows from `top` to `bottom`, from one colour to another."""
        first, last = round(top * self.height), round(bottom * self.height)
        rows = last - first
        if rows <= 0:
            return
        column = Image.new("RGB", (1, 64))
        column.putdata([mix(upper, lower, step / 63) for step in range(64)])
        even = column.resize((1, rows), Image.Resampling.BILINEAR)
        self.image.paste(even.resize((self.width, rows), Image.Resampling.NEAREST), (0, first))

    def rect(self, left: float, top: float, right: float, bottom: float, shade: Colour, *, rounded: float = 0) -> None:
        """Paint a rectangle."""
        box = (self.at((left, top)), self.at((right, bottom)))
        if rounded:
            self.draw.rounded_rectangle(box, self.size_of(rounded), fill=shade)
        else:
            self.draw.rectangle(box, fill=shade)

    def disc(self, x: float, y: float, radius: float, shade: Colour) -> None:
        """Paint a disc."""
        self.oval(x, y, radius, radius, shade)

    def ring(self, x: float, y: float, radius: float, shade: Colour, width: float = 0.01) -> None:
        """Paint a circle's line."""
        self.draw.ellipse(self._around(x, y, radius, radius), outline=shade, width=self.size_of(width))

    def oval(self, x: float, y: float, across: float, down: float, shade: Colour) -> None:
        """Paint an ellipse by its two radii."""
        self.draw.ellipse(self._around(x, y, across, down), fill=shade)

    def slice(self, x: float, y: float, radius: float, start: int, end: int, shade: Colour) -> None:
        """Paint a slice of a disc, from `start` to `end` degrees, clockwise from three o'clock."""
        self.draw.pieslice(self._around(x, y, radius, radius), start, end, fill=shade)

    def arc(self, x: float, y: float, radius: float, start: int, end: int, shade: Colour, width: float = 0.01) -> None:
        """Paint a part of a circle's line."""
        self.draw.arc(self._around(x, y, radius, radius), start, end, fill=shade, width=self.size_of(width))

    def poly(self, points: Iterable[Point], shade: Colour) -> None:
        """Paint a polygon."""
        self.draw.polygon([self.at(point) for point in points], fill=shade)

    def shape(
        self, x: float, y: float, size: float, points: Iterable[Point], shade: Colour, *, curved: bool = False
    ) -> None:
        """Paint an outline around a point, given in units of `size`."""
        outline = list(points)
        self.poly(
            [
                (x + self.across(dx * size), y + self.down(dy * size))
                for dx, dy in (smooth([*outline, outline[0]]) if curved else outline)
            ],
            shade,
        )

    def line(self, points: Iterable[Point], shade: Colour, width: float = 0.01) -> None:
        """Paint a line through points."""
        self.draw.line([self.at(point) for point in points], fill=shade, width=self.size_of(width), joint="curve")

    def petals(self, x: float, y: float, radius: float, count: int, shade: Colour, centre: Colour) -> None:
        """Paint a flower."""
        for number in range(count):
            dx, dy = turn(number / count)
            self.disc(x + self.across(dx * radius * 0.6), y + self.down(dy * radius * 0.6), radius * 0.42, shade)
        self.disc(x, y, radius * 0.32, centre)

    def across(self, share: float) -> float:
        """A share of the shorter side as a share of the width."""
        return share * self.unit / self.width

    def down(self, share: float) -> float:
        """A share of the shorter side as a share of the height."""
        return share * self.unit / self.height

    def glow(self, x: float, y: float, radius: float, shade: Colour, strength: float = 1.0) -> None:
        """Paint light that fades from a point."""
        side = self.size_of(radius) * 2
        mask = ImageChops.invert(Image.radial_gradient("L")).resize((side, side), Image.Resampling.BILINEAR)
        # The gradient reaches the corners of its square: only what lies inside the circle may glow.
        mask = mask.point([max(0, round((value - 75) / 180 * 255 * strength)) for value in range(256)])
        column, row = self.at((x, y))
        self.image.paste(shade, (column - side // 2, row - side // 2), mask)

    def hills(self, height: float, swing: float, shade: Colour, steps: int = 6) -> None:
        """Paint a rolling line of hills from side to side, and all below it."""
        heights = [height + self.chance.between(-swing, swing) for _ in range(steps + 1)]
        self.poly([(0, 1), *smooth([(step / steps, rise) for step, rise in enumerate(heights)]), (1, 1)], shade)

    def peaks(self, height: float, swing: float, shade: Colour, count: int = 4) -> None:
        """Paint a jagged line of mountains from side to side, and all below it."""
        points: list[Point] = [(-0.05, height)]
        for number in range(count):
            points += [
                ((number + self.chance.between(0.3, 0.7)) / count, height - swing * self.chance.between(0.4, 1)),
                ((number + 1) / count, height - swing * self.chance.between(0, 0.3)),
            ]
        self.poly([(-0.05, 1), *points, (1.05, height), (1.05, 1)], shade)

    def grain(self, strength: float, *, size: int = 96) -> None:
        """Lay paper or film grain over everything: `strength` from 0 to 1, `size` specks across."""
        speckle = Image.frombytes("L", (size, size), self.chance.bytes(size * size))
        cloud = speckle.point([round(128 + (value - 128) * strength * 0.55) for value in range(256)])
        cloud = cloud.resize((self.width, self.height), Image.Resampling.BILINEAR)
        self.image = ImageChops.soft_light(self.image, Image.merge("RGB", [cloud] * 3))
        self.draw = ImageDraw.Draw(self.image)

    def soften(self, radius: float) -> None:
        """Blur everything, as a lens does behind its subject."""
        self.image = self.image.filter(ImageFilter.BoxBlur(self.size_of(radius)))
        self.draw = ImageDraw.Draw(self.image)

    def tone(self, dark: Colour, light: Colour) -> None:
        """Print everything in two inks."""
        self.image = ImageOps.colorize(self.image.convert("L"), dark, light)
        self.draw = ImageDraw.Draw(self.image)

    def vignette(self, strength: float) -> None:
        """Darken the corners."""
        mask = Image.radial_gradient("L").resize((self.width, self.height), Image.Resampling.BILINEAR)
        self.image.paste(BLACK, (0, 0), mask.point([round(value * strength) for value in range(256)]))

    def halve(self) -> None:
        """Bring the picture to its own size; what is done to all of it costs a quarter from now on."""
        self.image = self.image.reduce(_SCALE)
        self.width, self.height = self.image.size
        self.unit = min(self.width, self.height)
        self.draw = ImageDraw.Draw(self.image)

    @property
    def light(self) -> Colour:
        """The lightest colour to paint with, nearly white."""
        return mix(self.palette.second, WHITE, 0.7)

    @property
    def dark(self) -> Colour:
        """A colour for silhouettes, nearly black."""
        darkest = min((self.palette.ink, self.palette.ground, self.palette.accent), key=sum)
        return mix(darkest, BLACK, 0.45)

    def _around(self, x: float, y: float, across: float, down: float) -> tuple[int, int, int, int]:
        column, row = self.at((x, y))
        dx, dy = self.size_of(across), self.size_of(down)
        return column - dx, row - dy, column + dx, row + dy


Painter = Callable[[Canvas], None]


def turn(share: float) -> Point:
    """Where on the unit circle a hand stands after `share` of a turn, clockwise from three o'clock."""
    # Rounded, because the last digit of a cosine differs between machines.
    return round(math.cos(2 * math.pi * share), 6), round(math.sin(2 * math.pi * share), 6)


def smooth(points: list[Point], steps: int = 8) -> list[Point]:
    """A curve through `points` (Catmull-Rom), with `steps` points for each stretch."""
    padded = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            curve.append(
                (_spline(before[0], start[0], end[0], after[0], t), _spline(before[1], start[1], end[1], after[1], t))
            )
    return [*curve, points[-1]]


def _spline(before: float, start: float, end: float, after: float, t: float) -> float:
    return 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
