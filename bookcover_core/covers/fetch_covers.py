"""Fetching the covers of a chunk, in this process or in as many as the pace of the settings needs.

One interpreter runs on one core. Where the settings allow more requests than one core can serve, each core gets a
process with its share of the images and of the pace, so that no host receives more requests than the settings allow.
All append their rows to one journal, and none asks a host that has asked one of them for a pause.
"""

import asyncio
import logging
import mmap
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from contextvars import copy_context
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Event
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from loky import cpu_count

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.cover_store import CoverStore, Retrieval
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.host_limits import HostLimits, Mirrors
from bookcover_core.covers.image_checks import ImageCheck, is_placeholder_address
from bookcover_core.covers.ledger import CoverOutcome, LedgerJournal, LedgerRow, new_rows
from bookcover_core.covers.retry import HOST_GONE, FetchResult, fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.errors import BookcoverError, WorkerError
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

HOSTS_AT_ONCE = 32  # hosts requested at the same time; a listing may name thousands
_PACE_OF_ONE = 250.0  # requests a second that one process serves easily: a quarter of what one core can do
_FEWEST_PICTURES = 500  # images that justify a further process, which takes half a second to start
_POLL_SECONDS = 0.05  # seconds between two looks at the journal


class ImageRequest(NamedTuple):
    """An image to fetch, and the books whose cover it is."""

    url: str  # its address, as `parse_address` accepts it
    books: list[Book]


class FetchJob(NamedTuple):
    """What one process fetches; `settings` are those of `store`, with the process's share of the pace."""

    requests: list[ImageRequest]
    listing_hosts: list[str]
    store: CoverStore
    settings: CoverSettings


