"""Download of covers that a person names by address, with the download's limits, pace, and SSRF guard.

Requests run in an event loop of their own thread, so that covers which several threads want at once share each host's
pace and back-off.
"""

import asyncio
from threading import Lock, Thread

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.downloader import Mirrors
from bookcover_core.covers.host_limits import HostLimits, log_given_up
from bookcover_core.covers.image_checks import ImageCheck, check_image
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.retry import fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address
from bookcover_core.settings import CoverSettings

# Times that an address is asked, at most: a person waits, and can ask again.
_ATTEMPTS = 2


class _AnyHost(SsrfGuard):
    """Lets any public host be asked: here a person names the address, no listing."""

    async def resolve(self, host: str, port: int, *, by_proxy: bool = False) -> list[str]:
        self._hosts |= {host}
        return await super().resolve(host, port, by_proxy=by_proxy)


class CoverFetcher:
    """Fetches covers by their address, for any number of threads.

    Args:
        settings: Limits, pace, and where hosts are looked for.

    Raises:
        SettingsError: `covers.hosts` names something that is no address.
    """

    def __init__(self, settings: CoverSettings) -> None:
        self._settings = settings.model_copy(update={"attempts": min(settings.attempts, _ATTEMPTS)})
        self._places = Mirrors(settings)
        self._guard = _AnyHost((), settings.allowed_private_hosts, settings.connect_timeout)
        self._hosts: dict[str, HostLimits] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fetcher", daemon=True)
        self._starting = Lock()

    def fetch(self, address: Address) -> tuple[bytes, ImageCheck]:
        """What came from `address`, and what it is; no bytes where none came."""
        with self._starting:
            if not self._thread.is_alive():
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._fetch(address), self._loop).result()

    def close(self) -> None:
        """End the thread, after the last fetch."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _fetch(self, address: Address) -> tuple[bytes, ImageCheck]:
        came = b""

        def take_in(body: bytes) -> ImageCheck:
            nonlocal came
            came = body
            return check_image(body, self._settings)

        host = self._host(self._places.origin(address))
        if host.given_up:
            return b"", ImageCheck(CoverOutcome.FAILED, f"not asked: {host.given_up}")
        async with Connection(self._guard, self._settings) as connection:
            fetched = await fetch(address, host, connection, take_in, self._settings)
        return came, fetched.verdict

    def _host(self, origin: Address) -> HostLimits:
        name = str(origin)
        if name not in self._hosts:
            self._hosts[name] = HostLimits(name, self._places.of(origin), self._settings, log_given_up)
        return self._hosts[name]
