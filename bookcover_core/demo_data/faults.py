"""What can be wrong with a picture on its host, how often, and what a study should make of it."""

from enum import StrEnum
from typing import Self


class Fault(StrEnum):
    """A way for an image host to misbehave: its name, what a study's ledger should say of it, and how often it occurs.

    Of a fault with a share, a publisher has at least one book; none has those that a demo study would wait for.
    """

    outcome: str
    share: float

    def __new__(cls, value: str, outcome: str = "ok", share: float = 0.0) -> Self:
        """The fault called `value`."""
        fault = str.__new__(cls, value)
        fault._value_, fault.outcome, fault.share = value, outcome, share
        return fault

    # What it sends is no cover.
    MISSING = "missing", "missing", 0.015
    """404, for ever."""
    GONE = "gone", "missing"
    """410, for ever."""
    FORBIDDEN = "forbidden", "refused", 0.002
    """403, for ever."""
    ERRORS = "errors", "failed for now"
    """500, every time."""
    PLACEHOLDER = "placeholder", "placeholder", 0.005
    """A blank GIF of one pixel under the cover's name."""
    NO_IMAGE = "no image", "placeholder", 0.004
    """A picture that says that there is none, the same for all."""
    TRUNCATED = "truncated", "truncated", 0.002
    """A JPEG that ends too early, though the host says that this is all."""
    HTML = "html", "not an image", 0.002
    """A web page with status 200."""
    EMPTY = "empty", "not an image", 0.002
    """Nothing at all with status 200."""
    NOISE = "noise", "not an image"
    """Bytes that mean nothing, announced as a JPEG."""
    HUGE = "huge", "too large", 0.002
    """A picture that is announced with ten gigabytes."""
    ENDLESS = "endless", "too large"
    """A picture whose length is not announced and that never ends."""
    BOMB = "bomb", "too large"
    """A PNG of less than a hundred bytes that claims 2,500 million pixels."""

    # It leads elsewhere.
    REDIRECT = "redirect", "ok", 0.004
    """The right picture at another path."""
    REDIRECT_LOOP = "redirect loop", "refused"
    """A redirect to itself."""
    REDIRECT_INSIDE = "redirect inside", "refused"
    """A redirect to where a cloud's machines find their secrets: no address of the open Internet."""
    REDIRECT_FILE = "redirect file", "refused"
    """A redirect to a file of the machine that asks."""

    # It is the right picture in odd clothes.
    WRONG_TYPE = "wrong type", "ok", 0.002
    """The right picture, announced as text."""
    GZIP = "gzip", "ok", 0.002
    """The right picture, compressed though nobody asked for it."""
    FALSE_GZIP = "false gzip"
    """The right picture, announced as compressed though it is not."""
    CHUNKED = "chunked"
    """The right picture in small pieces, each with its length."""
    CMYK = "cmyk", "ok", 0.002
    """The right picture in the colours of a printing press."""

    # It comes late, or breaks off.
    SLOW = "slow", "ok", 0.002
    """The right picture after a second."""
    DRIP = "drip", "failed for now"
    """The right picture at ten bytes a second."""
    HANG = "hang", "failed for now"
    """No answer, ever, on a connection that stays open."""
    HANG_UP = "hang up", "failed for now"
    """No answer: the connection is closed each time."""
    BROKEN = "broken", "failed for now"
    """A connection that breaks off in mid-picture every time."""
    WRONG_LENGTH = "wrong length", "failed for now"
    """The right picture, announced as longer than it is."""
    RESET = "reset", "ok", 0.002
    """A connection that breaks off in mid-picture at first, then the right picture."""
    UNDECLARED = "undeclared"
    """Half a picture at first, then the right one; the length is not announced, the end is that of the connection."""
    FLAPPING = "flapping", "ok", 0.004
    """503 at first, then the right picture."""
    BUSY = "busy", "ok", 0.002
    """429 with Retry-After in seconds at first, then the right picture."""
    BUSY_UNTIL = "busy until"
    """429 with Retry-After as a date at first, then the right picture."""
