"""Asking for one cover until it is there, or until it is known that it will not be."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from bookcover_core.covers.connection import SUCCESSES, Answer, Connection, FailedError, UnusableError
from bookcover_core.covers.cover_store import Came
from bookcover_core.covers.host_limits import Base, Host
from bookcover_core.covers.image_checks import Verdict
from bookcover_core.covers.ledger import Outcome
from bookcover_core.covers.urls import Address
from bookcover_core.listings.backoff import may_pass, pause, retry_after
from bookcover_core.settings import CoverSettings

# The host wants fewer requests: its other places are not asked instead.
_TOO_MANY = 429

# Not found, and gone for good.
_MISSING = frozenset({404, 410})


# Judges what came, and keeps it if it is a cover.
TakeIn = Callable[[bytes], Verdict]


class Fetched(NamedTuple):
    """What came of asking for a cover."""

    verdict: Verdict
    came: Came = Came()
    may_pass: bool = False
    """Whether the same address may have something else the next time."""


async def fetch(
    address: Address, host: Host, connection: Connection, take_in: TakeIn, settings: CoverSettings
) -> Fetched:
    """What came of asking for `address` at each of its host's places, as often as the settings say.

    A place that fails in a way that may pass is asked again after a pause; meanwhile the next place is. That a place
    does not have the picture is believed only if it has sent others, or if no further place has it. What comes is
    given to `take_in`, which says what it is.
    """
    asking = _Asking(address, host, connection, take_in, settings)
    for attempt in range(1, settings.attempts + 1):
        fetched = await asking.at_each_place()
        if fetched is not None:
            return fetched
        if host.given_up or asking.left <= 0:
            break
        if attempt < settings.attempts and not await asking.rest(attempt):
            break
    return asking.in_the_end()


class _Asking:
    """One cover being asked for: its attempts, and the time that they took."""

    def __init__(
        self, address: Address, host: Host, connection: Connection, take_in: TakeIn, settings: CoverSettings
    ) -> None:
        self._address = address
        self._host = host
        self._connection = connection
        self._take_in = take_in
        self._settings = settings
        self._clock = asyncio.get_running_loop().time
        self._attempts = 0
        self._seconds = 0.0
        self._last = Fetched(Verdict(Outcome.FAILED, "not asked"))

    @property
    def left(self) -> float:
        """Seconds that this cover may still take; waiting for its turn does not count."""
        return self._settings.total_timeout - self._seconds

    async def at_each_place(self) -> Fetched | None:
        """What the first place that can say so says; None if all of them failed in a way that may pass."""
        denial: Fetched | None = None
        for base in list(self._host.bases):
            if self.left <= 0 or self._host.given_up:
                break
            fetched = await self._at(base)
            if fetched.may_pass:
                self._last = fetched
                if fetched.came.status == _TOO_MANY:
                    break
            elif fetched.verdict.outcome in {Outcome.MISSING, Outcome.REFUSED} and not base.has_served:
                denial = denial or fetched
            else:
                return fetched
        return denial

    async def rest(self, attempt: int) -> bool:
        """Whether there is time for another attempt, after the pause before it."""
        seconds = pause(attempt, self._settings.backoff)
        if seconds >= self.left:
            return False
        await asyncio.sleep(seconds)
        self._seconds += seconds
        return not self._host.given_up

    def in_the_end(self) -> Fetched:
        """The last failure."""
        return self._last

    async def _at(self, base: Base) -> Fetched:
        await self._host.turn()
        address = self._address.at(base.address)
        self._attempts += 1
        started = self._clock()
        status = 0
        try:
            async with asyncio.timeout(self.left):
                answer = await self._connection.get(address)
            status = answer.status
            verdict = self._judge(answer)
            again = verdict.outcome is Outcome.FAILED or (
                verdict.outcome is Outcome.TRUNCATED and not answer.is_declared
            )
            self._note(base, answer, verdict, again=again)
        except FailedError as error:
            verdict, status, again = Verdict(Outcome.FAILED, str(error)), error.status, True
            self._host.failed(str(error), reached=error.reached)
        except TimeoutError:
            verdict, again = Verdict(Outcome.FAILED, f"no cover in {self._settings.total_timeout:g} s"), True
            self._host.failed(verdict.detail, reached=True)
        except UnusableError as error:
            verdict, status, again = Verdict(error.outcome, str(error)), error.status, False
        self._seconds += self._clock() - started
        return Fetched(verdict, Came(str(address), status, self._attempts, round(self._seconds, 3)), again)

    def _judge(self, answer: Answer) -> Verdict:
        """What an answer amounts to."""
        if answer.status in SUCCESSES:
            return self._take_in(answer.body)
        reason = f"HTTP {answer.status}"
        if answer.status in _MISSING:
            return Verdict(Outcome.MISSING, reason)
        return Verdict(Outcome.FAILED if may_pass(answer.status) else Outcome.REFUSED, reason)

    def _note(self, base: Base, answer: Answer, verdict: Verdict, *, again: bool) -> None:
        """Tell the host how it does. One that refuses everything does no better than one that fails."""
        if again or verdict.outcome is Outcome.REFUSED:
            self._host.failed(verdict.detail, reached=True)
        else:
            self._host.answered(base, served=answer.status in SUCCESSES)
        if again and (wait := retry_after(answer.headers)) is not None:
            self._host.hold(wait)
