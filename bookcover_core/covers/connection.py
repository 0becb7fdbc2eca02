"""One request to one address: a kept-alive connection, time limits, and a limit on what is read."""

import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from typing import NamedTuple

import httpx

from bookcover_core.covers.host_limits import FinalError, TemporaryError
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address
from bookcover_core.listings.host_access import find_proxy, without_password
from bookcover_core.settings import CoverSettings
from bookcover_core.version import __version__

_MOST_REDIRECTS = 5  # redirects that are followed for one cover
_MOST_IDLE_BYTES = 64 * 1024  # bytes read of an error page, so that its connection can be used again
_MOST_POOLS = 8  # pools kept at once: for the host of the covers, its mirrors, and the targets of redirects
_IDLE_SECONDS = 30.0  # seconds that an idle connection is kept
SUCCESSES = range(200, 300)  # statuses of a response with content
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ANY_WINDOW = 32 + zlib.MAX_WBITS  # zlib reads gzip and zlib alike with this window

# Hosts that choose a format by this header must choose one that is decoded here (`image_io.FORMATS`).
_WANTED = "image/jpeg, image/png;q=0.9, image/webp;q=0.8, image/gif;q=0.8, */*;q=0.1"


class HttpAnswer(NamedTuple):
    """The response of a host, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# One TLS context for all connections, as creating it takes longer than fetching a cover; for plain http an empty one.
_usual_tls = cache(httpx.create_ssl_context)
_no_tls = cache(partial(ssl.SSLContext, ssl.PROTOCOL_TLS_CLIENT))


class Connection:
    """The connections of one coroutine, kept alive between requests, to hosts that `guard` lets through."""

    def __init__(self, guard: SsrfGuard, settings: CoverSettings, tls: ssl.SSLContext | None = None) -> None:
        self.guard = guard
        self.settings = settings
        self._tls = tls
        self._pools: dict[tuple[str, ...], tuple[httpx.AsyncHTTPTransport, httpx.Request]] = {}
        contact = f" (+{settings.contact})" if settings.contact else ""
        self._headers = {
            "User-Agent": f"bookcover/{__version__}{contact}",
            "Accept": _WANTED,
            "Accept-Encoding": "identity",
        }
        connect = settings.connect_timeout
        self._timeouts = httpx.Timeout(settings.read_timeout, connect=connect, pool=connect).as_dict()

    async def aclose(self) -> None:
        """Close all connections."""
        while self._pools:
            _, (transport, _) = self._pools.popitem()
            await transport.aclose()

    async def _pool(self, address: Address, place: str, proxy: str) -> tuple[httpx.AsyncHTTPTransport, httpx.Request]:
        """The connections to the host of `address` at one IP address, and the request sent over them."""
        # Small pools are faster than one large one, and a request takes as long to create as to send. A certificate
        # was checked for one name only, while httpx identifies connections by IP address.
        name = (address.scheme, address.authority, place, proxy)
        if name not in self._pools:
            if len(self._pools) >= _MOST_POOLS:
                await self.aclose()
            limits = httpx.Limits(max_connections=2, max_keepalive_connections=1, keepalive_expiry=_IDLE_SECONDS)
            tls = (self._tls or _usual_tls()) if address.scheme == "https" else _no_tls()
            transport = httpx.AsyncHTTPTransport(verify=tls, limits=limits, trust_env=False, proxy=proxy or None)
            url = httpx.URL(scheme=address.scheme, host=place, port=address.port, path="/")
            request = httpx.Request("GET", url, headers={"Host": address.authority, **self._headers})
            self._pools[name] = transport, request
        return self._pools[name]

    async def get(self, address: Address) -> HttpAnswer:
        """The response of `address`, after redirects.

        Raises `TemporaryError` where it does not answer, or breaks off; `FinalError` where it must not be asked, sends
        too much, or redirects without end.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._ask(address)
            if answer.status not in _REDIRECTS:
                return answer
            try:
                address = address.follow(answer.headers.get("location", ""))
            except ValueError as error:
                reason = f"a redirect that leads nowhere: {error}"
                raise FinalError(CoverOutcome.REFUSED, reason, answer.status) from error
        raise FinalError(CoverOutcome.REFUSED, f"more than {_MOST_REDIRECTS} redirects", answer.status)

    async def _ask(self, address: Address) -> HttpAnswer:
        """The response of `address` itself, from the first IP address of its host that accepts a connection."""
        try:
            proxy = find_proxy(address.scheme, address.host, self.settings)
        except ValueError as error:
            raise TemporaryError(str(error), reached=False) from error
        asked = f"the proxy {without_password(proxy)}" if proxy else address.authority
        target, reason = address.target.encode("ascii"), ""
        for place in list(await self.guard.resolve(address.host, address.port, by_proxy=bool(proxy))):
            transport, request = await self._pool(address, place, proxy)
            request.extensions = {"timeout": self._timeouts}
            if proxy:
                # httpcore would put the target and the server's name into its own request to the proxy too.
                request.url = request.url.copy_with(raw_path=target)
            else:
                request.extensions |= {"target": target, "sni_hostname": address.host}
            try:
                response = await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = str(error) or "no connection in time"
                continue
            except httpx.ProxyError as error:
                raise TemporaryError(f"{asked} refuses {address.authority} ({error})") from error
            except httpx.TransportError as error:
                raise TemporaryError(_in_words(error)) from error
            self.guard.prefer(address.host, place)
            answer = await self._read(response)
            if _has_surplus(transport):
                await self.aclose()
            return answer
        raise TemporaryError(f"{asked} takes no connection ({reason})", reached=False)

    async def _read(self, response: httpx.Response) -> HttpAnswer:
        """The answer; without its body where that is too long and, by its status, no cover."""
        status = response.status_code
        limit = self.settings.max_bytes if status in SUCCESSES else _MOST_IDLE_BYTES
        body = bytearray()
        try:
            declared = response.headers.get("content-length", "0")
            if not declared.isdigit() or int(declared) <= limit:
                assert isinstance(response.stream, httpx.AsyncByteStream)
                async for piece in response.stream:
                    body += piece
                    if len(body) > limit:
                        break
                content = _unpack(bytes(body), response.headers.get("content-encoding", ""), limit)
            else:
                content = None
        except httpx.TransportError as error:
            raise TemporaryError(_in_words(error), status=status) from error
        finally:
            await response.aclose()
        if content is None and status in SUCCESSES:
            raise FinalError(CoverOutcome.TOO_LARGE, f"more than {limit:,} bytes", status)
        return HttpAnswer(status, response.headers, content or b"")


def _has_surplus(transport: httpx.AsyncHTTPTransport) -> bool:
    """Whether a kept connection holds bytes beyond its response: they would be taken for the next one's."""
    # httpcore closes an idle connection on which anything has arrived since. Of what came with the response itself only
    # its HTTP/1.1 state knows, which is no part of its interface.
    for connection in getattr(transport, "_pool").connections:  # noqa: B009 - private
        inner = connection
        while (state := getattr(inner, "_h11_state", None)) is None and inner is not None:
            inner = getattr(inner, "_connection", None)
        if state is not None and state.trailing_data[0]:
            return True
    return False


def _in_words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _unpack(body: bytes, encoding: str, limit: int) -> bytes | None:
    """`body` without its content encoding; None if it is larger than `limit`, before or then."""
    content = body  # some hosts use an encoding that was not asked for, or name one that they did not use
    if encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}:
        with suppress(zlib.error):
            content = zlib.decompressobj(_ANY_WINDOW).decompress(body, limit + 1)
    return content if max(len(body), len(content)) <= limit else None
