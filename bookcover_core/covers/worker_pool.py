"""A pool of worker processes for one chunk, and the dispatch of work to them.

    images by host ─┬─→ worker ─┬─→ rows
                    ├─→ worker ─┤
                    └── a worker that was killed: its requests go to the others

One interpreter runs on one core. Where the settings allow more requests than one core can serve, each core gets a
worker (`download_worker`) with its share of the pace, so that no host receives more requests than the settings allow.
"""

import asyncio
import json
import logging
import subprocess
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from bookcover_core.covers.download_worker import LONGEST_LINE, WorkerOrder
from bookcover_core.covers.downloader import ImageRequest, RowSink, first_error
from bookcover_core.covers.host_limits import HostNotice, log_given_up
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_line
from bookcover_core.errors import WorkerError, error_named
from bookcover_core.pipeline.python_process import start_module
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Requests queued at a worker beyond those in flight: it must not wait for this process.
_IN_RESERVE = 64

# Seconds that a worker may take to end when no more is asked of it.
_GRACE_SECONDS = 5.0


def share(settings: CoverSettings, worker: int, workers: int) -> CoverSettings:
    """The settings of one of several workers, numbered from 0: together they keep the limits of `settings`."""
    in_flight = settings.concurrency // workers + (worker < settings.concurrency % workers)
    pace = settings.requests_per_second / workers
    return settings.model_copy(update={"concurrency": in_flight, "requests_per_second": pace})


