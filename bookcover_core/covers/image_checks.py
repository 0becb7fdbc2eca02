"""Checks of downloaded content: whether it is a usable cover.

Image hosts answer 200 with placeholders, web pages, single pixels and truncated images. A cover is recognised by its
content, never by its name: an image of a known format that decodes completely, is large enough, and is no known
placeholder.
"""

import hashlib
import re
from typing import NamedTuple
from urllib.parse import unquote

from PIL import Image, UnidentifiedImageError

from bookcover_core.covers.decoding_process import DecodingLimitError, ask_apart
from bookcover_core.covers.image_io import is_shortage, open_image
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.settings import CoverSettings

# Amazon's "no image available" picture: the names that it has in addresses of the listings.
AMAZON_PLACEHOLDERS = frozenset({"01RmK+J4pJL", "01QFb8SNuTL", "01PkLIhTX3L", "01MKUOLsA5L", "31CTP6oiIBL"})

# SHA-256 of images that hosts send in place of a cover.
BOOK_DEPOSITORY_NO_IMAGE = "c0d142c1e9eb647ac67d8b123c5e06bdf1757ca4e674e7fdb13311680531bbc5"
OPEN_LIBRARY_BLANK = "546c5cf136073615afda5cab173feff341171a26a848cf7ce09bb8bd8b07ce89"
PLACEHOLDERS = {
    BOOK_DEPOSITORY_NO_IMAGE: "Book Depository's picture for books without one",
    OPEN_LIBRARY_BLANK: "Open Library's blank of one pixel",
}

_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|svg)", re.IGNORECASE)

# A marker that begins a scan of a JPEG. Progressive ones have about ten; each costs its decoder a pass over all pixels.
_START_OF_SCAN = b"\xff\xda"
MOST_SCANS = 200

# What is decoded at once, in a tenth of a second at most: everything else gets a process of its own.
_QUICK_FORMATS = frozenset({"JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP"})
_QUICK_PIXELS = 4_000_000
_QUICK_SCANS = 20

# How a whole file of a format ends.
_ENDINGS = ((b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG", b"IEND\xaeB`\x82"), (b"GIF8", b";"))


class ImageCheck(NamedTuple):
    """Result of a check; format, mode, width and height as far as they could be read."""

    outcome: CoverOutcome
    detail: str = ""
    sha256: str = ""
    format: str = ""
    mode: str = ""
    width: int = 0
    height: int = 0


def is_placeholder_address(url: str) -> bool:
    """Whether `url` is Amazon's image for books without a cover; its + may be written %2B."""
    name = unquote(url.partition("?")[0].rpartition("/")[2])
    return name.partition(".")[0] in AMAZON_PLACEHOLDERS


def check_image(body: bytes, settings: CoverSettings) -> ImageCheck:
    """Check `body`: ok, placeholder, not an image, truncated or too large.

    The size is read from the header before anything is decoded (a decompression bomb is never unpacked), then all of
    the file is decoded, so that every later stage can read what is ok here. What may be costly to decode is decoded in
    a process that is ended when it takes too long (`decoding_process`): this may block for seconds.
    """
    limits = {"min_side": settings.min_side, "max_bytes": settings.max_bytes, "max_pixels": settings.max_pixels}
    try:
        if not is_costly(body, settings):
            return check_here(body, **limits)
        answer = ask_apart(limits, body)
    except DecodingLimitError as error:
        return ImageCheck(CoverOutcome.TOO_LARGE, str(error), hashlib.sha256(body).hexdigest())
    except (OSError, MemoryError) as error:
        reason = "memory" if isinstance(error, MemoryError) else error.strerror or str(error)
        return ImageCheck(CoverOutcome.FAILED, f"not decoded: a shortage on this machine ({reason})")
    return ImageCheck(**{**answer, "outcome": CoverOutcome(answer["outcome"])})


def is_costly(body: bytes, settings: CoverSettings) -> bool:
    """Whether decoding `body` may take long, by its header: it has many pixels or scans, or a slow format."""
    if not body or len(body) > settings.max_bytes or _MARKUP.match(body):
        return False
    try:
        with open_image(body, max_pixels=settings.max_pixels) as image:
            is_quick = image.format in _QUICK_FORMATS and image.width * image.height <= _QUICK_PIXELS
            return not is_quick or body.count(_START_OF_SCAN) > _QUICK_SCANS
    except (OSError, ValueError):
        return False


def check_here(body: bytes, *, min_side: int, max_bytes: int, max_pixels: int) -> ImageCheck:
    """Check `body` as `check_image` does, in this process and however long it takes.

    Raises:
        OSError: The system is short of something; it is not the image's fault.
        MemoryError: Memory is short.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    if sha256 in PLACEHOLDERS:
        return ImageCheck(CoverOutcome.PLACEHOLDER, PLACEHOLDERS[sha256], sha256)
    if not body:
        return ImageCheck(CoverOutcome.NOT_AN_IMAGE, "empty", sha256)
    if len(body) > max_bytes:
        return ImageCheck(CoverOutcome.TOO_LARGE, f"{len(body):,} bytes", sha256)
    if _MARKUP.match(body):
        return ImageCheck(CoverOutcome.NOT_AN_IMAGE, "a web page", sha256)
    found = ImageCheck(CoverOutcome.OK, "", sha256)
    try:
        with open_image(body, max_pixels=max_pixels) as picture:
            name = "JPEG" if picture.format == "MPO" else str(picture.format)
            found = ImageCheck(CoverOutcome.OK, "", sha256, name, picture.mode, *picture.size)
            if min(picture.size) < min_side:
                size = f"{picture.width} x {picture.height} pixels"
                return found._replace(outcome=CoverOutcome.PLACEHOLDER, detail=size)
            scans = body.count(_START_OF_SCAN) if name == "JPEG" else 0
            if scans > MOST_SCANS:
                return found._replace(outcome=CoverOutcome.TOO_LARGE, detail=f"a JPEG of {scans:,} scans")
            _decode(picture)
    except ValueError as error:
        return found._replace(outcome=CoverOutcome.TOO_LARGE, detail=str(error))
    except UnidentifiedImageError:
        if _ends_early(body):
            return found._replace(outcome=CoverOutcome.TRUNCATED, detail="the picture breaks off in its header")
        return found._replace(outcome=CoverOutcome.NOT_AN_IMAGE, detail="no picture of a known format")
    except OSError as error:
        if is_shortage(error):
            raise
        if _ends_early(body) or "truncated" in str(error):
            return found._replace(outcome=CoverOutcome.TRUNCATED, detail="the picture breaks off")
        return found._replace(outcome=CoverOutcome.NOT_AN_IMAGE, detail=f"the picture is damaged ({error})"[:200])
    return found


def _decode(picture: Image.Image) -> None:
    """Decode the whole file.

    Of a JPEG all coefficients are decoded, which is where damage shows, but only one in 64 pixels is computed from
    them. That takes a third less time and a 64th of the memory, with the same verdict.

    Raises:
        OSError: The file is cut or damaged.
    """
    picture.draft(None, (1, 1))
    picture.load()


def _ends_early(body: bytes) -> bool:
    """Whether the end of the file is missing."""
    if body.startswith(b"RIFF"):
        return len(body) < 8 + int.from_bytes(body[4:8], "little")
    return any(body.startswith(start) and not body.rstrip(b"\0").endswith(end) for start, end in _ENDINGS)
