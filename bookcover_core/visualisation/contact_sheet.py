"""Contact sheets: covers in a grid, each with a caption under it; and thumbnails for pages."""

import base64
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

logger = logging.getLogger(__name__)

_MARGIN, _GAP, _CAPTION_SIZE, _LINE_HEIGHT = 24, 20, 13, 17
_PAPER, _INK, _MUTED, _EDGE = "#ffffff", "#1d1c1a", "#6b6862", "#d8d4cb"


@dataclass(frozen=True)
class CaptionedCover:
    """A cover with the lines under it, the first of which stands out."""

    file: Path
    caption: tuple[str, ...] = ()
    book: str = ""
    """Title of the book, for those who cannot see the cover."""


def contact_sheet(covers: Sequence[CaptionedCover], *, columns: int = 6, side: int = 160) -> Image.Image:
    """At least one cover as one picture, row by row, each with a longest side of `side` pixels."""
    # Fonts that come with matplotlib: the same sheet on every machine.
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    strong, plain = (ImageFont.truetype(folder / f"DejaVuSans{kind}.ttf", _CAPTION_SIZE) for kind in ("-Bold", ""))
    captions = [
        [(line, font) for text, font in zip(cover.caption, fonts, strict=False) for line in _wrap(text, font, side)]
        for cover in covers
        for fonts in [[strong, *[plain] * len(cover.caption)]]
    ]
    across = min(columns, len(covers))
    width, height = side + _GAP, side + 8 + max(map(len, captions)) * _LINE_HEIGHT + _GAP
    size = (2 * _MARGIN + across * width - _GAP, 2 * _MARGIN + -(-len(covers) // across) * height - _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, (cover, caption) in enumerate(zip(covers, captions, strict=True)):
        row, column = divmod(position, across)
        left, top = _MARGIN + column * width, _MARGIN + row * height
        picture = load_picture(cover.file, side) or Image.new("RGB", (side * 2 // 3, side), _EDGE)
        corner = (left, top + side - picture.height)
        sheet.paste(picture, corner)
        draw.rectangle((*corner, corner[0] + picture.width - 1, corner[1] + picture.height - 1), outline=_EDGE)
        for number, (line, font) in enumerate(caption):
            place = (left, top + side + 8 + number * _LINE_HEIGHT)
            draw.text(place, line, fill=_INK if font is strong else _MUTED, font=font)
    return sheet


def load_picture(file: Path, side: int) -> Image.Image | None:
    """The picture in `file`, on white, its longest side at most `side`; None, with a warning, if it is not readable."""
    try:
        with Image.open(file) as picture:
            picture.draft("RGB", (2 * side, 2 * side))
            if picture.has_transparency_data:
                layered = picture.convert("RGBA")
                flat = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
            else:
                flat = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.warning("%s cannot be shown: %s", file.name, error)
        return None
    flat.thumbnail((side, side), Image.Resampling.LANCZOS)
    return flat


def thumbnail(file: Path, side: int) -> bytes | None:
    """The picture in `file` as a WebP whose longest side is at most `side`; None where there is no readable picture."""
    picture = load_picture(file, side)
    return None if picture is None else encoded(picture, "WEBP", quality=75)


def sheet_markdown(said: str, sheet: Image.Image, most_bytes: int) -> str:
    """A contact sheet as a Markdown image that holds the picture itself, in at most about a third more bytes."""
    return f"![{said}]({data_uri(sheet_jpeg(sheet, most_bytes), 'image/jpeg')})"


def sheet_jpeg(sheet: Image.Image, most_bytes: int) -> bytes:
    """A contact sheet as JPEG, as good as `most_bytes` allow; of the lowest quality where not even that is enough."""
    for quality in range(85, 24, -10):
        content = encoded(sheet, "JPEG", quality=quality, optimize=True)
        if len(content) <= most_bytes:
            break
    return content


def data_uri(content: bytes, media_type: str) -> str:
    """`content` as an address that a page can hold."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def encoded(picture: Image.Image, form: str, **how: object) -> bytes:
    """The picture as a file of a form that Pillow knows: "PNG", "JPEG"."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """`text` on at most two lines of `width` pixels, cut with an ellipsis where it is longer."""
    first: list[str] = []
    words = text.split()
    while words and font.getlength(" ".join([*first, words[0]])) <= width:
        first.append(words.pop(0))
    rest = " ".join(words)
    if font.getlength(rest) > width:
        while rest and font.getlength(rest + "…") > width:
            rest = rest[:-1]
        rest = rest.rstrip() + "…"
    return [line for line in (" ".join(first), rest) if line] or [""]
