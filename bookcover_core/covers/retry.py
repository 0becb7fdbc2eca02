"""Retries of one cover: mirrors in turn, back-off between rounds, until there is a final outcome."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bookcover_core.covers.connection import SUCCESSES, Connection, HttpAnswer
from bookcover_core.covers.cover_store import Retrieval
from bookcover_core.covers.host_limits import FinalError, HostLimits, Mirror, TemporaryError
from bookcover_core.covers.image_checks import ImageCheck, costly_profile
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address
from bookcover_core.listings.host_access import may_pass, pause, retry_after
from bookcover_core.settings import CoverSettings

_TOO_MANY = 429  # the host wants fewer requests: its mirrors are not tried instead
_MISSING = frozenset({404, 410})  # not found, and gone for good


HOST_GONE = ImageCheck(CoverOutcome.MISSING, "host gone: there is no such name")
"""The outcome of covers whose host does not exist any more."""


class TakeIn(Protocol):
    """Checks what arrived, and stores it if it is a cover: `CoverStore.keep_if_cover` for some books."""

    def __call__(self, body: bytes, *, is_quick: bool = False) -> ImageCheck:
        """The outcome; `is_quick` where `costly_profile` has said so."""


class FetchResult(NamedTuple):
    """The outcome of requesting a cover."""

    verdict: ImageCheck
    came: Retrieval = Retrieval()
    may_pass: bool = False  # whether the failure is temporary


_NOT_ASKED = FetchResult(ImageCheck(CoverOutcome.FAILED, "not asked"))


async def fetch(
    address: Address, host: HostLimits, connection: Connection, keep_if_cover: TakeIn, settings: CoverSettings
) -> FetchResult:
    """The outcome of requesting `address` from each mirror of its host, `covers.attempts` times at most.

    After a temporary failure the next mirror is tried, and the same one again after a pause. A mirror's "not found"
    is believed only if it has served other images, or if no other mirror has the image. `keep_if_cover` checks what
    arrives.
    """
    attempts = _Attempts(address, host, connection, keep_if_cover, settings)
    for attempt in range(1, settings.attempts + 1):
        fetched = await attempts.try_mirrors()
        if fetched is not None:
            return fetched
        if host.given_up or attempts.left <= 0:
            break
        if attempt < settings.attempts and not await attempts.wait(attempt):
            break
    return attempts.last_failure()


@dataclass
class _Attempts:
    """The attempts for one cover, and the time they took."""

    _address: Address
    _host: HostLimits
    _connection: Connection
    _keep_if_cover: TakeIn
    _settings: CoverSettings
    _attempts: int = 0
    _seconds: float = 0.0
    _is_gone: bool = False
    _last: FetchResult = _NOT_ASKED

    @property
    def left(self) -> float:
        """Seconds left of `covers.total_timeout`; waiting for the host's pace does not count."""
        return self._settings.total_timeout - self._seconds

    async def try_mirrors(self) -> FetchResult | None:
        """The first final outcome; None if every mirror failed temporarily."""
        denial: FetchResult | None = None
        for mirror in list(self._host.mirrors):
            if self.left <= 0 or self._host.given_up:
                break
            fetched = await self._at(mirror)
            if fetched.may_pass:
                self._last = fetched
                if fetched.came.status == _TOO_MANY:
                    break
            elif fetched.verdict.outcome in {CoverOutcome.MISSING, CoverOutcome.REFUSED} and not mirror.has_served:
                denial = denial or fetched
            else:
                return fetched
        return denial

    async def wait(self, attempt: int) -> bool:
        """Pause before the next attempt. False: no time is left for one."""
        seconds = pause(attempt, self._settings.backoff)
        if seconds >= self.left:
            return False
        await asyncio.sleep(seconds)
        self._seconds += seconds
        return not self._host.given_up

    def last_failure(self) -> FetchResult:
        """The last failure; that the host is gone, where every attempt said so."""
        if self._is_gone and self._connection.knows_other_hosts:
            return self._last._replace(verdict=HOST_GONE)
        return self._last

    async def _at(self, mirror: Mirror) -> FetchResult:
        await self._host.turn()
        address = self._address.at(mirror.address)
        self._attempts += 1
        clock = asyncio.get_running_loop().time
        started = clock()
        status = 0
        try:
            async with asyncio.timeout(self.left):
                answer = await self._connection.get(address)
            status = answer.status
            verdict = await self._judge(answer)
            again = verdict.outcome is CoverOutcome.FAILED or (
                verdict.outcome is CoverOutcome.TRUNCATED and not answer.is_declared
            )
            self._note(mirror, answer, verdict, again=again)
        except TemporaryError as error:
            verdict, status, again = ImageCheck(CoverOutcome.FAILED, str(error)), error.status, True
            self._is_gone = error.is_gone and (self._is_gone or self._attempts == 1)
            self._host.failed(str(error), reached=error.reached, is_gone=error.is_gone)
        except TimeoutError:
            verdict, again = ImageCheck(CoverOutcome.FAILED, f"no cover in {self._settings.total_timeout:g} s"), True
            self._host.failed(verdict.detail, reached=True)
        except FinalError as error:
            verdict, status, again = ImageCheck(error.outcome, str(error)), error.status, False
        self._seconds += clock() - started
        return FetchResult(verdict, Retrieval(str(address), status, self._attempts, round(self._seconds, 3)), again)

    async def _judge(self, answer: HttpAnswer) -> ImageCheck:
        """The outcome that a response stands for."""
        if answer.status in SUCCESSES:
            if costly_profile(answer.body, self._settings) is not None:
                return await asyncio.to_thread(self._keep_if_cover, answer.body)
            return self._keep_if_cover(answer.body, is_quick=True)
        reason = f"HTTP {answer.status}"
        if answer.status in _MISSING:
            return ImageCheck(CoverOutcome.MISSING, reason)
        return ImageCheck(CoverOutcome.FAILED if may_pass(answer.status) else CoverOutcome.REFUSED, reason)

    def _note(self, mirror: Mirror, answer: HttpAnswer, verdict: ImageCheck, *, again: bool) -> None:
        """Update the host's health. A host that refuses everything counts as failing."""
        if again or verdict.outcome is CoverOutcome.REFUSED:
            self._host.failed(verdict.detail, reached=True)
        else:
            self._host.answered(mirror, served=answer.status in SUCCESSES)
        if again and (wait := retry_after(answer.headers)) is not None:
            self._host.hold(wait)
