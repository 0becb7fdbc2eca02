"""Contact sheets: covers in a grid, each with a caption under it."""

import base64
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

logger = logging.getLogger(__name__)

_MARGIN = 24
_GAP = 20
_CAPTION_SIZE = 13
_LINE_HEIGHT = 17
_PAPER = "#ffffff"
_INK = "#1d1c1a"
_MUTED = "#6b6862"
_EDGE = "#d8d4cb"

# Qualities that a JPEG is tried with, the best first.
_QUALITIES = (85, 75, 65, 55, 45, 35, 25)


@dataclass(frozen=True)
class CaptionedCover:
    """A cover with the lines under it, the first of which stands out."""

    file: Path
    caption: tuple[str, ...] = ()


def contact_sheet(covers: Sequence[CaptionedCover], *, columns: int = 6, side: int = 160) -> Image.Image:
    """The covers as one picture, row by row.

    Args:
        covers: At least one.
        columns: Covers in a row, at most.
        side: Longest side of a cover in pixels.
    """
    strong, plain = _font("DejaVuSans-Bold.ttf"), _font("DejaVuSans.ttf")
    captions = [
        [
            (line, plain if number else strong)
            for number, text in enumerate(cover.caption)
            for line in _wrap(text, plain if number else strong, side)
        ]
        for cover in covers
    ]
    across = min(columns, len(covers))
    down = -(-len(covers) // across)
    width, height = side + _GAP, side + 8 + max(map(len, captions)) * _LINE_HEIGHT + _GAP
    sheet = Image.new("RGB", (2 * _MARGIN + across * width - _GAP, 2 * _MARGIN + down * height - _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, (cover, caption) in enumerate(zip(covers, captions, strict=True)):
        row, column = divmod(position, across)
        left, top = _MARGIN + column * width, _MARGIN + row * height
        picture = _open(cover.file, side)
        corner = (left, top + side - picture.height)
        sheet.paste(picture, corner)
        draw.rectangle((*corner, corner[0] + picture.width - 1, corner[1] + picture.height - 1), outline=_EDGE)
        for number, (line, font) in enumerate(caption):
            place = (left, top + side + 8 + number * _LINE_HEIGHT)
            draw.text(place, line, fill=_INK if font is strong else _MUTED, font=font)
    return sheet


def thumbnail(file: Path, side: int, *, quality: int = 82) -> bytes | None:
    """The picture in `file` as a JPEG whose longest side is at most `side`; None where there is no readable picture."""
    picture = _load(file, side)
    if picture is None:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def sheet_png(sheet: Image.Image) -> bytes:
    """A contact sheet as PNG."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def sheet_jpeg(sheet: Image.Image, most_bytes: int) -> bytes:
    """A contact sheet as JPEG, as good as `most_bytes` allow; of the lowest quality where not even that is enough."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        sheet.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= most_bytes:
            break
    return buffer.getvalue()


def sheet_markdown(said: str, sheet: Image.Image, most_bytes: int) -> str:
    """A contact sheet as a Markdown image that holds the picture itself, in at most about a third more bytes."""
    return f"![{said}]({data_uri(sheet_jpeg(sheet, most_bytes), 'image/jpeg')})"


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as an address that a page can hold."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _open(file: Path, side: int) -> Image.Image:
    """The cover, or an empty grey one where it cannot be read."""
    return _load(file, side) or Image.new("RGB", (side * 2 // 3, side), _EDGE)


def _load(file: Path, side: int) -> Image.Image | None:
    try:
        with Image.open(file) as picture:
            picture.draft("RGB", (2 * side, 2 * side))
            flat = _on_white(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.warning("%s cannot be shown: %s", file.name, error)
        return None
    flat.thumbnail((side, side), Image.Resampling.LANCZOS)
    return flat


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    flat = Image.new("RGB", layered.size, "white")
    flat.paste(layered, mask=layered.getchannel("A"))
    return flat


def _font(name: str) -> ImageFont.FreeTypeFont:
    """A font that comes with matplotlib: the same sheet on every machine."""
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), _CAPTION_SIZE)


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """`text` on at most two lines of `width` pixels, cut with an ellipsis where it is longer."""
    first: list[str] = []
    words = text.split()
    while words and font.getlength(" ".join([*first, words[0]])) <= width:
        first.append(words.pop(0))
    if not words:
        return [" ".join(first)]
    rest = _cut(" ".join(words), font, width)
    return [" ".join(first), rest] if first else [rest]


def _cut(line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"
