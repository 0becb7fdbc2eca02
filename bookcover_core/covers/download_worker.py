"""A process that fetches a share of a chunk's covers: `python -m bookcover_core.covers.download_worker`.

    workforce ── order, pictures, notices ─→ worker ── covers, lines of the journal
              ←─ the same lines, notices, an error ──

It is told what to do on its standard input and answers on its standard output, a line of JSON each. A cover's row is
in the journal before it is told of, so that nothing is lost when the process that started this one is killed; this one
then reads the end of its input, and ends too.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

from bookcover_core.covers.cover_store import Keeper
from bookcover_core.covers.downloader import Crew, Wanted, first_error
from bookcover_core.covers.host_limits import Notice
from bookcover_core.covers.ledger import Journal, Row
from bookcover_core.errors import BookcoverError
from bookcover_core.genres import Genre
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import CoverSettings

# Bytes of the longest line that is read: a listing may name thousands of hosts.
LONGEST_LINE = 64 * 1024 * 1024

# Seconds that rows are gathered for before they are told of, all at once.
_GATHERED = 0.02


class Order(BaseModel):
    """What a worker is told first."""

    root: Path
    """The study's folder."""
    journal: Path
    run: str
    """Key of the stage run."""
    genres: list[Genre]
    hosts: list[str]
    """Hosts that the listings name."""
    settings: CoverSettings
    """With this worker's share of the requests in flight and of those a second."""


class _OverError(Exception):
    """There is nothing more to do."""


class _Teller:
    """Rows on their way into the journal, and to the process that wants to know of them."""

    def __init__(self, journal: Journal, out: BinaryIO) -> None:
        self._journal = journal
        self._out = out
        self._gathered: list[bytes] = []

    def add(self, row: Row) -> None:
        """Keep a row in the journal, and tell of it."""
        self._say(self._journal.append(row))

    def note(self, row: Row) -> None:
        """Tell of a row that says that nothing was tried."""
        self._say(json.dumps({"run": "", **row._asdict()}).encode() + b"\n")

    def tell(self, notice: Notice) -> None:
        """Tell what the other workers must heed, at once."""
        self._say(json.dumps({"notice": notice}).encode() + b"\n")
        self._flush()

    def _say(self, line: bytes) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_later(_GATHERED, self._flush)
        self._gathered.append(line)

    def _flush(self) -> None:
        said = b"".join(self._gathered)
        self._gathered.clear()
        _write(self._out, said)


def _write(out: BinaryIO, said: bytes) -> None:
    """Tell something. Whoever does not listen any more has closed the input too, which is noticed there."""
    with suppress(BrokenPipeError):
        while said:
            said = said[out.write(said) :]


async def _work(out: BinaryIO) -> None:
    """Fetch what is wanted, until the input ends; tell why, where that cannot be done."""
    orders = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    try:
        await _fetch(orders, out)
    except* _OverError:
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
    order = Order.model_validate_json(first)
    with Journal(order.journal, order.run) as journal:
        teller = _Teller(journal, out)
        keeper = Keeper(Workspace(order.root), order.genres, order.settings)
        crew = Crew(order.hosts, keeper, teller, order.settings, teller.tell)
        async with asyncio.TaskGroup() as group:
            async for line in orders:
                message = json.loads(line)
                if "notice" in message:
                    crew.heed(Notice(*message["notice"]))
                else:
                    group.create_task(crew.fetch([_wanted(*picture) for picture in message["pictures"]]))
            # What is not done when the input ends is wanted no more.
            raise _OverError


def _wanted(url: str, books: list[tuple[str, str, str]]) -> Wanted:
    """A picture as `workforce` writes it."""
    return Wanted(url, [Book(key, name, url, "", "", "", category, "", "", 0) for key, name, category in books])


def main() -> None:
    """Work as the process that started this one says."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as out:
        # What anything else prints is no part of the conversation.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(_work(out))
    # What is left is memory to be tidied up, for which another process waits.
    os._exit(0)


if __name__ == "__main__":
    main()
