"""A worker process that fetches part of a chunk's covers: `python -m bookcover_core.covers.download_worker`.

Its order is a line of JSON on standard input; notices of other workers follow. The end of the input ends it: the
process that started it is gone, or wants no more. Rows go to the journal of the chunk; notices, and an error that stops
it, are lines of JSON on standard output.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from pydantic import BaseModel

from bookcover_core.covers.cover_store import CoverStore
from bookcover_core.covers.downloader import Downloader, ImageRequest
from bookcover_core.covers.host_limits import HostNotice
from bookcover_core.covers.ledger import LedgerJournal
from bookcover_core.errors import BookcoverError
from bookcover_core.genres import Genre
from bookcover_core.listings.books import Book
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import CoverSettings


class WorkerOrder(BaseModel):
    """What a worker is to do."""

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
    images: list[tuple[str, list[tuple[str, str, str]]]]
    """Address of each image; key, FILENAME and category of each book whose cover it is."""

    @property
    def requests(self) -> list[ImageRequest]:
        """The images as the downloader takes them."""
        return [
            ImageRequest(url, [Book(key, name, url, "", "", "", category, "", "", 0) for key, name, category in books])
            for url, books in self.images
        ]


def main() -> None:
    """Serve the process that started this one."""
    given = sys.stdin.buffer.readline()
    if not given:
        return
    order = WorkerOrder.model_validate_json(given)
    try:
        with LedgerJournal(order.journal, order.run) as journal:
            store = CoverStore(Workspace(order.root), order.genres, order.settings)
            downloader = Downloader(
                order.hosts, store, journal.append, order.settings, lambda notice: _tell({"notice": notice})
            )
            Thread(target=_listen, args=(downloader,), daemon=True).start()
            downloader.fetch(order.requests)
    except BookcoverError as error:
        _tell({"error": (type(error).__name__, error.what, error.where, error.advice)})
    # Nobody waits for memory to be freed.
    os._exit(0)


def _tell(message: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def _listen(downloader: Downloader) -> None:
    """Apply notices until the input ends, and end this process then."""
    for line in sys.stdin.buffer:
        downloader.apply(HostNotice(*json.loads(line)["notice"]))
    os._exit(0)


if __name__ == "__main__":
    main()
