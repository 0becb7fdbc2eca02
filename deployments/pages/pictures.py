"""Pictures for pages: a study's covers as they came, and small ones for grids."""

import io
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from bookcover_core.covers.image_io import open_image, read_rgb
from bookcover_core.pipeline.study import Study
from deployments.pages.site import error

# Formats that browsers show; covers of others are sent as JPEG. MPO: a JPEG with several pictures in it.
_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}

# Width and height of a small picture, at most: sharp at half that on dense screens.
_SMALL = (320, 480)

_QUALITY = 82

# What small pictures may take in memory: about 3,000 of them.
_MOST_BYTES = 64 * 1024 * 1024


def find_cover(study: Study, path: str) -> Path | None:
    """The file of a cover, if it is there and lies in the study's covers."""
    covers = study.workspace.covers.resolve()
    file = (study.workspace.root / path).resolve()
    return file if file.is_relative_to(covers) and file.is_file() else None


def for_browsers(content: bytes) -> tuple[bytes, str]:
    """A picture and its media type, by its content: as it is if browsers show its format, else as JPEG."""
    with open_image(content) as picture:
        media_type = _TYPES.get(picture.format or "")
    return (content, media_type) if media_type else (_as_jpeg(read_rgb(content)), "image/jpeg")


class SmallPictures:
    """Small JPEGs of covers, the latest kept in memory."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def make(self, file: Path, digest: str) -> bytes:
        """The small JPEG of the cover in `file`, which has this digest."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        content = _shrink(file)
        with self._lock:
            if digest not in self._kept:
                self._kept[digest] = content
                self._bytes += len(content)
            while self._bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest)
        return content


def _shrink(file: Path) -> bytes:
    picture = read_rgb(file)
    picture.thumbnail(_SMALL)
    return _as_jpeg(picture)


def _as_jpeg(picture: Image.Image) -> bytes:
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


def send_cover(request: Request, study: Study, path: str, sha256: str, small: SmallPictures | None = None) -> Response:
    """A cover of a study, byte for byte as it came; or a small JPEG of it.

    Args:
        request: The request; where it names the digest of the cover as `version`, the browser may keep it for ever.
        study: The study.
        path: The cover, relative to the study's folder.
        sha256: Its digest.
        small: Makes the small picture; none: the cover itself is sent.
    """
    file = find_cover(study, path)
    if file is None:
        return error(404, "There is no such cover.")
    is_named = request.query_params.get("version") == sha256
    headers, known = cacheable(request, f"{sha256}-small" if small else sha256, forever=is_named)
    if known:
        return known
    try:
        content, media_type = (small.make(file, sha256), "image/jpeg") if small else for_browsers(file.read_bytes())
    except (OSError, ValueError) as unreadable:
        return error(404, f"The cover cannot be read: {unreadable}.")
    return Response(content, media_type=media_type, headers=headers)


def cacheable(request: Request, tag: str, *, forever: bool) -> tuple[Mapping[str, str], Response | None]:
    """Headers that let a browser keep an answer, and the answer to one that has it already.

    Args:
        request: The request.
        tag: Changes when the content does.
        forever: Whether the address changes with the content, so that nobody need ever ask again.
    """
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, max-age=31536000, immutable" if forever else "no-cache"}
    tags = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return headers, Response(status_code=304, headers=headers) if headers["ETag"] in tags else None
