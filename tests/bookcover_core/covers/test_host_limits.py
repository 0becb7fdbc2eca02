"""Tests of a host's pace, its places, and when it is given up."""

import asyncio

from bookcover_core.covers.host_limits import HostLimits
from bookcover_core.covers.urls import parse_address
from bookcover_core.settings import CoverSettings

PLACES = [parse_address("http://one.example/"), parse_address("http://two.example/")]


def make(*, places: int = 1, **settings: float) -> HostLimits:
    return HostLimits(PLACES[:places], CoverSettings.model_validate({"concurrency": 4, **settings}))


def test_a_host_without_connections_is_given_up_before_one_that_errs():
    """Attempts without a connection count for more than failures of a host that is there."""
    host = make()
    for _ in range(11):
        host.failed("refused", reached=False)
    assert not host.given_up
    host.failed("refused", reached=False)
    assert host.given_up == "12 attempts in a row found no connection; the last: refused"
    erring = make()
    for _ in range(31):
        erring.failed("HTTP 503", reached=True)
    assert not erring.given_up
    erring.failed("HTTP 503", reached=True)
    assert erring.given_up == "32 attempts in a row failed; the last: HTTP 503"


def test_an_answer_ends_a_row_of_failures():
    """A host that answers now and then is not given up."""
    host = make()
    for number in range(200):
        host.failed("reset", reached=False)
        if number % 10 == 0:
            host.answered(host.mirrors[0], served=False)
    assert not host.given_up


def test_the_place_that_serves_comes_first():
    """A place that sent something is asked first from then on; one that only answers is not."""
    host = make(places=2)
    first, second = host.mirrors
    host.answered(second, served=False)
    assert host.mirrors == [first, second]
    host.answered(second, served=True)
    assert host.mirrors == [second, first]
    assert second.has_served
    assert not first.has_served


def test_turns_are_given_in_order_at_the_pace():
    """Whoever waits gets a turn of their own, each an interval behind the one before; a hold moves all later ones."""

    async def take() -> list[float]:
        host = make(requests_per_second=100)
        clock = asyncio.get_running_loop().time
        started = clock()

        async def one() -> float:
            await host.turn()
            return clock() - started

        turns = await asyncio.gather(*[one() for _ in range(4)])
        host.hold(0.1)
        return [*turns, await one()]

    times = asyncio.run(take())
    assert all(times[number] >= number * 0.01 - 0.002 for number in range(4))
    assert times[4] >= 0.1


def test_a_hold_binds_those_who_wait_already():
    """Who had a turn in sight when the host wants a pause gets one after it, in the old order and at the old pace."""

    async def take() -> list[float]:
        host = make(requests_per_second=100)
        clock = asyncio.get_running_loop().time
        started = clock()

        async def one() -> float:
            await host.turn()
            return clock() - started

        waiting = [asyncio.create_task(one()) for _ in range(4)]
        await asyncio.sleep(0.005)
        host.hold(0.1)
        return await asyncio.gather(*waiting)

    first, *others = asyncio.run(take())
    assert first < 0.1
    assert all(time >= 0.1 + number * 0.01 - 0.002 for number, time in enumerate(others))


def test_a_pause_that_one_process_is_asked_for_binds_all():
    """Whoever shares the number that says until when a host is held waits as well, from the next turn on."""

    async def share() -> float:
        held = [0.0]
        told, heeding = (HostLimits(PLACES[:1], CoverSettings(requests_per_second=1_000), held) for _ in range(2))
        started = asyncio.get_running_loop().time()
        told.hold(0.05)
        await heeding.turn()
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(share()) >= 0.05 - 0.002
