"""Fetching the covers of a chunk, in this process or in as many as the pace of the settings needs.

One interpreter runs on one core. Where the settings allow more requests than one core can serve, each core gets a
process with its share of the images and of the pace, so that no host receives more requests than the settings allow.
All append to one journal: rows, and what one learns of a host (that it wants a pause, or fails) for the others.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from threading import Event
from typing import BinaryIO

from loky import cpu_count

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.downloader import HOSTS_AT_ONCE, Downloader, ImageRequest, Mirrors
from bookcover_core.covers.host_limits import HostNotice, log_given_up, read_notice
from bookcover_core.covers.image_checks import ImageCheck, is_placeholder_address
from bookcover_core.covers.ledger import CoverOutcome, LedgerJournal, new_lines, read_line
from bookcover_core.covers.urls import parse_address
from bookcover_core.errors import WorkerError
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

_PACE_OF_ONE = 250.0  # requests a second that one process serves easily: a quarter of what one core can do
_FEWEST_PICTURES = 500  # images that justify a further process, which takes half a second to start
_POLL_SECONDS = 0.05  # seconds between two looks at the journal


def fetch_covers(
    books: Iterable[Book],
    listing_hosts: Iterable[str],
    store: CoverStore,
    progress: ChunkProgress,
    settings: CoverSettings,
) -> None:
    """Fetch the covers of `books`, so that each has its row in `progress`. An image of several books is fetched once.

    Only `listing_hosts`, which the study's listings name, and those of `settings.hosts` are requested.
    """
    mirrors = Mirrors(settings)
    wanted: dict[str, ImageRequest] = {}
    for book in books:
        found = _address_of(book)
        if isinstance(found, ImageCheck):
            progress.add(store.row(book, found))
        else:
            wanted.setdefault(found, ImageRequest(found, [])).books.append(book)
    requests = list(wanted.values())
    hosts = len({mirrors.origin(parse_address(request.url)) for request in requests})
    processes = _processes(len(requests), hosts, settings)
    if processes > 1:
        logger.info("%d pictures of %d hosts, fetched by %d processes", len(requests), hosts, processes)
        shares = [(requests[number::processes], share(settings, number, processes)) for number in range(processes)]
        _fetch_apart(shares, listing_hosts, store, progress)
        requests = [request for request in requests if request.books[-1].key not in progress.rows]
    if requests:
        Downloader(listing_hosts, store, progress.add, settings).fetch(requests)


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


def _fetch_apart(
    shares: Sequence[tuple[list[ImageRequest], CoverSettings]],
    listing_hosts: Iterable[str],
    store: CoverStore,
    progress: ChunkProgress,
) -> None:
    """Let a process fetch each share, and take the rows from the journal as they come."""
    journal, ended = progress.journal, Event()
    with journal.file.open("rb") as lines:
        begin = lines.seek(0, os.SEEK_END)
        work = partial(_fetch_share, sorted(listing_hosts), store, journal.file, journal.run, begin)
        with ThreadPoolExecutor(1) as threads:
            following = threads.submit(copy_context().run, _follow, lines, progress, ended)
            try:
                with closing(in_processes(work, shares, processes=len(shares), grace=0)) as outcomes:
                    for _ in outcomes:
                        pass
            except WorkerError as error:
                logger.warning("%s: what it left is fetched by this one", error.what)
            finally:
                ended.set()
        following.result()


def _fetch_share(
    hosts: Iterable[str],
    store: CoverStore,
    file: Path,
    run: str,
    begin: int,
    share: tuple[list[ImageRequest], CoverSettings],
) -> None:
    """Fetch the images of a share in this process; what others append to the journal is read from `begin` on."""
    requests, settings = share
    with LedgerJournal(file, run) as journal, file.open("rb") as lines:
        lines.seek(begin)

        def notices() -> Iterator[HostNotice]:
            return filter(None, map(read_notice, new_lines(lines)))

        Downloader(hosts, store, journal.append, settings, journal.notify, notices).fetch(requests)


def _follow(lines: BinaryIO, progress: ChunkProgress, ended: Event) -> None:
    """Take the rows that the processes append, and log the hosts that they give up, until all have ended."""
    given_up: set[str] = set()
    is_last = False
    while not is_last:
        is_last = ended.wait(_POLL_SECONDS)
        for line in new_lines(lines):
            notice = read_notice(line)
            if notice is None:
                with suppress(ValueError, TypeError, KeyError, AttributeError):  # of a process that was killed
                    progress.note(read_line(line).row)
            elif notice.given_up and notice.host not in given_up:
                given_up.add(notice.host)
                log_given_up(notice)
