"""Downloader of one process: paces every host, keeps connections alive, checks and stores what arrives.

queue of a host ─┬─ request ─ check ─ cover ─ rows
                 └─ request …
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.cover_store import CoverStore, Retrieval
from bookcover_core.covers.host_limits import HostLimits, HostNotice, log_given_up
from bookcover_core.covers.image_checks import ImageCheck
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow
from bookcover_core.covers.retry import HOST_GONE, FetchResult, fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings

HOSTS_AT_ONCE = 32  # hosts requested at the same time; a listing may name thousands
_NOTICE_SECONDS = 0.05  # seconds between two looks for other processes' notices


class ImageRequest(NamedTuple):
    """An image to fetch, and the books whose cover it is."""

    url: str  # its address, as `parse_address` accepts it
    books: list[Book]


class Mirrors:
    """The mirrors of each host of a listing (`covers.hosts`); `SettingsError` where one is not an address."""

    def __init__(self, settings: CoverSettings) -> None:
        self._mirrors: dict[str, list[Address]] = {}
        for host, named in settings.hosts.items():
            try:
                self._mirrors[host.lower()] = [parse_address(mirror) for mirror in named]
            except ValueError as error:
                raise SettingsError(
                    f"an address of {host!r} cannot be used: {error}",
                    where="covers.hosts",
                    advice="Write scheme and host, and a port where it needs one: https://images.example.org:8443.",
                ) from error

    def hosts(self) -> set[str]:
        """Host names of all mirrors."""
        return {mirror.host for mirrors in self._mirrors.values() for mirror in mirrors}

    def origin(self, address: Address) -> Address:
        """The unit of pacing: a host with mirrors counts as one, whatever scheme and port the listing gives."""
        if self._mirrors.get(address.host):
            return Address("http", address.host, 80, "/")
        return address._replace(target="/")

    def of(self, origin: Address) -> list[Address]:
        """The mirrors of a host in the order in which they are tried; without any, the host itself."""
        return list(self._mirrors.get(origin.host) or [origin])


def first_error(error: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a task group; one of this project's where there is one."""
    first: BaseException = error.subgroup(BookcoverError) or error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


class Downloader:
    """Fetches images in this process, and gives `add` a row for each book.

    Only `listing_hosts` and those of `settings.hosts` are requested. `publish` receives notices that other processes
    must apply, and `notices` gives those that have come from them.
    """

    def __init__(
        self,
        listing_hosts: Iterable[str],
        store: CoverStore,
        add: Callable[[LedgerRow], object],
        settings: CoverSettings,
        publish: Callable[[HostNotice], None] = log_given_up,
        notices: Callable[[], Iterable[HostNotice]] = tuple,
    ) -> None:
        self._store = store
        self._add = add
        self._settings = settings
        self._publish, self._notices = publish, notices
        self._hosts: dict[str, HostLimits] = {}
        self._mirrors = Mirrors(settings)
        hosts = {*listing_hosts, *self._mirrors.hosts(), *settings.redirect_hosts}
        self._guard = SsrfGuard(hosts, settings.allowed_private_hosts, settings.connect_timeout)

    def fetch(self, requests: Iterable[ImageRequest]) -> None:
        """Fetch images, those of a limited number of hosts at once.

        Raises:
            BookcoverError: A cover or its row cannot be written.
        """
        try:
            asyncio.run(self._fetch(requests))
        except BaseExceptionGroup as group:
            raise first_error(group) from None

    async def _fetch(self, requests: Iterable[ImageRequest]) -> None:
        by_host: dict[Address, deque[ImageRequest]] = defaultdict(deque)
        for request in requests:
            by_host[self._mirrors.origin(parse_address(request.url))].append(request)
        turns = asyncio.Semaphore(HOSTS_AT_ONCE)
        heeding = asyncio.create_task(self._heed())
        try:
            async with asyncio.TaskGroup() as group:
                for origin, waiting in by_host.items():
                    host = HostLimits(str(origin), self._mirrors.of(origin), self._settings, self._publish)
                    self._hosts[host.name] = host
                    group.create_task(self._fetch_from(host, waiting, turns))
        finally:
            heeding.cancel()

    async def _heed(self) -> None:
        """Apply other processes' notices as they come; one's own come too, which does no harm."""
        while True:
            for notice in self._notices():
                if notice.host in self._hosts:
                    self._hosts[notice.host].apply(notice)
            await asyncio.sleep(_NOTICE_SECONDS)

    async def _fetch_from(self, host: HostLimits, waiting: deque[ImageRequest], turns: asyncio.Semaphore) -> None:
        async with turns, asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, len(waiting))):
                group.create_task(self._serve(host, waiting))

    async def _serve(self, host: HostLimits, waiting: deque[ImageRequest]) -> None:
        async with Connection(self._guard, self._settings) as connection:
            while waiting:
                request = waiting.popleft()
                if host.given_up:
                    is_gone = host.is_gone and self._guard.has_resolved
                    failed = ImageCheck(CoverOutcome.FAILED, f"not asked: {host.given_up}")
                    fetched = FetchResult(HOST_GONE if is_gone else failed, Retrieval(request.url))
                else:
                    take_in = partial(self._store.keep_if_cover, request.books)
                    fetched = await fetch(parse_address(request.url), host, connection, take_in, self._settings)
                for book in request.books:
                    self._add(self._store.row(book, fetched.verdict, fetched.came))
