"""One host of a listing during a run: how fast it is asked, where it answers, and when it is given up."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bookcover_core.covers.urls import Address
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# A host is given up when as many attempts in a row as these times its requests in flight found no connection, or no
# usable answer: every worker has then tried more than once.
_ROUNDS_UNREACHED = 3
_ROUNDS_UNSERVED = 8
_FEWEST_IN_FLIGHT = 4


@dataclass
class Base:
    """One place where the host's pictures are looked for."""

    address: Address
    has_served: bool = False
    """Whether a picture came from it in this run: only then is it believed that it does not have another."""


class Notice(NamedTuple):
    """What was learned of a host that everybody who asks it must heed."""

    host: str
    """The host as the listing names it."""
    hold: float = 0.0
    """Seconds that nobody is to ask it for."""
    given_up: str = ""
    """Why nobody is to ask it any more."""


def log_given_up(notice: Notice) -> None:
    """Log that a host was given up, if that is what the notice says."""
    if notice.given_up:
        logger.warning("%s was given up: %s", notice.host, notice.given_up)


class Host:
    """A host of the listing, whose requests share their pace and their fate.

    Args:
        name: The host as the listing names it.
        places: Where its pictures are looked for, in that order; the one that answers is asked first from then on.
        settings: Its pace, and how many requests may be in flight.
        tell: Told what others who ask the same host must heed.
    """

    def __init__(
        self, name: str, places: list[Address], settings: CoverSettings, tell: Callable[[Notice], None]
    ) -> None:
        self.name = name
        self.bases = [Base(place) for place in places]
        self.given_up = ""
        """Why it is asked no more; empty while it is."""
        self._interval = 1.0 / settings.requests_per_second
        self._in_flight = max(settings.concurrency, _FEWEST_IN_FLIGHT) * len(places)
        self._tell = tell
        self._next = 0.0
        self._held_until = 0.0
        self._unreached = 0
        self._unserved = 0

    async def turn(self) -> None:
        """Wait until the host may be asked again."""
        clock = asyncio.get_running_loop().time
        mine = -1.0
        while mine < self._held_until:
            mine = max(clock(), self._next)
            self._next = mine + self._interval
            if (wait := mine - clock()) > 0:
                await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long, those included who wait for their turn: the host wants it."""
        self._learn(Notice(self.name, hold=seconds))

    def heed(self, notice: Notice) -> None:
        """Do as somebody else's notice of this host says."""
        if notice.hold:
            self._held_until = max(self._held_until, asyncio.get_running_loop().time() + notice.hold)
            self._next = max(self._next, self._held_until)
        self.given_up = self.given_up or notice.given_up

    def answered(self, base: Base, *, served: bool) -> None:
        """Note that `base` answered as a host does that is well, and whether it sent something."""
        self._unreached = self._unserved = 0
        base.has_served = base.has_served or served
        if served and self.bases[0] is not base:
            self.bases.remove(base)
            self.bases.insert(0, base)

    def failed(self, reason: str, *, reached: bool) -> None:
        """Note that an attempt failed in a way that may pass; give the host up when too many in a row did."""
        self._unserved += 1
        self._unreached = 0 if reached else self._unreached + 1
        if self.given_up:
            return
        if self._unreached >= _ROUNDS_UNREACHED * self._in_flight:
            attempts = f"{self._unreached} attempts in a row found no connection"
            self._learn(Notice(self.name, given_up=f"{attempts}; the last: {reason}"))
        elif self._unserved >= _ROUNDS_UNSERVED * self._in_flight:
            self._learn(Notice(self.name, given_up=f"{self._unserved} attempts in a row failed; the last: {reason}"))

    def _learn(self, notice: Notice) -> None:
        self.heed(notice)
        self._tell(notice)
