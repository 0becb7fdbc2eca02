"""What can be wrong with a picture on its host, how often, and what a study should make of it."""

import io
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from PIL import Image

from bookcover_core.rehearsal.typography import FACES, Ink, set_text


class Fault(StrEnum):
    """A way for an image host to misbehave."""

    MISSING = "missing"
    """404, for ever."""
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
    WRONG_TYPE = "wrong type"
    """The right picture, announced as text."""
    REDIRECT = "redirect"
    """The right picture at another path."""
    SLOW = "slow"
    """The right picture after a second."""
    FLAPPING = "flapping"
    """503 at first, then the right picture."""
    BUSY = "busy"
    """429 with Retry-After at first, then the right picture."""
    RESET = "reset"
    """A connection that breaks off in mid-picture at first, then the right picture."""

    @property
    def outcome(self) -> str:
        """What a study's ledger should say of such a cover; "ok" where the right picture came in the end."""
        return _OUTCOMES.get(self, "ok")


# Share of the publisher's books that suffer from each; of each there is at least one.
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
})  # fmt: skip

_OUTCOMES = MappingProxyType({
    Fault.MISSING: "missing",
    Fault.PLACEHOLDER: "placeholder",
    Fault.NO_IMAGE: "placeholder",
    Fault.TRUNCATED: "truncated",
    Fault.HTML: "not an image",
    Fault.EMPTY: "not an image",
})  # fmt: skip

BLANK_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")


@cache
def no_image_picture() -> bytes:
    """The host's picture for books that it has no picture of: a JPEG of 60 by 60 pixels."""
    image = Image.new("RGB", (60, 60), (240, 240, 240))
    set_text(image, (4, 8, 56, 52), "No image available", FACES["sans"], Ink((150, 150, 150)), lines=3)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()
