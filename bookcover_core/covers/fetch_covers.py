"""Fetching the covers of a chunk, in this process or in as many as the pace of the settings needs.

books ─ one request per address ─┬─ downloader                     (this process)
                                 └─ a share each ─ download_worker (processes) ─ journal ─ rows

One interpreter runs on one core. Where the settings allow more requests than one core can serve, each core gets a
worker with its share of the images and of the pace, so that no host receives more requests than the settings allow.
What one learns of a host (that it wants a pause, or fails) the others are told. What a worker that was killed has left
is fetched by this process.
"""

import json
import logging
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from typing import Any, BinaryIO

from loky import cpu_count

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.download_progress import ChunkProgress
from bookcover_core.covers.download_worker import WorkerOrder
from bookcover_core.covers.downloader import HOSTS_AT_ONCE, Downloader, ImageRequest, Mirrors
from bookcover_core.covers.host_limits import HostNotice, log_given_up
from bookcover_core.covers.image_checks import ImageCheck, is_placeholder_address
from bookcover_core.covers.ledger import CoverOutcome, read_line
from bookcover_core.covers.urls import parse_address
from bookcover_core.errors import WorkerError, error_named
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.python_process import start_module
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Requests a second that one process serves easily: a quarter of what one core can do.
_PACE_OF_ONE = 250.0

# Images that justify a further process, which takes half a second to start.
_FEWEST_PICTURES = 500

# Seconds between two looks at the workers, and for which they may take to end when no more is asked of them.
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 5.0


def fetch_covers(
    books: Iterable[Book],
    listing_hosts: Iterable[str],
    store: CoverStore,
    progress: ChunkProgress,
    settings: CoverSettings,
) -> None:
    """Fetch the covers of `books`, so that each has its row in `progress`. An image of several books is fetched once.

    Only `listing_hosts`, which the study's listings name, and those of `settings.hosts` are requested.

    Raises:
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
    requests = list(wanted.values())
    hosts = len({mirrors.origin(parse_address(request.url)) for request in requests})
    processes = _processes(len(requests), hosts, settings)
    if processes > 1:
        logger.info("%d pictures of %d hosts, fetched by %d processes", len(requests), hosts, processes)
        orders = [
            WorkerOrder(
                root=store.workspace.root,
                genres=store.genres,
                journal=progress.journal.file,
                run=progress.journal.run,
                hosts=sorted(listing_hosts),
                settings=share(settings, number, processes),
                images=[
                    (request.url, [(book.key, book.filename, book.category) for book in request.books])
                    for request in requests[number::processes]
                ],
            )
            for number in range(processes)
        ]
        _fetch_apart(orders, progress)
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


def _fetch_apart(orders: Sequence[WorkerOrder], progress: ChunkProgress) -> None:
    """Let a worker process carry out each order, and take the rows from the journal as they come."""
    workers: list[subprocess.Popen[bytes]] = []
    try:
        with progress.journal.file.open("rb") as journal:
            journal.seek(0, 2)
            _start(orders, workers)
            told: Queue[tuple[subprocess.Popen[bytes], bytes]] = Queue()
            for worker in workers:
                Thread(target=_listen, args=(worker, told), daemon=True).start()
            running, given_up = set(workers), set[str]()
            while running:
                lines = []
                with suppress(Empty):
                    lines.append(told.get(timeout=_POLL_SECONDS))
                _take_rows(journal, progress)
                for worker, line in lines:
                    if line:
                        _pass_on(line, [other for other in running if other is not worker], given_up)
                    else:
                        running.remove(worker)
                        _log_end(worker)
    finally:
        _end(workers)


def _listen(worker: subprocess.Popen[bytes], told: "Queue[tuple[subprocess.Popen[bytes], bytes]]") -> None:
    """Put what a worker tells into the queue, line by line; at its end an empty one."""
    assert worker.stdout is not None
    for line in worker.stdout:
        told.put((worker, line))
    worker.wait()
    told.put((worker, b""))


def _take_rows(journal: BinaryIO, progress: ChunkProgress) -> None:
    """Take the rows that workers have written since."""
    for line in iter(journal.readline, b""):
        if not line.endswith(b"\n"):
            journal.seek(-len(line), 1)  # the rest is on its way
            return
        with suppress(ValueError, TypeError, KeyError, AttributeError):  # of a worker that was killed
            progress.note(read_line(line).row)


def _pass_on(line: bytes, others: Iterable[subprocess.Popen[bytes]], given_up: set[str]) -> None:
    """Pass a worker's notice on to the others, or raise its error."""
    message = json.loads(line)
    if "error" in message:
        kind, what, where, advice = message["error"]
        raise error_named(kind)(what, where=where, advice=advice)
    notice = HostNotice(*message["notice"])
    if notice.host not in given_up:
        log_given_up(notice)
    if notice.given_up:
        given_up.add(notice.host)
    for other in others:
        _write(other, line)


def _log_end(worker: subprocess.Popen[bytes]) -> None:
    if worker.returncode:
        code = worker.returncode
        ended = f"signal {-code}" if code < 0 else f"status {code}"
        logger.warning("a process that fetched covers ended (%s): what it left is fetched by this one", ended)


def _write(worker: subprocess.Popen[bytes], line: bytes) -> None:
    """Write a line to a worker, unless it has ended."""
    assert worker.stdin is not None
    with suppress(BrokenPipeError):
        worker.stdin.write(line)
        worker.stdin.flush()


def _start(orders: Sequence[WorkerOrder], workers: list[subprocess.Popen[bytes]]) -> None:
    """Add a worker for each order to `workers`."""
    # Ctrl-C at a terminal reaches this process alone, which then closes the workers' input.
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "process_group": 0}
    try:
        workers.extend(start_module("bookcover_core.covers.download_worker", **options) for _ in orders)
    except OSError as error:
        raise WorkerError(
            f"a process that fetches covers cannot be started ({error.strerror})",
            advice="Close other programs, and start the same command again: what is done is kept.",
        ) from error
    for worker, order in zip(workers, orders, strict=True):
        _write(worker, order.model_dump_json().encode() + b"\n")


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """End workers by closing their input, and those that do not heed it by force."""
    for worker in workers:
        with suppress(BrokenPipeError):
            if worker.stdin is not None:
                worker.stdin.close()
    for worker in workers:
        try:
            worker.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()