class _WorkerProcess:
    """One worker process, and the requests assigned to it."""

    def __init__(self, order: WorkerOrder) -> None:
        self.order = order
        self.assigned: dict[str, tuple[str, ImageRequest]] = {}
        """Host and request, by the key of the request's last book, whose row is reported last."""
        self.load: Counter[str] = Counter()
        """Number of those requests by host."""
        self.most = 2 * order.settings.concurrency + _IN_RESERVE
        """Greatest number of requests assigned at once."""
        self._pipes: list[asyncio.BaseTransport] = []
        self.process = start_module(
            "bookcover_core.covers.download_worker",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C at a terminal reaches this process alone, which then closes the workers' input.
            process_group=0,
        )

    async def start(self) -> asyncio.StreamReader:
        """Send the order, and return the worker's output."""
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(limit=LONGEST_LINE)
        heard, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), self.process.stdout)
        self._pipes.append(heard)
        self._said, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self.process.stdin)
        self._pipes.append(self._said)
        self._said.write(self.order.model_dump_json().encode() + b"\n")
        return lines

    def send(self, host: str, pictures: Iterable[ImageRequest]) -> None:
        """Assign requests of a host."""
        message = []
        for request in pictures:
            self.assigned[request.books[-1].key] = host, request
            self.load[host] += 1
            message.append((request.url, [(book.key, book.filename, book.category) for book in request.books]))
        self._said.write(json.dumps({"pictures": message}).encode() + b"\n")

    def complete(self, key: str) -> str | None:
        """The host of the request completed by the row of this book; None if the request has further rows to come."""
        if key not in self.assigned:
            return None
        host, _ = self.assigned.pop(key)
        self.load[host] -= 1
        return host

    def notify(self, notice: HostNotice) -> None:
        """Send a notice."""
        self._said.write(json.dumps({"notice": notice}).encode() + b"\n")

    def close(self) -> None:
        """Close its input, so that it ends."""
        for pipe in self._pipes:
            if not pipe.is_closing():
                pipe.close()

    def end(self) -> int:
        """Wait for it, and return its exit status, or the signal that killed it, negative."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class WorkerPool:
    """Worker processes for one chunk.

    Args:
        orders: The first message to each.
        pictures: Requests by host; removed as they are assigned, so that their memory is freed.
        rows: Receives the rows, which are in the journal already.
        hosts_at_once: Hosts requested at the same time.
    """

    def __init__(
        self,
        orders: Iterable[WorkerOrder],
        pictures: Mapping[str, deque[ImageRequest]],
        rows: RowSink,
        hosts_at_once: int,
    ) -> None:
        self._orders = list(orders)
        self._rows = rows
        self._hosts_at_once = hosts_at_once
        self._later = deque(pictures.items())
        self._now: dict[str, deque[ImageRequest]] = {}
        """Unassigned requests of the hosts served now."""
        self._workers: list[_WorkerProcess] = []
        self._tried_again: set[str] = set()
        """Keys of requests assigned to a worker that was killed."""
        self._given_up: set[str] = set()

    def work(self) -> None:
        """Fetch everything.

        Raises:
            WorkerError: The processes cannot be started.
            BookcoverError: An error of a worker, raised here.
        """
        started: list[_WorkerProcess] = []
        try:
            started.extend(_WorkerProcess(order) for order in self._orders)
            self._workers = list(started)
            asyncio.run(self._work())
        except OSError as error:
            raise WorkerError(
                f"a process that fetches covers cannot be started ({error.strerror})",
                advice="Close other programs, and start the same command again: what is done is kept.",
            ) from error
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        finally:
            for worker in started:
                worker.end()

    async def _work(self) -> None:
        everyone = list(self._workers)
        try:
            async with asyncio.TaskGroup() as group:
                for worker in everyone:
                    group.create_task(self._attend(worker))
        finally:
            for worker in everyone:
                worker.close()

    async def _attend(self, worker: _WorkerProcess) -> None:
        """Read a worker's output and keep it busy until it ends."""
        lines = await worker.start()
        self._feed(worker)
        async for line in lines:
            if line.startswith(b'{"run"'):
                self._take(worker, read_line(line).row)
            else:
                self._receive(worker, json.loads(line))
        if worker.assigned or self._now or self._later:
            self._replace(worker)

    def _take(self, worker: _WorkerProcess, row: LedgerRow) -> None:
        self._rows.note(row)
        host = worker.complete(row.key)
        if host is None:
            return
        if worker.load[host] <= worker.most // 2:
            self._feed(worker)
        if not self._now.get(host, True) and not self._is_asked(host):
            del self._now[host]
            self._feed_all()

    def _receive(self, worker: _WorkerProcess, message: dict[str, Any]) -> None:
        if "error" in message:
            kind, what, where, advice = message["error"]
            raise error_named(kind)(what, where=where, advice=advice)
        notice = HostNotice(*message["notice"])
        if notice.given_up and notice.host not in self._given_up:
            self._given_up.add(notice.host)
            log_given_up(notice)
        for other in self._workers:
            if other is not worker:
                other.notify(notice)

    def _feed_all(self) -> None:
        """Assign work to every worker that can take some; close all when none is left."""
        for worker in self._workers:
            self._feed(worker)
        if not self._now and not self._later:
            for worker in self._workers:
                worker.close()

    def _feed(self, worker: _WorkerProcess) -> None:
        """Assign a worker its share of the waiting requests, within its limit for each host."""
        while self._later and len(self._now) < self._hosts_at_once:
            host, pictures = self._later.popleft()
            self._now[host] = pictures
        for host, waiting in self._now.items():
            fair = -(-len(waiting) // len(self._workers))
            if count := min(worker.most - worker.load[host], fair):
                worker.send(host, [waiting.popleft() for _ in range(count)])

    def _replace(self, worker: _WorkerProcess) -> None:
        """Reassign a dead worker's requests; those reassigned before have failed for now."""
        worker.close()
        status = worker.end()
        self._workers.remove(worker)
        logger.warning(
            "a process that fetched covers ended (%s): %s",
            f"signal {-status}" if status < 0 else f"status {status}",
            f"{len(self._workers)} go on with its work" if self._workers else "no other is left",
        )
        for key, (host, request) in worker.assigned.items():
            if key in self._tried_again:
                self._fail(request, "two processes that fetched it ended")
            else:
                self._tried_again.add(key)
                self._now.setdefault(host, deque()).append(request)
        if not self._workers:
            for waiting in [*self._now.values(), *(pictures for _, pictures in self._later)]:
                for request in waiting:
                    self._fail(request, "not asked: all processes that fetch covers ended")
            self._now.clear()
            self._later.clear()
        self._now = {host: waiting for host, waiting in self._now.items() if waiting or self._is_asked(host)}
        self._feed_all()

    def _is_asked(self, host: str) -> bool:
        return any(worker.load[host] for worker in self._workers)

    def _fail(self, request: ImageRequest, reason: str) -> None:
        for book in request.books:
            self._rows.note(LedgerRow(book.key, CoverOutcome.FAILED.value, address=request.url, detail=reason))
