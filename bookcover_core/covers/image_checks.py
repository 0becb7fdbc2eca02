"""Checks of downloaded content: whether it is a usable cover.

Image hosts answer 200 with placeholders, web pages, single pixels and truncated images. A cover is an image of a known
format, by its content, that decodes completely, is large enough, and is no known placeholder.
"""

import hashlib
import re
from typing import NamedTuple
from urllib.parse import unquote

from PIL import Image, UnidentifiedImageError

from bookcover_core.covers.decoding_process import DecodingLimitError, ask_apart
from bookcover_core.covers.image_io import FORMATS, PixelDepthError, decode_rgb, is_shortage, open_image
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.listings.image_files import WEB_PAGE, foreign_format
from bookcover_core.settings import CoverSettings

# Amazon's "no image available" picture: the names that it has in addresses of the listings.
AMAZON_PLACEHOLDERS = frozenset({"01RmK+J4pJL", "01QFb8SNuTL", "01PkLIhTX3L", "01MKUOLsA5L", "31CTP6oiIBL"})

# SHA-256 of images that hosts send in place of a cover.
_PLACEHOLDERS = {
    "c0d142c1e9eb647ac67d8b123c5e06bdf1757ca4e674e7fdb13311680531bbc5": "Book Depository's image for books without one",
    "546c5cf136073615afda5cab173feff341171a26a848cf7ce09bb8bd8b07ce89": "Open Library's blank of one pixel",
}

# What begins a scan of a JPEG. Progressive ones have about ten; each costs its decoder a pass over all pixels.
_START_OF_SCAN = b"\xff\xda"
_SCAN = re.compile(rb"\xff\xda..([\x01-\x04])", re.DOTALL)
MOST_SCANS = 200

# What is decoded at once, in a tenth of a second at most: everything else gets a process of its own.
_QUICK_FORMATS = frozenset({"JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP"})
_QUICK_PIXELS = 4_000_000
_QUICK_SCANS = 20

# Profiles that the decoding process has applied: images with others are decoded there first.
_known_profiles: set[bytes] = set()

# Grey levels of blocks for which a JPEG has no data, and bytes that would fill them otherwise.
_NO_DATA = range(127, 130)
_FILLER = bytes(1 + 37 * place % 254 for place in range(4096))

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


def check_image(body: bytes, settings: CoverSettings, *, is_quick: bool = False) -> ImageCheck:
    """Check `body`: ok, placeholder, not an image, truncated or too large; `is_quick` by `costly_profile`, if asked.

    The size is read from the header before anything is decoded (a decompression bomb is never unpacked), then all of
    the file is decoded, so that every later stage can read what is ok here. What may be costly or unsafe to decode is
    decoded in a process that is ended when it takes too long (`decoding_process`): this may block for seconds.
    """
    limits = {"min_side": settings.min_side, "max_bytes": settings.max_bytes, "max_pixels": settings.max_pixels}
    try:
        profile = None if is_quick else costly_profile(body, settings)
        if profile is None:
            return check_here(body, **limits)
        answer = ask_apart(limits, body)
    except DecodingLimitError as error:
        return ImageCheck(CoverOutcome.TOO_LARGE, str(error), hashlib.sha256(body).hexdigest())
    except (OSError, MemoryError) as error:
        reason = "memory" if isinstance(error, MemoryError) else error.strerror or str(error)
        return ImageCheck(CoverOutcome.FAILED, f"not decoded: a shortage on this machine ({reason})")
    _known_profiles.add(profile)
    return ImageCheck(**{**answer, "outcome": CoverOutcome(answer["outcome"])})


def costly_profile(body: bytes, settings: CoverSettings) -> bytes | None:
    """Digest of the colour profile of an image that may take long to decode, by its header; None of any other.

    It has many pixels or scans, a slow format, or a profile not met before: Little CMS, which applies it, is C.
    """
    if not body or len(body) > settings.max_bytes or WEB_PAGE.match(body):
        return None
    try:
        with open_image(body, max_pixels=settings.max_pixels) as image:
            digest = hashlib.sha256(image.info.get("icc_profile") or b"").digest()
            is_quick = image.format in _QUICK_FORMATS and image.width * image.height <= _QUICK_PIXELS
            is_known = digest in _known_profiles or not image.info.get("icc_profile")
            return None if is_quick and is_known and body.count(_START_OF_SCAN) <= _QUICK_SCANS else digest
    except (OSError, ValueError):
        return None


