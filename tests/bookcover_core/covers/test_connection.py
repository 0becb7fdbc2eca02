"""Tests of single requests: whom a connection belongs to, and that certificates are checked."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.host_limits import FinalError, TemporaryError
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import parse_address
from bookcover_core.listings.host_access import find_proxy
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


def get(*urls: str, tls: ssl.SSLContext, before_next: Callable[[], object] | None = None) -> list[object]:
    """What one connection gets for each of the addresses: a body, or why there is none."""

    async def ask() -> list[object]:
        found: list[object] = []
        async with aclosing(Connection(SsrfGuard(NAMES, NAMES, 5.0), CoverSettings(), tls)) as connection:
            for url in urls:
                if found and before_next:
                    await asyncio.to_thread(before_next)
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


def answer_of(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_bytes_beyond_an_answer_are_not_the_next_one(host: LoopbackHost):
    """A host that answers one request twice is asked over another connection: its surplus is nobody's cover."""

    async def twice(writer: asyncio.StreamWriter) -> None:
        writer.write(answer_of(b"first") + answer_of(b"surplus"))
        await writer.drain()

    urls = [host.add("/1.jpg", twice), host.add("/2.jpg", reply(200, b"second"))]
    bodies = get(*(url.replace("127.0.0.1", NAMES[0]) for url in urls), tls=ssl.create_default_context())
    assert bodies == [b"first", b"second"]
    assert len({asked.connection for asked in host.asked}) == 2


def test_bytes_that_come_after_an_answer_are_not_the_next_one(host: LoopbackHost):
    """Nor is what arrives on an idle connection. What comes after the next request nobody can tell from its answer."""
    first_is_read, surplus_is_sent = threading.Event(), threading.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        writer.write(answer_of(b"first"))
        await writer.drain()
        await asyncio.to_thread(first_is_read.wait)
        writer.write(answer_of(b"surplus"))
        await writer.drain()
        surplus_is_sent.set()

    def wait() -> None:
        first_is_read.set()
        surplus_is_sent.wait()

    urls = [host.add("/1.jpg", late), host.add("/2.jpg", reply(200, b"second"))]
    named = [url.replace("127.0.0.1", NAMES[0]) for url in urls]
    assert get(*named, tls=ssl.create_default_context(), before_next=wait) == [b"first", b"second"]
    assert len({asked.connection for asked in host.asked}) == 2


def proxied(proxy: str, *urls: str, **settings: object) -> list[object]:
    """What is got by a proxy, or why nothing is."""

    async def ask() -> list[object]:
        found: list[object] = []
        limits = CoverSettings(proxy=proxy, **settings)
        async with aclosing(Connection(SsrfGuard([*NAMES, "far.example", "10.0.0.1"], (), 5.0), limits)) as connection:
            for url in urls:
                try:
                    found.append((await connection.get(parse_address(url))).body)
                except (TemporaryError, FinalError) as error:
                    found.append(str(error))
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("is_named", [True, False])
def test_a_proxy_is_asked_for_the_name(host: LoopbackHost, monkeypatch: pytest.MonkeyPatch, is_named: bool):
    """Behind a proxy a name need not be known here; target and host come as the listing has them."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{host.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    target = "http://far.example:8080/a%2Bb.jpg?x=1"
    host.replies[target] = [reply(body=b"by proxy")]
    proxy = f"http://127.0.0.1:{host.port}" if is_named else "environment"
    assert proxied(proxy, target, target) == [b"by proxy"] * 2
    assert [(asked.target, asked.headers["host"]) for asked in host.asked] == [(target, "far.example:8080")] * 2
    assert len({asked.connection for asked in host.asked}) == 1


def test_a_proxy_is_never_asked_for_a_private_address(host: LoopbackHost):
    """Neither as a number nor by a name that leads to one: shop.example is on loopback here."""
    urls = ("http://10.0.0.1/x.jpg", "http://shop.example/x.jpg", "http://unlisted.example/x.jpg")
    number, name, unlisted = proxied(f"http://127.0.0.1:{host.port}", *urls)
    assert "10.0.0.1 is no public address" in str(number)
    assert "shop.example (127.0.0.1) is no public address" in str(name)
    assert "unlisted.example is no host of the listing" in str(unlisted)
    assert not host.asked


def test_what_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch):
    """Hosts of NO_PROXY, private hosts that the settings allow, and all where the settings say none."""
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "far.example,.inner.example")
    settings = CoverSettings(allowed_private_hosts=("127.0.0.1",))
    assert find_proxy("https", "shop.example", settings) == "http://proxy.example:3128"
    for name in ("far.example", "a.inner.example", "127.0.0.1"):
        assert find_proxy("https", name, settings) == ""
    assert find_proxy("https", "shop.example", CoverSettings(proxy="none")) == ""
    monkeypatch.setenv("https_proxy", "socks5://me:secret@proxy.example:1080")
    with pytest.raises(ValueError, match=r"the proxy socks5://proxy\.example:1080 is of a kind that is not spoken"):
        find_proxy("https", "shop.example", settings)


def test_a_proxy_that_fails_is_named_without_its_password(host: LoopbackHost):
    """One that is not there, and one that opens no tunnel."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    (gone,) = proxied(f"http://me:secret@127.0.0.1:{closed}", "http://far.example/1.jpg")
    assert f"the proxy http://127.0.0.1:{closed} takes no connection" in str(gone)
    (refused,) = proxied(f"http://127.0.0.1:{host.port}", "https://far.example/1.jpg")
    assert f"the proxy http://127.0.0.1:{host.port} refuses far.example (404" in str(refused)
    assert "secret" not in str(gone)


def test_a_tunnel_leads_to_the_host_that_the_certificate_names(certificate: Path, monkeypatch: pytest.MonkeyPatch):
    """An https address is fetched inside a tunnel, whose far end shows a certificate of the name that was asked for."""
    far = LoopbackHost(tls=certificate)
    far.start()
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        there, back = await asyncio.open_connection("127.0.0.1", far.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while piece := await source.read(65536):
                target.write(piece)
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def ask() -> bytes:
        known = asyncio.get_running_loop().getaddrinfo

        async def unknown(name, *args, **options):
            if name in NAMES:
                raise socket.gaierror(socket.EAI_NONAME, "no name server here")
            return await known(name, *args, **options)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
        async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
            settings = CoverSettings(proxy=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            tls = ssl.create_default_context(cafile=str(certificate))
            async with aclosing(Connection(SsrfGuard(NAMES, (), 5.0), settings, tls)) as connection:
                return (await connection.get(parse_address("https://shop.example/c%2B.jpg"))).body

    far.add("/c%2B.jpg", reply(body=b"through"))
    try:
        assert asyncio.run(ask()) == b"through"
    finally:
        far.stop()
    assert asked[0].startswith(b"CONNECT shop.example:443 HTTP/1.1")
