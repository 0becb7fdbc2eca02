"""What can be wrong with a picture on its host, how often, what is sent then, and what a study should make of it."""

import gzip
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum, StrEnum, auto
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, Self

from PIL import Image

from bookcover_core.demo_data.typesetting import set_text

MOVED = "/moved"  # where pictures lie that have moved

# Where machines in a cloud find their secrets: RFC 3927 keeps the address off the open Internet.
INSIDE = "http://169.254.169.254/latest/meta-data/"

BLANK_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")

# A busy host asks for a second; a date names whole seconds, so that a little more is needed to name the future.
_BUSY = {"Retry-After": "1"}
_RETRY_AT = 2

# A PNG that claims 50,000 by 50,000 pixels, and has bytes for 8,000.
_BOMB = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000c3500000c350010000000063d40067"
    "0000001149444154789c63601805a360140c77000003e80001b3a6d3460000000049454e44ae426082"
)
_PIECE = 700
_SIGNATURES = ((b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"))
_JPEG = {"Content-Type": "image/jpeg"}
_HUGE = _JPEG | {"Content-Length": "10000000000"}


class Delivery(Enum):
    """How an answer is sent."""

    WHOLE = auto()  # at once; the connection stays
    LATE = auto()  # the same, after a second
    CLOSED = auto()  # at once; then the connection is closed
    BROKEN = auto()  # half of the body; then the connection is reset
    DRIPPED = auto()  # ten bytes of the body a second
    ENDLESS = auto()  # the body over and over, as long as somebody listens
    SILENT = auto()  # never; the connection stays
    HANG_UP = auto()  # never; the connection is closed


@dataclass(frozen=True)
class Response:
    """A response of a host."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Over those that every answer has: Content-Type and, where `declared`, Content-Length."""
    delivery: Delivery = Delivery.WHOLE
    declared: bool = True  # whether the length of the body is announced

    @property
    def head(self) -> bytes:
        """Status line and headers as they are sent."""
        kind = next((kind for signature, kind in _SIGNATURES if self.body.startswith(signature)), "text/plain")
        fields = {"Content-Type": kind}
        if self.declared:
            fields["Content-Length"] = str(len(self.body))
        lines = [f"{name}: {value}" for name, value in (fields | dict(self.headers)).items()]
        return "\r\n".join([f"HTTP/1.1 {self.status.value} {self.status.phrase}", *lines, "", ""]).encode()


class Request(NamedTuple):
    """A request for a picture that the host has."""

    path: str
    picture: bytes
    first: bool  # whether nobody has asked for the path before


Answer = Callable[[Request], Response]


def _jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()


def cmyk_picture(picture: bytes) -> bytes:
    """The same picture as a JPEG in cyan, magenta, yellow and black."""
    with Image.open(io.BytesIO(picture)) as image:
        return _jpeg(image.convert("CMYK"))


@cache
def _no_image_picture() -> bytes:
    """The host's picture for books that it has no picture of: a JPEG of 60 by 60 pixels."""
    image = Image.new("RGB", (60, 60), (240, 240, 240))
    set_text(image, (4, 8, 56, 52), "No image available", "sans", (150, 150, 150))
    return _jpeg(image)


def _in_pieces(body: bytes) -> bytes:
    pieces = [body[start : start + _PIECE] for start in range(0, len(body), _PIECE)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in [*pieces, b""])


def _picture(change: Callable[[bytes], bytes] = bytes, **how: Any) -> Answer:
    """The right picture, changed, and sent in some way."""
    return lambda request: Response(body=change(request.picture), **how)


def _at_first(answer: Response | Answer) -> Answer:
    """An answer to the first request; later ones get the right picture."""

    def later(request: Request) -> Response:
        if not request.first:
            return Response(body=request.picture)
        return answer if isinstance(answer, Response) else answer(request)

    return later


def _redirect(address: str) -> Response:
    return Response(HTTPStatus.FOUND, headers={"Location": address})


def _too_short(request: Request) -> Response:
    longer = {"Content-Length": str(len(request.picture) + 1000)}
    return Response(body=request.picture, headers=longer, delivery=Delivery.CLOSED)


def _busy_until(_: Request) -> Response:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=_RETRY_AT), usegmt=True)
    return Response(HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": until})


def _undeclared(request: Request) -> Response:
    body = request.picture[: len(request.picture) // 2 if request.first else None]
    return Response(body=body, delivery=Delivery.CLOSED, declared=False)


_WEB_PAGE = Response(body=b"<!doctype html><title>Robot check</title>", headers={"Content-Type": "text/html"})


class Fault(StrEnum):
    """A way for an image host to misbehave: its name, what a study's ledger should say, how often, and what it sends.

    Of a fault with a share, a publisher has at least one book; none has those that a demo study would wait for. A
    response, unlike an answer, is sent even where there is no picture.
    """

    outcome: str
    share: float
    answer: Response | Answer

    def __new__(cls, value: str, outcome: str, share: float, answer: Response | Answer) -> Self:
        """The fault called `value`."""
        fault = str.__new__(cls, value)
        fault._value_, fault.outcome, fault.share, fault.answer = value, outcome, share, answer
        return fault

    # What it sends is no cover.
    MISSING = "missing", "missing", 0.015, Response(HTTPStatus.NOT_FOUND)
    GONE = "gone", "missing", 0, Response(HTTPStatus.GONE)
    FORBIDDEN = "forbidden", "refused", 0.002, Response(HTTPStatus.FORBIDDEN)
    ERRORS = "errors", "failed for now", 0, Response(HTTPStatus.INTERNAL_SERVER_ERROR)
    PLACEHOLDER = "placeholder", "placeholder", 0.005, Response(body=BLANK_GIF)
    NO_IMAGE = "no image", "placeholder", 0.004, lambda _: Response(body=_no_image_picture())
    TRUNCATED = "truncated", "truncated", 0.002, _picture(lambda picture: picture[: len(picture) * 3 // 5])
    HTML = "html", "not an image", 0.002, _WEB_PAGE
    EMPTY = "empty", "not an image", 0.002, Response(headers=_JPEG)
    NOISE = "noise", "not an image", 0, Response(body=bytes(range(256)) * 16, headers=_JPEG)
    HUGE = "huge", "too large", 0.002, Response(body=bytes(_PIECE), headers=_HUGE, delivery=Delivery.CLOSED)
    ENDLESS = "endless", "too large", 0, _picture(delivery=Delivery.ENDLESS, declared=False)
    BOMB = "bomb", "too large", 0, Response(body=_BOMB)  # less than a hundred bytes

    # It leads elsewhere.
    REDIRECT = "redirect", "ok", 0.004, lambda request: _redirect(MOVED + request.path)
    REDIRECT_LOOP = "redirect loop", "refused", 0, lambda request: _redirect(request.path)
    REDIRECT_INSIDE = "redirect inside", "refused", 0, _redirect(INSIDE)
    REDIRECT_FILE = "redirect file", "refused", 0, _redirect("file:///etc/passwd")

    # It is the right picture in odd clothes.
    WRONG_TYPE = "wrong type", "ok", 0.002, _picture(headers={"Content-Type": "text/plain"})
    GZIP = "gzip", "ok", 0.002, _picture(gzip.compress, headers={"Content-Encoding": "gzip"})
    FALSE_GZIP = "false gzip", "ok", 0, _picture(headers={"Content-Encoding": "gzip"})
    CHUNKED = "chunked", "ok", 0, _picture(_in_pieces, headers={"Transfer-Encoding": "chunked"}, declared=False)
    CMYK = "cmyk", "ok", 0.002, _picture(cmyk_picture)

    # It comes late, or breaks off: for ever, or at first only.
    SLOW = "slow", "ok", 0.002, _picture(delivery=Delivery.LATE)
    DRIP = "drip", "failed for now", 0, _picture(delivery=Delivery.DRIPPED)
    HANG = "hang", "failed for now", 0, _picture(delivery=Delivery.SILENT)
    HANG_UP = "hang up", "failed for now", 0, _picture(delivery=Delivery.HANG_UP)
    BROKEN = "broken", "failed for now", 0, _picture(delivery=Delivery.BROKEN)
    WRONG_LENGTH = "wrong length", "failed for now", 0, _too_short
    RESET = "reset", "ok", 0.002, _at_first(_picture(delivery=Delivery.BROKEN))
    UNDECLARED = "undeclared", "ok", 0, _undeclared
    FLAPPING = "flapping", "ok", 0.004, _at_first(Response(HTTPStatus.SERVICE_UNAVAILABLE))
    BUSY = "busy", "ok", 0.002, _at_first(Response(HTTPStatus.TOO_MANY_REQUESTS, headers=_BUSY))
    BUSY_UNTIL = "busy until", "ok", 0, _at_first(_busy_until)


def choose_response(fault: Fault | None, path: str, picture: bytes | None, *, first: bool) -> Response:
    """What is sent for a path with this fault and right `picture` (None: there is none), at first and later."""
    answer = fault.answer if fault is not None else None
    if isinstance(answer, Response):
        return answer
    if picture is None:
        return Response(HTTPStatus.NOT_FOUND)
    return answer(Request(path, picture, first)) if answer else Response(body=picture)
