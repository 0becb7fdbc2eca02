"""Pictures being fetched by one process: every host at its own pace, with requests that keep their connections.

    pictures of a host ─┬─ request ─ check ─ cover ─ rows
                        └─ request …

Whether a process fetches all pictures of a chunk or a share of them (`fetching`), this is how it does it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.cover_store import Keeper
from bookcover_core.covers.host_limits import Host, Notice
from bookcover_core.covers.image_checks import Verdict
from bookcover_core.covers.ledger import Outcome, Row
from bookcover_core.covers.retry import fetch
from bookcover_core.covers.ssrf_guard import Guard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.errors import BookcoverError, SettingsError
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings


class Wanted(NamedTuple):
    """A picture to fetch, and the books that it is the cover of."""

    url: str
    """Its address, one that `parse_address` takes."""
    books: list[Book]


class Rows(Protocol):
    """Who is told what became of the covers."""

    def add(self, row: Row) -> object:
        """Take a row, and keep it for the next run."""

    def note(self, row: Row) -> object:
        """Take a row that says that nothing was tried."""


class Places:
    """Where the hosts of a listing are looked for.

    Raises:
        SettingsError: `covers.hosts` names something that is no address.
    """

    def __init__(self, settings: CoverSettings) -> None:
        self._places: dict[str, list[Address]] = {}
        for host, named in settings.hosts.items():
            try:
                self._places[host.lower()] = [parse_address(place) for place in named]
            except ValueError as error:
                raise SettingsError(
                    f"an address of {host!r} cannot be used: {error}",
                    where="covers.hosts",
                    advice="Write scheme and host, and a port where it needs one: https://images.example.org:8443.",
                ) from error

    def hosts(self) -> set[str]:
        """Names of all places."""
        return {place.host for places in self._places.values() for place in places}

    def origin(self, address: Address) -> Address:
        """What is paced as one host: a host with places of its own, whatever scheme and port the listing gives it."""
        if self._places.get(address.host):
            return Address("http", address.host, 80, "/")
        return address._replace(target="/")

    def of(self, origin: Address) -> list[Address]:
        """Where a host is asked, in this order."""
        return list(self._places.get(origin.host) or [origin])


def first_error(error: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a group of tasks ended with: one of this project where there is one."""
    first: BaseException = error.subgroup(BookcoverError) or error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


class _Line:
    """Pictures of one host that wait, and how many requests work on them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.waiting: deque[Wanted] = deque()
        self.at_work = 0


class Crew:
    """What fetches pictures in this process.

    Args:
        listing_hosts: Hosts that the study's listings name: no others are asked, but those of `settings.hosts`.
        keeper: Writes the covers.
        rows: Told what became of them.
        settings: Pace, limits and hosts.
        tell: Told what others who ask the same hosts must heed.
    """

    def __init__(
        self,
        listing_hosts: Iterable[str],
        keeper: Keeper,
        rows: Rows,
        settings: CoverSettings,
        tell: Callable[[Notice], None],
    ) -> None:
        self._keeper = keeper
        self._rows = rows
        self._settings = settings
        self._tell = tell
        self._places = Places(settings)
        self._lines: dict[str, _Line] = {}
        hosts = {*listing_hosts, *self._places.hosts()}
        self._guard = Guard(hosts, settings.allowed_private_hosts, settings.connect_timeout)

    async def fetch(self, pictures: Sequence[Wanted]) -> None:
        """Fetch pictures of one host; what is already at work for that host takes them too, and may end later."""
        line = self._line(self._places.origin(parse_address(pictures[0].url)))
        line.waiting.extend(pictures)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency - line.at_work, len(line.waiting))):
                line.at_work += 1
                group.create_task(self._serve(line))

    def heed(self, notice: Notice) -> None:
        """Do as others say who ask the same hosts."""
        self._line(parse_address(notice.host)).host.heed(notice)

    def _line(self, origin: Address) -> _Line:
        name = str(origin)
        if name not in self._lines:
            self._lines[name] = _Line(Host(name, self._places.of(origin), self._settings, self._tell))
        return self._lines[name]

    async def _serve(self, line: _Line) -> None:
        """Fetch one picture after the other, until none waits."""
        async with Connection(self._guard, self._settings) as connection:
            while line.waiting:
                wanted = line.waiting.popleft()
                if line.host.given_up:
                    self._give_up(wanted, line.host)
                    continue
                take_in = partial(self._keeper.take_in, wanted.books)
                fetched = await fetch(parse_address(wanted.url), line.host, connection, take_in, self._settings)
                for book in wanted.books:
                    self._rows.add(self._keeper.row(book, fetched.verdict, fetched.came))
            line.at_work -= 1

    def _give_up(self, wanted: Wanted, host: Host) -> None:
        for book in wanted.books:
            self._rows.note(self._keeper.row(book, Verdict(Outcome.FAILED, f"not asked: {host.given_up}")))