def fetch_covers(
    books: Iterable[Book], listing_hosts: Iterable[str], store: CoverStore, progress: ChunkProgress
) -> None:
    """Fetch the covers of `books`, so that each has its row in `progress`. An image of several books is fetched once.

    Only `listing_hosts`, which the study's listings name, and those of `covers.hosts` are requested.
    """
    settings, mirrors = store.settings, Mirrors(store.settings)
    wanted: dict[str, ImageRequest] = {}
    for book in books:
        found = _address_of(book)
        if isinstance(found, ImageCheck):
            progress.add(store.row(book, found))
        else:
            wanted.setdefault(found, ImageRequest(found, [])).books.append(book)
    requests = list(wanted.values())
    job = FetchJob(requests, sorted(listing_hosts), store, settings)
    hosts = list({str(mirrors.origin(parse_address(request.url))) for request in requests})
    processes = _processes(len(requests), len(hosts), settings)
    given_up: dict[str, str] = {}
    if processes > 1:
        logger.info("%d pictures of %d hosts, fetched by %d processes", len(requests), len(hosts), processes)
        jobs = [
            job._replace(requests=requests[number::processes], settings=share(settings, number, processes))
            for number in range(processes)
        ]
        given_up = _fetch_apart(jobs, hosts, progress)
        job = job._replace(requests=[each for each in requests if each.books[-1].key not in progress.rows])
    given_up |= asyncio.run(_fetch(job, progress.add))
    for host, reason in given_up.items():
        logger.warning("%s was given up: %s", host, reason)


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
    pace = settings.requests_per_second * min(hosts, HOSTS_AT_ONCE)
    wanted = min(pictures // _FEWEST_PICTURES, pace // _PACE_OF_ONE, settings.concurrency, cpu_count())
    return max(int(wanted), 1)


def share(settings: CoverSettings, worker: int, workers: int) -> CoverSettings:
    """The settings of one of several workers, numbered from 0: together they keep the limits of `settings`."""
    in_flight = settings.concurrency // workers + (worker < settings.concurrency % workers)
    pace = settings.requests_per_second / workers
    return settings.model_copy(update={"concurrency": in_flight, "requests_per_second": pace})


def _fetch_apart(jobs: Sequence[FetchJob], hosts: Sequence[str], progress: ChunkProgress) -> dict[str, str]:
    """Let a process do each job, and take the rows from the journal as they come: as `_fetch`."""
    journal, ended, given_up = progress.journal, Event(), dict[str, str]()
    with journal.file.open("rb") as lines, NamedTemporaryFile() as held, ThreadPoolExecutor(1) as threads:
        held.truncate(8 * len(hosts))
        lines.seek(0, os.SEEK_END)
        following = threads.submit(copy_context().run, _follow, lines, progress, ended)
        work = partial(_fetch_share, hosts, Path(held.name), journal.file, journal.run)
        try:
            with closing(in_processes(work, jobs, processes=len(jobs), grace=0)) as outcomes:
                for outcome in outcomes:
                    given_up |= outcome
        except WorkerError as error:
            logger.warning("%s: what it left is fetched by this one", error.what)
        finally:
            ended.set()
        following.result()
    return given_up


def _fetch_share(hosts: Sequence[str], held: Path, file: Path, run: str, job: FetchJob) -> dict[str, str]:
    """Do a job in this process: the times before which `hosts` are not asked stand in `held`."""
    descriptor = os.open(held, os.O_RDWR)
    times = memoryview(mmap.mmap(descriptor, 0)).cast("d")
    os.close(descriptor)
    pauses = {host: times[number : number + 1] for number, host in enumerate(hosts)}
    with LedgerJournal(file, run) as journal:
        return asyncio.run(_fetch(job, journal.append, pauses))


def _follow(lines: BinaryIO, progress: ChunkProgress, ended: Event) -> None:
    """Take the rows that the processes append, until all have ended."""
    is_last = False
    while not is_last:
        is_last = ended.wait(_POLL_SECONDS)
        for known in new_rows(lines):
            progress.note(known.row)


async def _fetch(
    job: FetchJob,
    add: Callable[[LedgerRow], object],
    pauses: Mapping[str, "memoryview[float]"] = MappingProxyType({}),
) -> dict[str, str]:
    """Fetch images in this process, and give `add` a row for each book: the hosts that were given up, and why.

    Each host has a queue of images, and as many coroutines that fetch, check and store them as requests in flight.
    Raises `BookcoverError` where a cover or its row cannot be written.
    """
    store, settings = job.store, job.settings
    mirrors = Mirrors(settings)
    allowed = {*job.listing_hosts, *mirrors.hosts(), *settings.redirect_hosts}
    guard = SsrfGuard(allowed, settings.allowed_private_hosts, settings.connect_timeout)
    turns = asyncio.Semaphore(HOSTS_AT_ONCE)

    async def serve(host: HostLimits, queue: deque[ImageRequest]) -> None:
        async with aclosing(Connection(guard, settings)) as connection:
            while queue:
                request = queue.popleft()
                if host.given_up:
                    is_gone = host.is_gone and guard.has_resolved
                    failed = ImageCheck(CoverOutcome.FAILED, f"not asked: {host.given_up}")
                    fetched = FetchResult(HOST_GONE if is_gone else failed, Retrieval(request.url))
                else:
                    take_in = partial(store.keep_if_cover, request.books)
                    fetched = await fetch(parse_address(request.url), host, connection, take_in)
                for book in request.books:
                    add(store.row(book, fetched.verdict, fetched.came))

    async def serve_all(host: HostLimits, queue: deque[ImageRequest]) -> None:
        async with turns, asyncio.TaskGroup() as group:
            for _ in range(min(settings.concurrency, len(queue))):
                group.create_task(serve(host, queue))

    queues: dict[Address, deque[ImageRequest]] = defaultdict(deque)
    for request in job.requests:
        queues[mirrors.origin(parse_address(request.url))].append(request)
    hosts = {origin: HostLimits(mirrors.of(origin), settings, pauses.get(str(origin))) for origin in queues}
    try:
        async with asyncio.TaskGroup() as group:
            for origin, queue in queues.items():
                group.create_task(serve_all(hosts[origin], queue))
    except BaseExceptionGroup as errors:
        first: BaseException = errors.subgroup(BookcoverError) or errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    return {str(origin): host.given_up for origin, host in hosts.items() if host.given_up}
