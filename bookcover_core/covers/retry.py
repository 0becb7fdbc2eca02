"""Retries of one cover: mirrors in turn, back-off between rounds, until there is a final outcome."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from bookcover_core.covers.connection import SUCCESSES, Connection
from bookcover_core.covers.cover_store import Retrieval
from bookcover_core.covers.host_limits import FinalError, HostLimits, Mirror, TemporaryError
from bookcover_core.covers.image_checks import ImageCheck, costly_profile
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address
from bookcover_core.listings.host_access import may_pass, pause, retry_after

_TOO_MANY = 429  # the host wants fewer requests: its mirrors are not tried instead
_MISSING = frozenset({404, 410})  # not found, and gone for good

HOST_GONE = ImageCheck(CoverOutcome.MISSING, "host gone: there is no such name")
"""The outcome of covers whose host does not exist any more."""

TakeIn = Callable[..., ImageCheck]
"""Checks what arrived, as `check_image(body, is_quick=...)`, and stores it if it is a cover."""


class FetchResult(NamedTuple):
    """The outcome of requesting a cover."""

    verdict: ImageCheck
    came: Retrieval = Retrieval()
    may_pass: bool = False  # whether the failure is temporary
    is_gone: bool = False  # whether the name server says that the host's name does not exist


async def fetch(address: Address, host: HostLimits, connection: Connection, take_in: TakeIn) -> FetchResult:
    """The outcome of requesting `address` from each mirror of its host, `covers.attempts` times at most.

    After a temporary failure the next mirror is tried, and the same one again after a pause. A mirror's "not found"
    is believed only if it has served other images, or if no other mirror has the image. Waiting for the host's pace
    does not count towards `covers.total_timeout`.
    """
    clock, settings = asyncio.get_running_loop().time, connection.settings
    last = FetchResult(ImageCheck(CoverOutcome.FAILED, "not asked"))
    requests, seconds, is_gone = 0, 0.0, True
    for attempt in range(1, settings.attempts + 1):
        denial: FetchResult | None = None
        for mirror in list(host.mirrors):
            if seconds >= settings.total_timeout or host.given_up:
                break
            await host.turn()
            requests, started, asked = requests + 1, clock(), address.at(mirror.address)
            found = await _ask(asked, host, mirror, connection, take_in, settings.total_timeout - seconds)
            seconds += clock() - started
            came = Retrieval(str(asked), found.came.status, requests, round(seconds, 3))
            found = found._replace(came=came)
            if found.may_pass:
                last, is_gone = found, is_gone and found.is_gone
                if came.status == _TOO_MANY:
                    break
            elif found.verdict.outcome in {CoverOutcome.MISSING, CoverOutcome.REFUSED} and not mirror.has_served:
                denial = denial or found
            else:
                return found
        if denial is not None:
            return denial
        wait = pause(attempt, settings.backoff)
        if host.given_up or attempt == settings.attempts or seconds + wait >= settings.total_timeout:
            break
        await asyncio.sleep(wait)
        seconds += wait
    return last._replace(verdict=HOST_GONE) if requests and is_gone and connection.guard.has_resolved else last


async def _ask(
    address: Address, host: HostLimits, mirror: Mirror, connection: Connection, take_in: TakeIn, left: float
) -> FetchResult:
    """The outcome of one request, within the seconds `left`, which the host's health takes in; its status alone."""
    try:
        async with asyncio.timeout(left):
            answer = await connection.get(address)
    except TemporaryError as error:
        host.failed(str(error), reached=error.reached, is_gone=error.is_gone)
        verdict = ImageCheck(CoverOutcome.FAILED, str(error))
        return FetchResult(verdict, Retrieval(status=error.status), may_pass=True, is_gone=error.is_gone)
    except TimeoutError:
        verdict = ImageCheck(CoverOutcome.FAILED, f"no cover in {connection.settings.total_timeout:g} s")
        host.failed(verdict.detail)
        return FetchResult(verdict, may_pass=True)
    except FinalError as error:
        return FetchResult(ImageCheck(error.outcome, str(error)), Retrieval(status=error.status))
    if answer.status not in SUCCESSES:
        refusal = CoverOutcome.FAILED if may_pass(answer.status) else CoverOutcome.REFUSED
        verdict = ImageCheck(CoverOutcome.MISSING if answer.status in _MISSING else refusal, f"HTTP {answer.status}")
    elif costly_profile(answer.body, connection.settings) is None:
        verdict = take_in(answer.body, is_quick=True)
    else:
        verdict = await asyncio.to_thread(take_in, answer.body)
    # A body that was cut looks complete where its length was not declared.
    is_declared = bool(answer.headers.keys() & {"content-length", "transfer-encoding"})
    is_cut = verdict.outcome is CoverOutcome.TRUNCATED and not is_declared
    again = verdict.outcome is CoverOutcome.FAILED or is_cut
    if again or verdict.outcome is CoverOutcome.REFUSED:  # a host that refuses everything counts as failing
        host.failed(verdict.detail)
    else:
        host.answered(mirror, served=answer.status in SUCCESSES)
    if again and (wait := retry_after(answer.headers)) is not None:
        host.hold(wait)
    return FetchResult(verdict, Retrieval(status=answer.status), again)
