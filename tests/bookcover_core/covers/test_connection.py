"""Tests of single requests: whom a connection belongs to, and that certificates are checked."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from bookcover_core.covers.connection import Connection, FinalError, TemporaryError
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import parse_address
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply

NAMES = ("shop.example", "other.example")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of shop.example, and of no other host."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and is not installed")
    file = tmp_path / "shop.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example"
    files = ["-keyout", str(file), "-out", str(tmp_path / "public.pem")]
    name = ["-addext", "subjectAltName=DNS:shop.example"]
    subprocess.run([*command.split(), *files, *name], check=True, capture_output=True)
    with file.open("ab") as both:
        both.write((tmp_path / "public.pem").read_bytes())
    return file


@pytest.fixture(autouse=True)
def names_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def look_up(host, *args, **options):
        return known("127.0.0.1" if host in NAMES else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def get(*urls: str, tls: ssl.SSLContext) -> list[object]:
    """What one connection gets for each of the addresses: a body, or why there is none."""

    async def ask() -> list[object]:
        found: list[object] = []
        async with Connection(SsrfGuard(NAMES, NAMES, 5.0), CoverSettings(), tls) as connection:
            for url in urls:
                try:
                    found.append((await connection.get(parse_address(url))).body)
                except (TemporaryError, FinalError) as error:
                    found.append(error)
        return found

    return asyncio.run(ask())


def test_a_certificate_is_checked_for_the_name_that_is_asked(certificate: Path):
    """By name https works, kept-alive or not; a host is never asked over another one's connection."""
    host = LoopbackHost(tls=certificate)
    host.start()
    try:
        host.add("/a%2Bb.jpg", reply(200, b"cover"))
        trusting = ssl.create_default_context(cafile=certificate)
        urls = [f"https://{name}:{host.port}/a%2Bb.jpg" for name in (NAMES[0], NAMES[0], NAMES[1])]
        first, second, other = get(*urls, tls=trusting)
        assert first == second == b"cover"
        assert len({asked.connection for asked in host.asked}) == 1
        assert host.asked[0].headers["host"] == f"shop.example:{host.port}"
        assert "certificate" in str(other).lower()
        assert isinstance(other, TemporaryError)
        assert not other.reached
        (untrusted,) = get(urls[0], tls=httpx.create_ssl_context())
        assert isinstance(untrusted, TemporaryError)
    finally:
        host.stop()


def test_a_redirect_to_a_host_beyond_the_listing_is_refused(host: LoopbackHost):
    """Only hosts of the listing and the settings are asked, redirects included."""
    tls = ssl.create_default_context()
    away = host.add("/away.jpg", reply(302, Location="http://elsewhere.example/x.jpg"))
    across = host.add("/across.jpg", reply(302, Location=f"http://{NAMES[1]}:{host.port}/here.jpg"))
    host.add("/here.jpg", reply(200, picture()))
    urls = [url.replace("127.0.0.1", NAMES[0]) for url in (away, across)]
    refused, followed = get(*urls, tls=tls)
    assert isinstance(refused, FinalError)
    assert "elsewhere.example is no host of the listing" in str(refused)
    assert followed == picture()


def test_bytes_beyond_an_answer_are_not_the_next_one(host: LoopbackHost):
    """A host that answers one request twice is asked over another connection: its surplus is nobody's cover."""

    async def twice(writer: asyncio.StreamWriter) -> None:
        for body in (b"first", b"surplus"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    urls = [host.add("/1.jpg", twice), host.add("/2.jpg", reply(200, b"second"))]
    bodies = get(*(url.replace("127.0.0.1", NAMES[0]) for url in urls), tls=ssl.create_default_context())
    assert bodies == [b"first", b"second"]
    assert len({asked.connection for asked in host.asked}) == 2
