"""Limits of one host during a run: its pace, back-off, working mirror, failures, and when it is given up."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

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
        self.is_gone = is_gone
        self.status = status
        self.reached = reached
        super().__init__(reason)


class FinalError(Exception):
    """A failure that a retry will not change."""

    def __init__(self, outcome: CoverOutcome, reason: str, status: int = 0) -> None:
        self.outcome = outcome
        self.status = status
        super().__init__(reason)


@dataclass
class Mirror:
    """One address under which the host's images are requested."""

    address: Address
    has_served: bool = False  # whether it served an image in this run: only then is its 404 believed


class HostNotice(NamedTuple):
    """News of a host that applies to every worker process."""

    host: str  # the host as the listing names it
    hold: float = 0.0  # seconds without any request to it
    given_up: str = ""  # why it is not requested again in this run; empty while it is
    is_gone: bool = False  # whether that is because its name does not exist


def read_notice(line: bytes) -> HostNotice | None:
    """The notice in a line of a journal; None where it is none, or torn."""
    with suppress(ValueError):
        return HostNotice(*json.loads(line)["notice"]) if line.startswith(b'{"notice"') else None
    return None


def log_given_up(notice: HostNotice) -> None:
    """Log a notice that a host was given up."""
    if notice.given_up:
        logger.warning("%s was given up: %s", notice.host, notice.given_up)


class HostLimits:
    """Pace and health of one host, shared by all its requests.

    `name` is the host as the listing names it. Of `mirrors`, the one that serves is tried first from then on.
    `publish` receives notices for other worker processes.
    """

    def __init__(
        self, name: str, mirrors: list[Address], settings: CoverSettings, publish: Callable[[HostNotice], None]
    ) -> None:
        self.name = name
        self.mirrors = [Mirror(place) for place in mirrors]
        self.given_up = ""
        """Why it is not requested any more; empty while it is."""
        self.is_gone = False
        """Whether its name does not exist: it has no cover any more."""
        self._interval = 1.0 / settings.requests_per_second
        self._in_flight = max(settings.concurrency, _FEWEST_IN_FLIGHT) * len(mirrors)
        self._publish = publish
        self._next = 0.0
        self._held_until = 0.0
        self._unreached = 0
        self._unserved = 0

    async def turn(self) -> None:
        """Wait for the next slot of the host's pace."""
        clock = asyncio.get_running_loop().time
        mine = -1.0
        while mine < self._held_until:
            mine = max(clock(), self._next)
            self._next = mine + self._interval
            if (wait := mine - clock()) > 0:
                await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Pause all requests, waiting ones included, as the host's Retry-After asks."""
        self._announce(HostNotice(self.name, hold=seconds))

    def apply(self, notice: HostNotice) -> None:
        """Apply a notice of this host."""
        if notice.hold:
            self._held_until = max(self._held_until, asyncio.get_running_loop().time() + notice.hold)
            self._next = max(self._next, self._held_until)
        self.given_up = self.given_up or notice.given_up
        self.is_gone = self.is_gone or notice.is_gone

    def answered(self, mirror: Mirror, *, served: bool) -> None:
        """Record that `mirror` is healthy, and whether it served content."""
        self._unreached = self._unserved = 0
        mirror.has_served = mirror.has_served or served
        if served and self.mirrors[0] is not mirror:
            self.mirrors.remove(mirror)
            self.mirrors.insert(0, mirror)

    def failed(self, reason: str, *, reached: bool, is_gone: bool = False) -> None:
        """Record a temporary failure; give the host up after too many in a row."""
        self._unserved += 1
        self._unreached = 0 if reached else self._unreached + 1
        if self.given_up:
            return
        if self._unreached >= _ROUNDS_UNREACHED * self._in_flight:
            attempts = f"{self._unreached} attempts in a row found no connection"
            self._announce(HostNotice(self.name, given_up=f"{attempts}; the last: {reason}", is_gone=is_gone))
        elif self._unserved >= _ROUNDS_UNSERVED * self._in_flight:
            self._announce(
                HostNotice(self.name, given_up=f"{self._unserved} attempts in a row failed; the last: {reason}")
            )

    def _announce(self, notice: HostNotice) -> None:
        self.apply(notice)
        self._publish(notice)
