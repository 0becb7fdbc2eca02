"""Fetching the covers of a chunk: every host at its own pace, each with workers that keep their connections.

books ─ one wanted picture per address ─ by host ─┬─ worker ─ asking ─ check ─ cover ─ row
                                                  └─ worker …
"""

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import httpx

from bookcover_core.covers.addresses import Address, parse_address
from bookcover_core.covers.asking import fetch
from bookcover_core.covers.checks import Verdict, is_placeholder_address
from bookcover_core.covers.connection import Connection
from bookcover_core.covers.guard import Guard
from bookcover_core.covers.host import Host
from bookcover_core.covers.keeping import Keeper
from bookcover_core.covers.ledger import Outcome
from bookcover_core.covers.tally import Tally
from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.listing.books import Book
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Hosts that are asked at the same time; a listing may name thousands.
_HOSTS_AT_ONCE = 32


class Wanted(NamedTuple):
    """A picture to fetch, and the books that it is the cover of."""

    address: Address
    books: list[Book]


def fetch_covers(
    books: Iterable[Book], listing_hosts: Iterable[str], keeper: Keeper, tally: Tally, settings: CoverSettings
) -> None:
    """Fetch the covers of `books`, so that each has its row in `tally`. A picture of several books is fetched once.

    Args:
        books: Books without a cover.
        listing_hosts: Hosts that the study's listings name: no others are asked, but those of `settings.hosts`.
        keeper: Writes the covers.
        tally: Takes the rows.
        settings: Pace, limits and hosts.

    Raises:
        DiskFullError, WorkspaceError: A cover or its row cannot be written.
        SettingsError: `covers.hosts` names something that is no address.
    """
    wanted: dict[Address, Wanted] = {}
    for book in books:
        found = _before_asking(book)
        if isinstance(found, Verdict):
            tally.add(keeper.row(book, found))
        else:
            wanted.setdefault(found, Wanted(found, [])).books.append(book)
    if wanted:
        crew = _Crew(list(wanted.values()), listing_hosts, keeper, tally, settings)
        try:
            asyncio.run(crew.work())
        except BaseExceptionGroup as group:
            ours = group.subgroup(BookcoverError)
            raise _first(ours or group) from None


def _before_asking(book: Book) -> Address | Verdict:
    """The address to ask for a book's cover, or what the listing alone tells of it."""
    if not book.url:
        return Verdict(Outcome.MISSING, "the listing gives no address")
    if is_placeholder_address(book.url):
        return Verdict(Outcome.PLACEHOLDER, "the address of Amazon's picture for books without one")
    try:
        return parse_address(book.url)
    except ValueError as error:
        return Verdict(Outcome.REFUSED, str(error))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def named_places(settings: CoverSettings) -> dict[str, list[Address]]:
    """Where `covers.hosts` says that hosts of the listing are to be looked for.

    Raises:
        SettingsError: It names something that is no address.
    """
    places: dict[str, list[Address]] = {}
    for host, named in settings.hosts.items():
        try:
            places[host.lower()] = [parse_address(place) for place in named]
        except ValueError as error:
            raise SettingsError(
                f"an address of {host!r} cannot be used: {error}",
                where="covers.hosts",
                advice="Write scheme and host, and a port where it needs one: https://images.example.org:8443.",
            ) from error
    return places


class _Crew:
    """All workers of a chunk."""

    def __init__(
        self,
        wanted: list[Wanted],
        listing_hosts: Iterable[str],
        keeper: Keeper,
        tally: Tally,
        settings: CoverSettings,
    ) -> None:
        self._keeper = keeper
        self._tally = tally
        self._settings = settings
        self._places = named_places(settings)
        self._by_host: dict[Address, list[Wanted]] = defaultdict(list)
        for one in wanted:
            self._by_host[self._origin(one.address)].append(one)
        further = {place.host for places in self._places.values() for place in places}
        self._guard = Guard({*listing_hosts, *further}, settings.allowed_private_hosts, settings.connect_timeout)
        self._tls = httpx.create_ssl_context()
        self._threads = ThreadPoolExecutor(os.cpu_count())

    async def work(self) -> None:
        """Fetch everything."""
        at_once = asyncio.Semaphore(_HOSTS_AT_ONCE)
        with self._threads:
            async with asyncio.TaskGroup() as group:
                for origin, wanted in self._by_host.items():
                    group.create_task(self._ask_host(origin, wanted, at_once))

    def _origin(self, address: Address) -> Address:
        """What is paced as one host: a host with places of its own, whatever scheme and port the listing gives it."""
        if self._places.get(address.host):
            return Address("http", address.host, 80, "/")
        return address._replace(target="/")

    async def _ask_host(self, origin: Address, wanted: list[Wanted], at_once: asyncio.Semaphore) -> None:
        host = Host(origin.host, self._places.get(origin.host) or [origin], self._settings)
        queue = iter(wanted)
        async with at_once, asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, len(wanted))):
                group.create_task(self._serve(host, queue))
        if host.given_up:
            logger.warning("%s was given up: %s", host.name, host.given_up)

    async def _serve(self, host: Host, queue: Iterator[Wanted]) -> None:
        """Fetch one picture after the other, until there is none left."""
        async with Connection(self._guard, self._settings, self._tls) as connection:
            for wanted in queue:
                if host.given_up:
                    self._give_up(wanted, host)
                    continue
                take_in = partial(self._take_in, wanted.books)
                fetched = await fetch(wanted.address, host, connection, take_in, self._settings)
                for book in wanted.books:
                    self._tally.add(self._keeper.row(book, fetched.verdict, fetched.came))

    async def _take_in(self, books: list[Book], body: bytes) -> Verdict:
        """What came, decoded and written beside the event loop, which goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._keeper.take_in, books, body)

    def _give_up(self, wanted: Wanted, host: Host) -> None:
        verdict = Verdict(Outcome.FAILED, f"not asked: {host.given_up}")
        for book in wanted.books:
            self._tally.give_up(self._keeper.row(book, verdict))
