"""Fetching the covers of a chunk, in this process or in several: as many as the pace that the settings allow needs.

books ─ one wanted picture per address ─ by host ─┬─ crew                   (this process)
                                                  └─ workforce ─ workers    (processes of their own)
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Iterable

from joblib import cpu_count

from bookcover_core.covers.cover_store import Keeper
from bookcover_core.covers.download_progress import Tally
from bookcover_core.covers.download_worker import Order
from bookcover_core.covers.downloader import Crew, Places, Wanted, first_error
from bookcover_core.covers.host_limits import log_given_up
from bookcover_core.covers.image_checks import Verdict, is_placeholder_address
from bookcover_core.covers.ledger import Outcome
from bookcover_core.covers.urls import parse_address
from bookcover_core.covers.worker_pool import Workforce, share
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Hosts that are asked at the same time; a listing may name thousands.
_HOSTS_AT_ONCE = 32

# Requests a second that one process serves easily: a quarter of what one core can do.
_PACE_OF_ONE = 250.0

# Pictures for which a further process, which takes half a second to start, is worth its while.
_FEWEST_PICTURES = 500


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
        WorkerError: The processes that fetch cannot be started.
    """
    places = Places(settings)
    wanted: dict[str, Wanted] = {}
    for book in books:
        found = _before_asking(book)
        if isinstance(found, Verdict):
            tally.add(keeper.row(book, found))
        else:
            wanted.setdefault(found, Wanted(found, [])).books.append(book)
    by_host: dict[str, deque[Wanted]] = defaultdict(deque)
    for picture in wanted.values():
        by_host[str(places.origin(parse_address(picture.url)))].append(picture)
    pictures = len(wanted)
    processes = _processes(pictures, len(by_host), settings)
    del wanted
    if processes == 1:
        _fetch_here(by_host.values(), listing_hosts, keeper, tally, settings)
        return
    logger.info("%d pictures of %d hosts, fetched by %d processes", pictures, len(by_host), processes)
    orders = [
        Order(
            root=keeper.workspace.root,
            genres=keeper.genres,
            journal=tally.journal.file,
            run=tally.journal.run,
            hosts=sorted(listing_hosts),
            settings=share(settings, number, processes),
        )
        for number in range(processes)
    ]
    Workforce(orders, by_host, tally, _HOSTS_AT_ONCE).work()


def _before_asking(book: Book) -> str | Verdict:
    """The address to ask for a book's cover, or what the listing alone tells of it."""
    if not book.url:
        return Verdict(Outcome.MISSING, "the listing gives no address")
    if is_placeholder_address(book.url):
        return Verdict(Outcome.PLACEHOLDER, "the address of Amazon's picture for books without one")
    try:
        address = str(parse_address(book.url))
    except ValueError as error:
        return Verdict(Outcome.REFUSED, str(error))
    return book.url if address == book.url else address


def _processes(pictures: int, hosts: int, settings: CoverSettings) -> int:
    """How many processes the pictures are worth, and the settings let work: 1 where hosts are asked politely."""
    pace = settings.requests_per_second * min(hosts, _HOSTS_AT_ONCE)
    wanted = min(pictures // _FEWEST_PICTURES, pace // _PACE_OF_ONE, settings.concurrency, cpu_count())
    return max(int(wanted), 1)


def _fetch_here(
    by_host: Iterable[deque[Wanted]],
    listing_hosts: Iterable[str],
    keeper: Keeper,
    tally: Tally,
    settings: CoverSettings,
) -> None:
    async def work() -> None:
        crew = Crew(listing_hosts, keeper, tally, settings, log_given_up)
        at_once = asyncio.Semaphore(_HOSTS_AT_ONCE)

        async def fetch(pictures: deque[Wanted]) -> None:
            async with at_once:
                await crew.fetch(pictures)

        async with asyncio.TaskGroup() as group:
            for pictures in by_host:
                group.create_task(fetch(pictures))

    try:
        asyncio.run(work())
    except BaseExceptionGroup as group:
        raise first_error(group) from None
