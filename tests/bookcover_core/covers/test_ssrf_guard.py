"""Tests of which hosts may be asked."""

import asyncio
import socket

import pytest

from bookcover_core.covers.host_limits import FinalError, TemporaryError
from bookcover_core.covers.ssrf_guard import SsrfGuard


def answer(*addresses: str):
    """A name server that knows one answer."""

    def look_up(host, port, *args, **options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return look_up


def resolve(host: str, *, hosts: tuple[str, ...] = ("shop.example",), private: tuple[str, ...] = ()) -> list[str]:
    return asyncio.run(SsrfGuard(hosts, private, 5.0).resolve(host, 80))


def test_a_name_that_leads_into_the_own_network_is_refused(monkeypatch: pytest.MonkeyPatch):
    """What counts is the address behind a name, and only its public ones are asked."""
    monkeypatch.setattr(socket, "getaddrinfo", answer("10.0.0.7"))
    with pytest.raises(FinalError, match=r"shop\.example \(10\.0\.0\.7\) is no public address"):
        resolve("shop.example")
    assert resolve("shop.example", private=("Shop.Example",)) == ["10.0.0.7"]
    monkeypatch.setattr(socket, "getaddrinfo", answer("10.0.0.7", "8.8.8.8", "8.8.8.8"))
    assert resolve("shop.example") == ["8.8.8.8"]


def test_other_hosts_are_refused_unresolved(monkeypatch: pytest.MonkeyPatch):
    """A host that neither the listing nor the settings name is refused before its name is looked up."""
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(FinalError, match="no host of the listing"):
        resolve("elsewhere.example")


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1"])
def test_numbers_that_spell_loopback_are_refused(spelling: str):
    """An address spelled in an unusual way is judged as the address that it is."""
    with pytest.raises((FinalError, TemporaryError)):
        resolve(spelling, hosts=(spelling,))


def test_a_name_without_an_address_is_unknown(monkeypatch: pytest.MonkeyPatch):
    """A name that cannot be resolved is a failure that may pass."""

    def look_up(*args, **options):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(TemporaryError, match=r"shop\.example cannot be resolved"):
        resolve("shop.example")


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch):
    """Requests that start together share one look-up, and the address that answers is preferred."""
    calls = []
    known = answer("8.8.8.8", "8.8.4.4")

    def look_up(*args, **options):
        calls.append(args)
        return known(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def ask() -> list[str]:
        guard = SsrfGuard(["shop.example"], [], 5.0)
        await asyncio.gather(*[guard.resolve("shop.example", 80) for _ in range(5)])
        guard.prefer("shop.example", "8.8.4.4")
        return await guard.resolve("shop.example", 80)

    assert asyncio.run(ask()) == ["8.8.4.4", "8.8.8.8"]
    assert len(calls) == 1
