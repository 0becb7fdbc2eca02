"""Type on the invented covers: lines that are sized to fill a box, in the fonts that Matplotlib ships.

Pillow's basic layout engine is used: the other one is not installed on every machine.
"""

from functools import cache
from importlib.metadata import distribution

from PIL import Image, ImageDraw, ImageFont

from bookcover_core.demo_data.styles import Colour, styles

Box = tuple[int, int, int, int]

_SMALLEST = 6

TYPEFACES: dict[str, str] = styles()["typefaces"]  # files of fonts, by name


def set_text(
    image: Image.Image, box: Box, text: str, typeface: str, fill: Colour, *, largest: int = 200, align: str = "center"
) -> int:
    """Print `text` as large as it fits into `box`, `largest` pixels at most, and return where it ends, from the top.

    The box is left, top, right and bottom in pixels; what does not fit at the smallest size is cut off. `typeface` is
    one of `TYPEFACES`; `align` is "left" or "center".
    """
    words, width, height = text.split(), box[2] - box[0], box[3] - box[1]
    if not words or min(width, height) < _SMALLEST:
        return box[1]
    page = image.crop(box)
    draw = ImageDraw.Draw(page)
    start, anchor = (0, "la") if align == "left" else (width // 2, "ma")
    for size in range(max(min(largest, height), _SMALLEST), _SMALLEST - 1, -1):
        font = _font(TYPEFACES[typeface], size)
        lines = "\n".join(_break(words, font, width))
        left, _, right, bottom = draw.multiline_textbbox((start, 0), lines, font, anchor, 1, align)
        if size == _SMALLEST or (right - left <= width and bottom <= height):
            draw.multiline_text((start, 0), lines, fill, font, anchor, 1, align)
            image.paste(page, box[:2])
            return box[1] + min(height, round(bottom))
    raise AssertionError


def _break(words: list[str], font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = words[:1]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of Matplotlib's, found without the second that importing it takes."""
    file = distribution("matplotlib").locate_file(f"matplotlib/mpl-data/fonts/ttf/{name}.ttf")
    return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)
