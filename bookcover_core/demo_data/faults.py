"""What can be wrong with a picture on its host, how often, and what a study should make of it."""

from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """A way for an image host to misbehave."""

    # What it sends is no cover.
    MISSING = "missing"
    """404, for ever."""
    GONE = "gone"
    """410, for ever."""
    FORBIDDEN = "forbidden"
    """403, for ever."""
    ERRORS = "errors"
    """500, every time."""
    PLACEHOLDER = "placeholder"
    """A blank GIF of one pixel under the cover's name."""
    NO_IMAGE = "no image"
    """A picture that says that there is none, the same for all."""
    TRUNCATED = "truncated"
    """A JPEG that ends too early, though the host says that this is all."""
    HTML = "html"
    """A web page with status 200."""
    EMPTY = "empty"
    """Nothing at all with status 200."""
    NOISE = "noise"
    """Bytes that mean nothing, announced as a JPEG."""
    HUGE = "huge"
    """A picture that is announced with ten gigabytes."""
    ENDLESS = "endless"
    """A picture whose length is not announced and that never ends."""
    BOMB = "bomb"
    """A PNG of less than a hundred bytes that claims 2,500 million pixels."""

    # It leads elsewhere.
    REDIRECT = "redirect"
    """The right picture at another path."""
    REDIRECT_LOOP = "redirect loop"
    """A redirect to itself."""
    REDIRECT_INSIDE = "redirect inside"
    """A redirect to where a cloud's machines find their secrets: no address of the open Internet."""
    REDIRECT_FILE = "redirect file"
    """A redirect to a file of the machine that asks."""

    # It is the right picture in odd clothes.
    WRONG_TYPE = "wrong type"
    """The right picture, announced as text."""
    GZIP = "gzip"
    """The right picture, compressed though nobody asked for it."""
    FALSE_GZIP = "false gzip"
    """The right picture, announced as compressed though it is not."""
    CHUNKED = "chunked"
    """The right picture in small pieces, each with its length."""
    CMYK = "cmyk"
    """The right picture in the colours of a printing press."""

    # It comes late, or breaks off.
    SLOW = "slow"
    """The right picture after a second."""
    DRIP = "drip"
    """The right picture at ten bytes a second."""
    HANG = "hang"
    """No answer, ever, on a connection that stays open."""
    HANG_UP = "hang up"
    """No answer: the connection is closed each time."""
    BROKEN = "broken"
    """A connection that breaks off in mid-picture every time."""
    WRONG_LENGTH = "wrong length"
    """The right picture, announced as longer than it is."""
    RESET = "reset"
    """A connection that breaks off in mid-picture at first, then the right picture."""
    UNDECLARED = "undeclared"
    """Half a picture at first, then the right one; the length is not announced, the end is that of the connection."""
    FLAPPING = "flapping"
    """503 at first, then the right picture."""
    BUSY = "busy"
    """429 with Retry-After in seconds at first, then the right picture."""
    BUSY_UNTIL = "busy until"
    """429 with Retry-After as a date at first, then the right picture."""

    @property
    def outcome(self) -> str:
        """What a study's ledger should say of such a cover; "ok" where the right picture came in the end."""
        return _OUTCOMES[self]


# Share of the publisher's books that suffer from each; of each that has one there is at least one book. Without a
# share: those that would make a demo study wait for time-outs, and those that are like another.
SHARES = MappingProxyType({
    Fault.MISSING: 0.015,
    Fault.PLACEHOLDER: 0.005,
    Fault.NO_IMAGE: 0.004,
    Fault.TRUNCATED: 0.002,
    Fault.HTML: 0.002,
    Fault.EMPTY: 0.002,
    Fault.WRONG_TYPE: 0.002,
    Fault.REDIRECT: 0.004,
    Fault.SLOW: 0.002,
    Fault.FLAPPING: 0.004,
    Fault.BUSY: 0.002,
    Fault.RESET: 0.002,
    Fault.FORBIDDEN: 0.002,
    Fault.HUGE: 0.002,
    Fault.GZIP: 0.002,
    Fault.CMYK: 0.002,
})  # fmt: skip

_OUTCOMES = MappingProxyType({
    Fault.MISSING: "missing",
    Fault.GONE: "missing",
    Fault.FORBIDDEN: "refused",
    Fault.ERRORS: "failed for now",
    Fault.PLACEHOLDER: "placeholder",
    Fault.NO_IMAGE: "placeholder",
    Fault.TRUNCATED: "truncated",
    Fault.HTML: "not an image",
    Fault.EMPTY: "not an image",
    Fault.NOISE: "not an image",
    Fault.HUGE: "too large",
    Fault.ENDLESS: "too large",
    Fault.BOMB: "too large",
    Fault.REDIRECT: "ok",
    Fault.REDIRECT_LOOP: "refused",
    Fault.REDIRECT_INSIDE: "refused",
    Fault.REDIRECT_FILE: "refused",
    Fault.WRONG_TYPE: "ok",
    Fault.GZIP: "ok",
    Fault.FALSE_GZIP: "ok",
    Fault.CHUNKED: "ok",
    Fault.CMYK: "ok",
    Fault.SLOW: "ok",
    Fault.DRIP: "failed for now",
    Fault.HANG: "failed for now",
    Fault.HANG_UP: "failed for now",
    Fault.BROKEN: "failed for now",
    Fault.WRONG_LENGTH: "failed for now",
    Fault.RESET: "ok",
    Fault.UNDECLARED: "ok",
    Fault.FLAPPING: "ok",
    Fault.BUSY: "ok",
    Fault.BUSY_UNTIL: "ok",
})  # fmt: skip
