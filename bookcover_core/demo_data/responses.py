"""What an image host sends for a picture, and how: rightly, or with one of the faults."""

import gzip
import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum, auto
from functools import cache
from http import HTTPStatus

from PIL import Image

from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.typesetting import set_text

# Where pictures lie that have moved.
MOVED = "/moved"

# Where machines in a cloud find their secrets: RFC 3927 keeps the address off the open Internet.
INSIDE = "http://169.254.169.254/latest/meta-data/"

BLANK_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")

# Seconds that a busy host asks for; a date names whole seconds, so that a little more is needed to name the future.
_RETRY_AFTER = 1
_RETRY_AT = 2

_HUGE = 10_000_000_000
_BOMB_SIDE = 50_000
_PIECE = 700
_SIGNATURES = ((b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"))


class Delivery(Enum):
    """How an answer is sent."""

    WHOLE = auto()
    """At once; the connection stays."""
    LATE = auto()
    """The same, after a second."""
    CLOSED = auto()
    """At once; then the connection is closed."""
    BROKEN = auto()
    """Half of the body; then the connection is reset."""
    DRIPPED = auto()
    """Ten bytes of the body a second."""
    ENDLESS = auto()
    """The body over and over, as long as somebody listens."""
    SILENT = auto()
    """Never; the connection stays."""
    HANG_UP = auto()
    """Never; the connection is closed."""


@dataclass(frozen=True)
class Response:
    """a response of a host."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Over those that every answer has: Content-Type and, where `declared`, Content-Length."""
    delivery: Delivery = Delivery.WHOLE
    declared: bool = True
    """Whether the length of the body is announced."""

    @property
    def head(self) -> bytes:
        """Status line and headers as they are sent."""
        fields = {"Content-Type": _type_of(self.body)}
        if self.declared:
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{name}: {value}" for name, value in (fields | dict(self.headers)).items()]
        return "\r\n".join([f"HTTP/1.1 {self.status.value} {self.status.phrase}", *lines, "", ""]).encode()


def choose_response(fault: Fault | None, path: str, picture: bytes | None, *, first: bool) -> Response:
    """What is sent for a path with this fault and right `picture` (None: there is none), at first and later."""
    if fault in _WITHOUT_PICTURE:
        return _WITHOUT_PICTURE[fault]
    if picture is None:
        return Response(HTTPStatus.NOT_FOUND)
    if first and fault in _AT_FIRST:
        return _AT_FIRST[fault]
    match fault:
        case Fault.REDIRECT | Fault.REDIRECT_LOOP:
            target = path if fault is Fault.REDIRECT_LOOP else MOVED + path
            return Response(HTTPStatus.FOUND, headers={"Location": target})
        case Fault.BUSY_UNTIL if first:
            until = datetime.now(UTC) + timedelta(seconds=_RETRY_AT)
            return Response(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": format_datetime(until, usegmt=True)})
        case Fault.NO_IMAGE:
            return Response(body=no_image_picture())
        case Fault.TRUNCATED:
            return Response(body=picture[: len(picture) * 3 // 5])
        case Fault.WRONG_TYPE:
            return Response(body=picture, headers={"Content-Type": "text/plain"})
        case Fault.GZIP:
            return Response(body=gzip.compress(picture), headers={"Content-Encoding": "gzip"})
        case Fault.FALSE_GZIP:
            return Response(body=picture, headers={"Content-Encoding": "gzip"})
        case Fault.CHUNKED:
            return Response(body=_in_pieces(picture), headers={"Transfer-Encoding": "chunked"}, declared=False)
        case Fault.CMYK:
            return Response(body=cmyk_picture(picture))
        case Fault.WRONG_LENGTH:
            longer = {"Content-Length": str(len(picture) + 1000)}
            return Response(body=picture, headers=longer, delivery=Delivery.CLOSED)
        case Fault.UNDECLARED:
            return Response(
                body=picture[: len(picture) // 2 if first else None], delivery=Delivery.CLOSED, declared=False
            )
        case Fault.RESET | Fault.BROKEN if first or fault is Fault.BROKEN:
            return Response(body=picture, delivery=Delivery.BROKEN)
        case Fault.ENDLESS:
            return Response(body=picture, delivery=Delivery.ENDLESS, declared=False)
    return Response(body=picture, delivery=_MANNERS.get(fault, Delivery.WHOLE))


@cache
def no_image_picture() -> bytes:
    """The host's picture for books that it has no picture of: a JPEG of 60 by 60 pixels."""
    image = Image.new("RGB", (60, 60), (240, 240, 240))
    set_text(image, (4, 8, 56, 52), "No image available", "sans", (150, 150, 150))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()


def cmyk_picture(picture: bytes) -> bytes:
    """The same picture as a JPEG in cyan, magenta, yellow and black."""
    content = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("CMYK").save(content, "JPEG", quality=85)
    return content.getvalue()


def _bomb() -> bytes:
    """A PNG that claims far more pixels than it has bytes for."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", _BOMB_SIDE, _BOMB_SIDE, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _in_pieces(body: bytes) -> bytes:
    """The body in HTTP's chunked coding."""
    pieces = [body[start : start + _PIECE] for start in range(0, len(body), _PIECE)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in [*pieces, b""])


def _type_of(body: bytes) -> str:
    return next((kind for signature, kind in _SIGNATURES if body.startswith(signature)), "text/plain")


_WITHOUT_PICTURE: Mapping[Fault | None, Response] = {
    Fault.MISSING: Response(HTTPStatus.NOT_FOUND),
    Fault.GONE: Response(HTTPStatus.GONE),
    Fault.FORBIDDEN: Response(HTTPStatus.FORBIDDEN),
    Fault.ERRORS: Response(HTTPStatus.INTERNAL_SERVER_ERROR),
    Fault.PLACEHOLDER: Response(body=BLANK_GIF),
    Fault.HTML: Response(body=b"<!doctype html><title>Robot check</title>", headers={"Content-Type": "text/html"}),
    Fault.EMPTY: Response(headers={"Content-Type": "image/jpeg"}),
    Fault.NOISE: Response(body=bytes(range(256)) * 16, headers={"Content-Type": "image/jpeg"}),
    Fault.HUGE: Response(
        body=bytes(_PIECE),
        headers={"Content-Length": str(_HUGE), "Content-Type": "image/jpeg"},
        delivery=Delivery.CLOSED,
    ),
    Fault.BOMB: Response(body=_bomb()),
    Fault.REDIRECT_INSIDE: Response(HTTPStatus.FOUND, headers={"Location": INSIDE}),
    Fault.REDIRECT_FILE: Response(HTTPStatus.FOUND, headers={"Location": "file:///etc/passwd"}),
}

_AT_FIRST: Mapping[Fault | None, Response] = {
    Fault.FLAPPING: Response(HTTPStatus.SERVICE_UNAVAILABLE),
    Fault.BUSY: Response(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(_RETRY_AFTER)}),
}

_MANNERS: Mapping[Fault | None, Delivery] = {
    Fault.SLOW: Delivery.LATE,
    Fault.DRIP: Delivery.DRIPPED,
    Fault.HANG: Delivery.SILENT,
    Fault.HANG_UP: Delivery.HANG_UP,
}
