"""The page: a cover that is being laid out, with its picture, its type and its sticker."""

from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageStat

from bookcover_core.demo_data.canvas import Canvas, Painter
from bookcover_core.demo_data.palettes import BLACK, WHITE, Colour, Palette, luminance, mix
from bookcover_core.demo_data.random_stream import RandomStream
from bookcover_core.demo_data.typography import FACES, Align, Box, Face, Ink, set_text


@dataclass(frozen=True)
class Design:
    """All that is chosen before a cover is drawn."""

    size: tuple[int, int]
    palette: Palette
    picture: Painter
    layout: str
    face: Face
    treatment: str
    badge: str


class Page:
    """A cover that is being laid out; boxes are given as shares of its width and height.

    Args:
        design: What was chosen for it.
        title: Main title.
        subtitle: What follows the title's colon; may be empty.
        author: May be empty.
        chance: What decides the rest.
    """

    def __init__(self, design: Design, title: str, subtitle: str, author: str, chance: RandomStream) -> None:
        self.design, self.palette, self.chance = design, design.palette, chance
        self.title, self.subtitle, self.author = title, subtitle, author
        self.width, self.height = design.size
        self.image = Image.new("RGB", design.size, design.palette.ground)
        self.draw = ImageDraw.Draw(self.image)
        self._printed: list[Box] = []
        self.quiet = FACES["spaced" if chance.happens(0.3) else "sans"]

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """A box in pixels."""
        return (
            round(left * self.width),
            round(top * self.height),
            round(right * self.width),
            round(bottom * self.height),
        )

    def rect(self, left: float, top: float, right: float, bottom: float, shade: Colour) -> None:
        """Print a rectangle."""
        self.draw.rectangle(self.box(left, top, right, bottom), fill=shade)

    def frame(self, inset: float, shade: Colour, width: int) -> None:
        """Print a frame, `inset` shares of the width inside the edge."""
        gap = round(inset * self.width)
        self.draw.rectangle((gap, gap, self.width - gap - 1, self.height - gap - 1), outline=shade, width=width)

    def art(self, left: float, top: float, right: float, bottom: float) -> None:
        """Paint the picture into a box."""
        box = self.box(left, top, right, bottom)
        canvas = Canvas((box[2] - box[0], box[3] - box[1]), self.palette, self.chance)
        self.design.picture(canvas)
        canvas.halve()
        TREATMENTS[self.design.treatment](canvas)
        self.image.paste(canvas.image, box[:2])

    def scrim(self, top: float, bottom: float, strength: float) -> None:
        """Darken or lighten the rows from `top` to `bottom`, most at the edge of the page, for type to be read."""
        box = self.box(0, top, 1, bottom)
        mask = Image.linear_gradient("L").resize((box[2] - box[0], box[3] - box[1]))
        if top < 0.3:
            mask = mask.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        shade = (
            mix(self.palette.ground, BLACK, 0.55) if self._light(box) < 150 else mix(self.palette.ground, WHITE, 0.75)
        )
        self.image.paste(shade, box[:2], mask.point([round(value * strength) for value in range(256)]))

    def text(
        self,
        box: tuple[float, float, float, float],
        text: str,
        face: Face | None = None,
        *,
        shade: Colour | None = None,
        align: Align = "centre",
        rise: float = 0.5,
        lines: int = 5,
        largest: float = 0.3,
        fancy: bool = False,
    ) -> float:
        """Where, as a share of the height, the text ends that is set into `box`.

        Without a shade, it is the palette's colour that stands out best there.
        """
        place = self.box(*box)
        fill = shade or self._readable(place)
        ink = Ink(fill, shadow=self._restless(place))
        if fancy:
            style = self.chance.whole(0, 5)
            if style == 0:
                ink = Ink(fill, shadow=True)
            elif style == 1:
                ink = Ink(fill, shine=mix(fill, self.palette.accent, 0.55))
            elif style == 2:
                ink = Ink(fill, outline=BLACK if luminance(fill) > 120 else WHITE)
        end = set_text(
            self.image, place, text, face or self.design.face, ink, align=align, rise=rise, lines=lines,
            largest=round(largest * min(self.width, self.height)),
        )  # fmt: skip
        self._printed.append(end)
        return end[3] / self.height

    def badge(self) -> None:
        """Print the sticker, if there is one and a place for it that no type needs."""
        radius = round(0.12 * min(self.width, self.height))
        places = [
            (column, row)
            for column in (round(0.17 * self.width), round(0.83 * self.width))
            for row in range(2 * radius, self.height - radius, radius)
            if all(row + radius < top or row - radius > bottom for _, top, _, bottom in self._printed)
        ]
        if not self.design.badge or not places:
            return
        column, row = self.chance.pick(places)
        shade = self.palette.accent if self.chance.happens(0.7) else (214, 40, 40)
        self.draw.ellipse((column - radius, row - radius, column + radius, row + radius), fill=shade, outline=WHITE)
        inner = round(radius * 0.75)
        fill = WHITE if luminance(shade) < 150 else BLACK
        set_text(
            self.image, (column - inner, row - inner, column + inner, row + inner), self.design.badge,
            FACES["condensed"], Ink(fill), lines=3,
        )  # fmt: skip

    def _light(self, box: Box) -> float:
        return luminance(_mean(self.image.crop(box)))

    def _restless(self, box: Box) -> bool:
        """Whether a picture lies there, on which plain type is hard to read."""
        return max(ImageStat.Stat(self.image.crop(box).convert("L")).stddev) > 24

    def _readable(self, box: Box) -> Colour:
        light = self._light(box)
        if self._restless(box):
            return mix(WHITE, self.palette.second, 0.08) if light < 150 else mix(BLACK, self.palette.ink, 0.1)
        ready = sorted(
            (self.palette.ink, self.palette.accent, self.palette.ground), key=lambda c: -abs(luminance(c) - light)
        )
        good = [shade for shade in ready if abs(luminance(shade) - light) > 95]
        if good:
            return self.chance.pick(good[:2])
        return mix(WHITE, self.palette.second, 0.08) if light < 140 else mix(BLACK, self.palette.ink, 0.15)


def _mean(image: Image.Image) -> Colour:
    red, green, blue = ImageStat.Stat(image).mean
    return int(red), int(green), int(blue)


def _plain(canvas: Canvas) -> None:
    """Leave the picture as it was painted."""
    if canvas.chance.happens(0.3):
        canvas.grain(0.25, size=160)


def _grain(canvas: Canvas) -> None:
    canvas.soften(0.005)
    canvas.grain(0.6, size=canvas.chance.pick((90, 140, 200)))
    canvas.vignette(0.45)


def _soft(canvas: Canvas) -> None:
    canvas.soften(0.012)
    canvas.grain(0.3, size=24)


def _mono(canvas: Canvas) -> None:
    canvas.soften(0.005)
    canvas.tone((18, 18, 20), (244, 243, 240))
    canvas.grain(0.55, size=180)


def _duotone(canvas: Canvas) -> None:
    canvas.tone(canvas.dark, mix(canvas.palette.second, WHITE, 0.5))
    canvas.grain(0.5, size=150)


TREATMENTS: MappingProxyType[str, Painter] = MappingProxyType(
    {"plain": _plain, "grain": _grain, "soft": _soft, "mono": _mono, "duotone": _duotone}
)
