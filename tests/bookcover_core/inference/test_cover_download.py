"""Covers by their address."""

import pytest

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import parse_address
from bookcover_core.inference.cover_download import CoverFetcher
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

SETTINGS = CoverSettings(
    allowed_private_hosts=("127.0.0.1",), backoff=0.01, connect_timeout=2, read_timeout=0.5, requests_per_second=5000
)


@pytest.fixture
def host():
    host = LoopbackHost()
    host.start()
    yield host
    host.stop()


@pytest.fixture
def fetch():
    fetchers = []

    def fetch(url, settings=SETTINGS):
        fetchers.append(CoverFetcher(settings))
        return fetchers[-1].fetch(parse_address(url))

    yield fetch
    for fetcher in fetchers:
        fetcher.close()


def test_a_picture_comes_as_it_is_over_redirects(host, fetch):
    """Byte for byte, from wherever the address leads."""
    cover = picture()
    host.add("/cover.jpg", reply(200, cover))
    moved = host.add("/moved", reply(302, Location="/cover.jpg"))
    body, found = fetch(moved)
    assert (body, found.outcome) == (cover, CoverOutcome.OK)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(404), CoverOutcome.MISSING),
        (reply(200, b"<html>"), CoverOutcome.NOT_AN_IMAGE),
        (reply(200, b"x" * 11_000_000), CoverOutcome.TOO_LARGE),
        (reply(500), CoverOutcome.FAILED),
        (reply(403), CoverOutcome.REFUSED),
    ],
)
def test_what_an_address_answers_is_named_as_in_a_ledger(host, fetch, answer, outcome):
    """No picture is no error: it has its outcome; a host that fails is asked twice, not for ever."""
    address = host.add("/it", answer)
    assert fetch(address)[1].outcome is outcome
    assert host.count("/it") == (2 if outcome is CoverOutcome.FAILED else 1)


def test_private_hosts_are_refused(host, fetch):
    """The download's guard stands here too, behind a redirect as well."""
    address = host.add("/cover.jpg", reply(200, picture()))
    _, found = fetch(address, SETTINGS.model_copy(update={"allowed_private_hosts": ()}))
    assert found.outcome is CoverOutcome.REFUSED
    assert "no public address" in found.detail
    led_in = host.add("/led-in", reply(302, Location=f"http://localhost:{host.port}/cover.jpg"))
    assert fetch(led_in)[1].outcome is CoverOutcome.REFUSED
    assert host.count("/cover.jpg") == 0
