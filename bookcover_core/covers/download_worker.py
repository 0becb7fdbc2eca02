"""A worker process that fetches part of a chunk's covers: `python -m bookcover_core.covers.download_worker`.

    worker pool ── order, images, notices ─→ worker ── covers, lines of the journal
                ←─ the same lines, notices, an error ──

Messages are lines of JSON on standard input and output. A row is in the journal before it is reported, so nothing is
lost when the parent is killed; the worker then reads the end of its input, and ends too.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.downloader import Downloader, ImageRequest, first_error
from bookcover_core.covers.host_limits import HostNotice
from bookcover_core.covers.ledger import LedgerJournal, LedgerRow
from bookcover_core.errors import BookcoverError
from bookcover_core.genres import Genre
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import CoverSettings

# Bytes of the longest line that is read: a listing may name thousands of hosts.
LONGEST_LINE = 64 * 1024 * 1024

# Seconds for which rows are collected before they are reported together.
_BATCH_SECONDS = 0.02


class WorkerOrder(BaseModel):
    """The first message to a worker."""

    root: Path
    """The study's folder."""
    journal: Path
    run: str
    """Key of the stage run."""
    genres: list[Genre]
    hosts: list[str]
    """Hosts named by the listings."""
    settings: CoverSettings
    """With this worker's share of the pace and of the requests in flight."""


class _InputEndedError(Exception):
    """The input has ended: no more work will come."""


class _RowReporter:
    """Sink that writes rows to the journal and reports them to the parent process."""

    def __init__(self, journal: LedgerJournal, out: BinaryIO) -> None:
        self._journal = journal
        self._out = out
        self._pending: list[bytes] = []

    def add(self, row: LedgerRow) -> None:
        """Write a row to the journal and report it."""
        self._send(self._journal.append(row))

    def note(self, row: LedgerRow) -> None:
        """Report a row that records that nothing was tried."""
        self._send(json.dumps({"run": "", **row._asdict()}).encode() + b"\n")

    def publish(self, notice: HostNotice) -> None:
        """Report a notice for the other workers, at once."""
        self._send(json.dumps({"notice": notice}).encode() + b"\n")
        self._flush()

    def _send(self, line: bytes) -> None:
        if not self._pending:
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self._flush)
        self._pending.append(line)

    def _flush(self) -> None:
        content = b"".join(self._pending)
        self._pending.clear()
        _write(self._out, content)


def _write(out: BinaryIO, content: bytes) -> None:
    """Write to the parent. One that is gone has closed the input too, which is noticed there."""
    with suppress(BrokenPipeError):
        while content:
            content = content[out.write(content) :]


async def _work(out: BinaryIO) -> None:
    """Fetch images until the input ends; report the error that prevents it."""
    orders = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    try:
        await _fetch(orders, out)
    except* _InputEndedError:
        pass
    except* BookcoverError as errors:
        error = first_error(errors)
        assert isinstance(error, BookcoverError)
        parts = (type(error).__name__, error.what, error.where, error.advice)
        _write(out, json.dumps({"error": parts}).encode() + b"\n")


async def _fetch(orders: asyncio.StreamReader, out: BinaryIO) -> None:
    first = await orders.readline()
    if not first:
        return
    order = WorkerOrder.model_validate_json(first)
    with LedgerJournal(order.journal, order.run) as journal:
        reporter = _RowReporter(journal, out)
        store = CoverStore(Workspace(order.root), order.genres, order.settings)
        downloader = Downloader(order.hosts, store, reporter, order.settings, reporter.publish)
        async with asyncio.TaskGroup() as group:
            async for line in orders:
                message = json.loads(line)
                if "notice" in message:
                    downloader.apply(HostNotice(*message["notice"]))
                else:
                    group.create_task(downloader.fetch([_image_request(*picture) for picture in message["pictures"]]))
            # Requests that are unfinished when the input ends are dropped.
            raise _InputEndedError


def _image_request(url: str, books: list[tuple[str, str, str]]) -> ImageRequest:
    """The request in a message of `worker_pool`."""
    return ImageRequest(url, [Book(key, name, url, "", "", "", category, "", "", 0) for key, name, category in books])


def main() -> None:
    """Serve the parent process."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as out:
        # Anything else that is printed must not enter the message stream.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(_work(out))
    # The parent waits for the exit, not for memory to be freed.
    os._exit(0)


if __name__ == "__main__":
    main()