def check_here(body: bytes, *, min_side: int, max_bytes: int, max_pixels: int) -> ImageCheck:
    """Check `body` as `check_image` does, in this process and however long it takes.

    `OSError` or `MemoryError` where the system is short of something: that is not the image's fault.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    if sha256 in _PLACEHOLDERS:
        return ImageCheck(CoverOutcome.PLACEHOLDER, _PLACEHOLDERS[sha256], sha256)
    if not body:
        return ImageCheck(CoverOutcome.NOT_AN_IMAGE, "empty", sha256)
    if len(body) > max_bytes:
        return ImageCheck(CoverOutcome.TOO_LARGE, f"{len(body):,} bytes", sha256)
    if WEB_PAGE.match(body) and not foreign_format(body):
        return ImageCheck(CoverOutcome.NOT_AN_IMAGE, "a web page", sha256)
    found = ImageCheck(CoverOutcome.OK, "", sha256)
    try:
        with open_image(body, max_pixels=max_pixels) as picture:
            name = "JPEG" if picture.format == "MPO" else str(picture.format)
            found = ImageCheck(CoverOutcome.OK, "", sha256, name, picture.mode, *picture.size)
            if min(picture.size) < min_side:
                size = f"{picture.width} x {picture.height} pixels"
                return found._replace(outcome=CoverOutcome.PLACEHOLDER, detail=size)
            if name == "JPEG":
                if (scans := body.count(_START_OF_SCAN)) > MOST_SCANS:
                    return found._replace(outcome=CoverOutcome.TOO_LARGE, detail=f"a JPEG of {scans:,} scans")
                # All coefficients are decoded, which is where damage shows, but one pixel in 64 is computed from them:
                # the same verdict in two thirds of the time and a 64th of the memory.
                picture.draft(None, (1, 1))
                picture.load()
                if _lacks_data(picture, body):
                    return found._replace(outcome=CoverOutcome.TRUNCATED, detail="the picture lacks data")
            decode_rgb(picture)
    except ValueError as error:
        return found._replace(outcome=CoverOutcome.TOO_LARGE, detail=str(error))
    except UnidentifiedImageError:
        if _ends_early(body):
            return found._replace(outcome=CoverOutcome.TRUNCATED, detail="the picture breaks off in its header")
        formats = f"{', '.join(FORMATS[:-1])} and {FORMATS[-1]} are read"
        kind = foreign_format(body) or "no picture of a known format"
        return found._replace(outcome=CoverOutcome.NOT_AN_IMAGE, detail=f"{kind}: {formats}")
    except PixelDepthError as error:
        return found._replace(outcome=CoverOutcome.NOT_AN_IMAGE, detail=str(error))
    except OSError as error:
        if is_shortage(error):
            raise
        if _ends_early(body) or "truncated" in str(error):
            return found._replace(outcome=CoverOutcome.TRUNCATED, detail="the picture breaks off")
        return found._replace(outcome=CoverOutcome.NOT_AN_IMAGE, detail=f"the picture is damaged ({error})"[:200])
    return found


def _lacks_data(picture: Image.Image, body: bytes) -> bool:
    """Whether a JPEG ends, with its end marker, before all of it is there, as after a cut or overwritten bytes."""
    if picture.info.get("progressive"):
        return _lacks_scans(body)
    # A decoder leaves grey what it lacks. Where the last pixel is so, bytes before the end marker show whether
    # it was in the file: if the image changes, they were wanted.
    last = picture.getpixel((picture.width - 1, picture.height - 1))
    if any(level not in _NO_DATA for level in (last if isinstance(last, tuple) else (last,))):
        return False
    rest, end, tail = body.rpartition(b"\xff\xd9")
    with open_image(rest + _FILLER + end + tail) as other:
        other.draft(None, (1, 1))
        other.load()
        return other.tobytes() != picture.tobytes()


def _lacks_scans(body: bytes) -> bool:
    """Whether a progressive JPEG ends before the last bit of every coefficient (ITU-T T.81, G.1.1.1)."""
    start = 2
    while body[start : start + 2] not in {_START_OF_SCAN, b""}:
        start += 2 + int.from_bytes(body[start + 2 : start + 4])
    missing: dict[int, set[int]] = {}
    for found in _SCAN.finditer(body, start):
        count = found[1][0]
        parts, rest = body[found.end() : found.end() + 2 * count : 2], body[found.end() + 2 * count :][:3]
        if len(rest) < 3:
            return True
        for part in parts:
            wanted = missing.setdefault(part, set(range(64)))
            if not rest[2] & 0x0F:
                wanted -= set(range(rest[0], rest[1] + 1))
    return any(missing.values())


def _ends_early(body: bytes) -> bool:
    if body.startswith(b"RIFF"):
        return len(body) < 8 + int.from_bytes(body[4:8], "little")
    return any(body.startswith(start) and not body.rstrip(b"\0").endswith(end) for start, end in _ENDINGS)
