"""Several processes that fetch the covers of a chunk together, and this one, which hands out the work.

    pictures by host ─┬─→ worker ─┬─→ rows
                      ├─→ worker ─┤
                      └── a worker that was killed: what it had in hand goes to the others

One interpreter runs on one core. Where the settings allow more requests than one core can serve, each core gets a
worker (`worker`) and each worker its share of what the settings allow, so that a host is never asked more than that.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import bookcover_core
from bookcover_core import errors
from bookcover_core.covers.download_worker import LONGEST_LINE, Order
from bookcover_core.covers.downloader import Rows, Wanted, first_error
from bookcover_core.covers.host_limits import Notice, log_given_up
from bookcover_core.covers.ledger import Outcome, Row, read_line
from bookcover_core.errors import WorkerError
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Pictures that a worker has in hand beyond those that it is asking for: it must not wait for this process.
_IN_RESERVE = 64

# Seconds that a worker may take to end when nothing more is wanted of it.
_GRACE_SECONDS = 5.0

# What the processes find this project by, wherever they are started.
_HOME = str(Path(bookcover_core.__file__).parents[1])


def share(settings: CoverSettings, worker: int, workers: int) -> CoverSettings:
    """What one of several workers, numbered from 0, may ask of a host: together they ask what the settings allow."""
    in_flight = settings.concurrency // workers + (worker < settings.concurrency % workers)
    pace = settings.requests_per_second / workers
    return settings.model_copy(update={"concurrency": in_flight, "requests_per_second": pace})


class _Worker:
    """One of the processes, and what it has in hand."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.in_hand: dict[str, tuple[str, Wanted]] = {}
        """Host and picture, by the key of the picture's last book: its row is told of last."""
        self.load: Counter[str] = Counter()
        """How many pictures of each host those are."""
        self.most = 2 * order.settings.concurrency + _IN_RESERVE
        """How many they may be."""
        self._pipes: list[asyncio.BaseTransport] = []
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bookcover_core.covers.download_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C at a terminal is for this process alone, which then ends the workers' input.
            process_group=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [_HOME, os.environ.get("PYTHONPATH")]))},
        )

    async def start(self) -> asyncio.StreamReader:
        """What the worker says, once it has its order."""
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader(limit=LONGEST_LINE)
        heard, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), self.process.stdout)
        self._pipes.append(heard)
        self._said, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self.process.stdin)
        self._pipes.append(self._said)
        self._said.write(self.order.model_dump_json().encode() + b"\n")
        return lines

    def send(self, host: str, pictures: Iterable[Wanted]) -> None:
        """Have it fetch pictures of a host."""
        message = []
        for wanted in pictures:
            self.in_hand[wanted.books[-1].key] = host, wanted
            self.load[host] += 1
            message.append((wanted.url, [(book.key, book.filename, book.category) for book in wanted.books]))
        self._said.write(json.dumps({"pictures": message}).encode() + b"\n")

    def put_down(self, key: str) -> str | None:
        """The host of the picture that is done with the row of this book; None if the row was not the last of one."""
        if key not in self.in_hand:
            return None
        host, _ = self.in_hand.pop(key)
        self.load[host] -= 1
        return host

    def tell(self, notice: Notice) -> None:
        """Have it heed a notice."""
        self._said.write(json.dumps({"notice": notice}).encode() + b"\n")

    def dismiss(self) -> None:
        """Let it end: it reads the end of its input."""
        for pipe in self._pipes:
            if not pipe.is_closing():
                pipe.close()

    def end(self) -> int:
        """How it ended: its exit status, or the signal that killed it, negative."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Workforce:
    """Workers for one chunk.

    Args:
        orders: What each of them is told first.
        pictures: What to fetch, by host; taken from there as it is handed out, so that its memory is free.
        rows: Takes the rows, which are in the journal already.
        hosts_at_once: Hosts that are asked at the same time.
    """

    def __init__(
        self, orders: Iterable[Order], pictures: Mapping[str, deque[Wanted]], rows: Rows, hosts_at_once: int
    ) -> None:
        self._orders = list(orders)
        self._rows = rows
        self._hosts_at_once = hosts_at_once
        self._later = deque(pictures.items())
        self._now: dict[str, deque[Wanted]] = {}
        """Pictures of the hosts that are asked now, which no worker has in hand."""
        self._workers: list[_Worker] = []
        self._tried_again: set[str] = set()
        """Keys of pictures that were in the hands of a worker that was killed."""
        self._given_up: set[str] = set()

    def work(self) -> None:
        """Fetch everything.

        Raises:
            WorkerError: The processes cannot be started.
            BookcoverError: What a worker met, as if it had been met here.
        """
        started: list[_Worker] = []
        try:
            started.extend(_Worker(order) for order in self._orders)
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
                worker.dismiss()

    async def _attend(self, worker: _Worker) -> None:
        """Hear a worker, and keep it in work, until it ends."""
        lines = await worker.start()
        self._feed(worker)
        async for line in lines:
            if line.startswith(b'{"run"'):
                self._take(worker, read_line(line).row)
            else:
                self._hear(worker, json.loads(line))
        if worker.in_hand or self._now or self._later:
            self._replace(worker)

    def _take(self, worker: _Worker, row: Row) -> None:
        self._rows.note(row)
        host = worker.put_down(row.key)
        if host is None:
            return
        if worker.load[host] <= worker.most // 2:
            self._feed(worker)
        if not self._now.get(host, True) and not self._is_asked(host):
            del self._now[host]
            self._feed_all()

    def _hear(self, worker: _Worker, message: dict[str, Any]) -> None:
        if "error" in message:
            kind, what, where, advice = message["error"]
            raise getattr(errors, kind)(what, where=where, advice=advice)
        notice = Notice(*message["notice"])
        if notice.given_up and notice.host not in self._given_up:
            self._given_up.add(notice.host)
            log_given_up(notice)
        for other in self._workers:
            if other is not worker:
                other.tell(notice)

    def _feed_all(self) -> None:
        """Give work to all who can take some; let them end when there is none, nor will be."""
        for worker in self._workers:
            self._feed(worker)
        if not self._now and not self._later:
            for worker in self._workers:
                worker.dismiss()

    def _feed(self, worker: _Worker) -> None:
        """Hand a worker its share of what waits, of each host as much as it may have in hand."""
        while self._later and len(self._now) < self._hosts_at_once:
            host, pictures = self._later.popleft()
            self._now[host] = pictures
        for host, waiting in self._now.items():
            fair = -(-len(waiting) // len(self._workers))
            if count := min(worker.most - worker.load[host], fair):
                worker.send(host, [waiting.popleft() for _ in range(count)])

    def _replace(self, worker: _Worker) -> None:
        """Give what a worker had in hand to the others; those pictures that were given so before failed for now."""
        worker.dismiss()
        status = worker.end()
        self._workers.remove(worker)
        logger.warning(
            "a process that fetched covers ended (%s): %s",
            f"signal {-status}" if status < 0 else f"status {status}",
            f"{len(self._workers)} go on with its work" if self._workers else "no other is left",
        )
        for key, (host, wanted) in worker.in_hand.items():
            if key in self._tried_again:
                self._fail(wanted, "two processes that fetched it ended")
            else:
                self._tried_again.add(key)
                self._now.setdefault(host, deque()).append(wanted)
        if not self._workers:
            for waiting in [*self._now.values(), *(pictures for _, pictures in self._later)]:
                for wanted in waiting:
                    self._fail(wanted, "not asked: all processes that fetch covers ended")
            self._now.clear()
            self._later.clear()
        self._now = {host: waiting for host, waiting in self._now.items() if waiting or self._is_asked(host)}
        self._feed_all()

    def _is_asked(self, host: str) -> bool:
        return any(worker.load[host] for worker in self._workers)

    def _fail(self, wanted: Wanted, reason: str) -> None:
        for book in wanted.books:
            self._rows.note(Row(book.key, Outcome.FAILED.value, address=wanted.url, detail=reason))
