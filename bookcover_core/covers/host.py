"""One host of a listing during a run: how fast it is asked, where it answers, and when it is given up."""

import asyncio
from dataclasses import dataclass

from bookcover_core.covers.addresses import Address
from bookcover_core.settings import CoverSettings

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


class Host:
    """A host of the listing, whose requests share their pace and their fate.

    Args:
        name: The host as the listing names it.
        places: Where its pictures are looked for, in that order; the one that answers is asked first from then on.
    """

    def __init__(self, name: str, places: list[Address], settings: CoverSettings) -> None:
        self.name = name
        self.bases = [Base(place) for place in places]
        self.given_up = ""
        """Why it is asked no more; empty while it is."""
        self._interval = 1.0 / settings.requests_per_second
        self._in_flight = max(settings.concurrency, _FEWEST_IN_FLIGHT) * len(places)
        self._next = 0.0
        self._unreached = 0
        self._unserved = 0

    async def turn(self) -> None:
        """Wait until the host may be asked again."""
        clock = asyncio.get_running_loop().time
        mine = max(clock(), self._next)
        self._next = mine + self._interval
        if (wait := mine - clock()) > 0:
            await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long: the host wants it."""
        self._next = max(self._next, asyncio.get_running_loop().time() + seconds)

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
            self.given_up = f"{self._unreached} attempts in a row found no connection; the last: {reason}"
        elif self._unserved >= _ROUNDS_UNSERVED * self._in_flight:
            self.given_up = f"{self._unserved} attempts in a row failed; the last: {reason}"
