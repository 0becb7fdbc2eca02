"""Limits of one host during a run: its pace, back-off, working mirror, failures, and when it is given up."""

import asyncio
from dataclasses import dataclass

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.errors import SettingsError
from bookcover_core.settings import CoverSettings

# A host is given up after so many times its requests in flight failed in a row without a connection, or without a
# usable response: every coroutine has then tried more than once.
_ROUNDS_UNREACHED = 3
_ROUNDS_UNSERVED = 8
_FEWEST_IN_FLIGHT = 4


class TemporaryError(Exception):
    """A temporary failure: with a status where there was a response, and whether a connection was reached.

    `is_gone`: the name server says that the host's name does not exist.
    """

    def __init__(self, reason: str, *, status: int = 0, reached: bool = True, is_gone: bool = False) -> None:
        self.status, self.reached, self.is_gone = status, reached, is_gone
        super().__init__(reason)


class FinalError(Exception):
    """A failure that a retry will not change."""

    def __init__(self, outcome: CoverOutcome, reason: str, status: int = 0) -> None:
        self.outcome, self.status = outcome, status
        super().__init__(reason)


class Mirrors:
    """The mirrors of each host of a listing (`covers.hosts`); `SettingsError` where one is not an address."""

    def __init__(self, settings: CoverSettings) -> None:
        self._mirrors: dict[str, list[Address]] = {}
        for host, named in settings.hosts.items():
            try:
                self._mirrors[host.lower()] = [parse_address(mirror) for mirror in named]
            except ValueError as error:
                what = f"an address of {host!r} cannot be used: {error}"
                advice = "Write scheme and host, and a port where it needs one: https://images.example.org:8443."
                raise SettingsError(what, where="covers.hosts", advice=advice) from error

    def hosts(self) -> set[str]:
        """Host names of all mirrors."""
        return {mirror.host for mirrors in self._mirrors.values() for mirror in mirrors}

    def origin(self, address: Address) -> Address:
        """The unit of pacing: a host with mirrors counts as one, whatever scheme and port the listing gives."""
        if self._mirrors.get(address.host):
            return Address("http", address.host, 80, "/")
        return address._replace(target="/")

    def of(self, origin: Address) -> list[Address]:
        """The mirrors of a host in the order in which they are tried; without any, the host itself."""
        return list(self._mirrors.get(origin.host) or [origin])


@dataclass
class Mirror:
    """One address under which the host's images are requested."""

    address: Address
    has_served: bool = False  # whether it served an image in this run: only then is its 404 believed


class HostLimits:
    """Pace and health of one host, shared by all its requests. The mirror that serves is tried first from then on.

    `held` is the time, by the system's monotonic clock, before which it must not be requested: one number, which
    several processes may share.
    """

    def __init__(
        self, mirrors: list[Address], settings: CoverSettings, held: "list[float] | memoryview[float] | None" = None
    ) -> None:
        self.mirrors = [Mirror(place) for place in mirrors]
        self.given_up = ""  # why it is not requested again in this run; empty while it is
        self.is_gone = False  # whether that is because its name does not exist: it has no cover any more
        self._interval = 1.0 / settings.requests_per_second
        self._in_flight = max(settings.concurrency, _FEWEST_IN_FLIGHT) * len(mirrors)
        self._held = [0.0] if held is None else held
        self._next = 0.0
        self._unreached = self._unserved = 0

    async def turn(self) -> None:
        """Wait for the next slot of the host's pace."""
        clock = asyncio.get_running_loop().time
        mine = -1.0
        while mine < self._held[0]:
            mine = max(clock(), self._next, self._held[0])
            self._next = mine + self._interval
            if (wait := mine - clock()) > 0:
                await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Pause all requests, waiting ones included, as the host's Retry-After asks."""
        self._held[0] = max(self._held[0], asyncio.get_running_loop().time() + seconds)

    def answered(self, mirror: Mirror, *, served: bool) -> None:
        """Record that `mirror` is healthy, and whether it served content."""
        self._unreached = self._unserved = 0
        mirror.has_served = mirror.has_served or served
        if served and self.mirrors[0] is not mirror:
            self.mirrors.remove(mirror)
            self.mirrors.insert(0, mirror)

    def failed(self, reason: str, *, reached: bool = True, is_gone: bool = False) -> None:
        """Record a temporary failure; give the host up after too many in a row."""
        self._unserved += 1
        self._unreached = 0 if reached else self._unreached + 1
        if self.given_up:
            return
        if self._unreached >= _ROUNDS_UNREACHED * self._in_flight:
            self.given_up = f"{self._unreached} attempts in a row found no connection; the last: {reason}"
            self.is_gone = is_gone
        elif self._unserved >= _ROUNDS_UNSERVED * self._in_flight:
            self.given_up = f"{self._unserved} attempts in a row failed; the last: {reason}"
