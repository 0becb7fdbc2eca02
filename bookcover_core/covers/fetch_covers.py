"""Fetching the covers of a chunk, in this process or in as many as the pace of the settings needs.

books ─ one request per address ─ by host ─┬─ downloader               (this process)
                                           └─ worker pool ─ workers    (worker processes)
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Iterable

from loky import cpu_count

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.download_worker import WorkerOrder
from bookcover_core.covers.downloader import Downloader, ImageRequest, Mirrors, first_error
from bookcover_core.covers.host_limits import log_given_up
from bookcover_core.covers.image_checks import ImageCheck, is_placeholder_address
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import parse_address
from bookcover_core.covers.worker_pool import WorkerPool, share
from bookcover_core.listings.books import Book
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Hosts requested at the same time; a listing may name thousands.
_HOSTS_AT_ONCE = 32

# Requests a second that one process serves easily: a quarter of what one core can do.
_PACE_OF_ONE = 250.0

# Images that justify a further process, which takes half a second to start.
_FEWEST_PICTURES = 500


def fetch_covers(
    books: Iterable[Book],
    listing_hosts: Iterable[str],
    store: CoverStore,
    progress: ChunkProgress,
    settings: CoverSettings,
) -> None:
    """Fetch the covers of `books`, so that each has its row in `progress`. An image of several books is fetched once.

    Args:
        books: Books without a cover.
        listing_hosts: Hosts named by the study's listings; only they and those of `settings.hosts` are requested.
        store: Writes the covers.
        progress: Receives the rows.
        settings: Pace, limits and hosts.

    Raises:
        DiskFullError, WorkspaceError: A cover or its row cannot be written.
        SettingsError: `covers.hosts` names something that is no address.
        WorkerError: The processes that fetch cannot be started.
    """
    mirrors = Mirrors(settings)
    wanted: dict[str, ImageRequest] = {}
    for book in books:
        found = _address_of(book)
        if isinstance(found, ImageCheck):
            progress.add(store.row(book, found))
        else:
            wanted.setdefault(found, ImageRequest(found, [])).books.append(book)
    by_host: dict[str, deque[ImageRequest]] = defaultdict(deque)
    for picture in wanted.values():
        by_host[str(mirrors.origin(parse_address(picture.url)))].append(picture)
    pictures = len(wanted)
    processes = _processes(pictures, len(by_host), settings)
    del wanted
    if processes == 1:
        _fetch_here(by_host.values(), listing_hosts, store, progress, settings)
        return
    logger.info("%d pictures of %d hosts, fetched by %d processes", pictures, len(by_host), processes)
    orders = [
        WorkerOrder(
            root=store.workspace.root,
            genres=store.genres,
            journal=progress.journal.file,
            run=progress.journal.run,
            hosts=sorted(listing_hosts),
            settings=share(settings, number, processes),
        )
        for number in range(processes)
    ]
    WorkerPool(orders, by_host, progress, _HOSTS_AT_ONCE).work()


def _address_of(book: Book) -> str | ImageCheck:
    """The address of a book's cover, or the outcome that the listing alone decides."""
    if not book.url:
        return ImageCheck(CoverOutcome.MISSING, "the listing gives no address")
    if is_placeholder_address(book.url):
        return ImageCheck(CoverOutcome.PLACEHOLDER, "the address of Amazon's picture for books without one")
    try:
        address = str(parse_address(book.url))
    except ValueError as error:
        return ImageCheck(CoverOutcome.REFUSED, str(error))
    return book.url if address == book.url else address


def _processes(pictures: int, hosts: int, settings: CoverSettings) -> int:
    """Number of processes that the images justify and the pace needs: 1 at the default pace."""
    pace = settings.requests_per_second * min(hosts, _HOSTS_AT_ONCE)
    wanted = min(pictures // _FEWEST_PICTURES, pace // _PACE_OF_ONE, settings.concurrency, cpu_count())
    return max(int(wanted), 1)


def _fetch_here(
    by_host: Iterable[deque[ImageRequest]],
    listing_hosts: Iterable[str],
    store: CoverStore,
    progress: ChunkProgress,
    settings: CoverSettings,
) -> None:
    async def work() -> None:
        downloader = Downloader(listing_hosts, store, progress, settings, log_given_up)
        at_once = asyncio.Semaphore(_HOSTS_AT_ONCE)

        async def fetch(pictures: deque[ImageRequest]) -> None:
            async with at_once:
                await downloader.fetch(pictures)

        async with asyncio.TaskGroup() as group:
            for pictures in by_host:
                group.create_task(fetch(pictures))

    try:
        asyncio.run(work())
    except BaseExceptionGroup as group:
        raise first_error(group) from None
