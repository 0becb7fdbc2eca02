"""Downloader of one process: paces every host, keeps connections alive, checks and stores what arrives.

    queue of a host ─┬─ request ─ check ─ cover ─ rows
                     └─ request …

The same class serves a chunk fetched by one process and the share of a worker process (`fetch_covers`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.host_limits import HostLimits, HostNotice
from bookcover_core.covers.image_checks import ImageCheck
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow
from bookcover_core.covers.retry import HOST_GONE, fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings


class ImageRequest(NamedTuple):
    """An image to fetch, and the books whose cover it is."""

    url: str
    """Its address, as `parse_address` accepts it."""
    books: list[Book]


class RowSink(Protocol):
    """Sink for ledger rows."""

    def add(self, row: LedgerRow) -> object:
        """Take a row and write it to the journal."""

    def note(self, row: LedgerRow) -> object:
        """Take a row that is in the journal already, or that records that nothing was tried."""


class Mirrors:
    """The mirrors of each host of a listing (`covers.hosts`).

    Raises:
        SettingsError: A mirror is not an address.
    """

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


class _HostQueue:
    """Requests that wait for one host, and how many coroutines serve them."""

    def __init__(self, host: HostLimits) -> None:
        self.host = host
        self.waiting: deque[ImageRequest] = deque()
        self.workers = 0


class Downloader:
    """Fetches images in this process.

    Args:
        listing_hosts: Hosts named by the study's listings; only they and those of `settings.hosts` are requested.
        store: Writes the covers.
        rows: Receives a row for each book.
        settings: Pace, limits and hosts.
        publish: Receives notices that other worker processes must apply.
    """

    def __init__(
        self,
        listing_hosts: Iterable[str],
        store: CoverStore,
        rows: RowSink,
        settings: CoverSettings,
        publish: Callable[[HostNotice], None],
    ) -> None:
        self._store = store
        self._rows = rows
        self._settings = settings
        self._publish = publish
        self._mirrors = Mirrors(settings)
        self._queues: dict[str, _HostQueue] = {}
        hosts = {*listing_hosts, *self._mirrors.hosts(), *settings.redirect_hosts}
        self._guard = SsrfGuard(hosts, settings.allowed_private_hosts, settings.connect_timeout)

    async def fetch(self, pictures: Sequence[ImageRequest]) -> None:
        """Fetch images of one host. Coroutines that already serve the host share the work, and may end later."""
        queue = self._queue(self._mirrors.origin(parse_address(pictures[0].url)))
        queue.waiting.extend(pictures)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency - queue.workers, len(queue.waiting))):
                queue.workers += 1
                group.create_task(self._serve(queue))

    def apply(self, notice: HostNotice) -> None:
        """Apply another worker's notice of a host."""
        self._queue(parse_address(notice.host)).host.apply(notice)

    def _queue(self, origin: Address) -> _HostQueue:
        name = str(origin)
        if name not in self._queues:
            self._queues[name] = _HostQueue(HostLimits(name, self._mirrors.of(origin), self._settings, self._publish))
        return self._queues[name]

    async def _serve(self, queue: _HostQueue) -> None:
        """Serve the queue until it is empty."""
        async with Connection(self._guard, self._settings) as connection:
            while queue.waiting:
                request = queue.waiting.popleft()
                if queue.host.given_up:
                    self._give_up(request, queue.host)
                    continue
                keep_if_cover = partial(self._store.keep_if_cover, request.books)
                fetched = await fetch(parse_address(request.url), queue.host, connection, keep_if_cover, self._settings)
                for book in request.books:
                    self._rows.add(self._store.row(book, fetched.verdict, fetched.came))
            queue.workers -= 1

    def _give_up(self, request: ImageRequest, host: HostLimits) -> None:
        for book in request.books:
            if host.is_gone and self._guard.has_resolved:
                self._rows.add(self._store.row(book, HOST_GONE))
            else:
                self._rows.note(self._store.row(book, ImageCheck(CoverOutcome.FAILED, f"not asked: {host.given_up}")))
