"""The publisher's catalogue on disk: three listings in the real files' format, and the covers.

edition.json is what the covers were drawn from. Listings have seven quoted columns and no header, as
uchidalab/book-dataset has them; that of the pool has training and test books, and more.
"""

import csv
import io
import json
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from bookcover_core.demo_data.cover_painter import draw_cover
from bookcover_core.demo_data.publisher import PublishedBook, Publisher
from bookcover_core.errors import FolderError
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.workspace import write_bytes, write_json

logger = logging.getLogger(__name__)

_EDITION = "edition.json"

_WORTH_PROCESSES = 150  # fewer covers are drawn before another process would have started
_BATCH = 25


class Catalogue:
    """What the publisher published; `drawn` covers by this call, the others were there already."""

    def __init__(self, folder: Path, publisher: Publisher, drawn: int = 0) -> None:
        self.folder, self.seed, self.books, self.drawn = folder, publisher.seed, publisher.books, drawn
        self.train = folder / "listings" / "book30-listing-train.csv"
        self.test = folder / "listings" / "book30-listing-test.csv"
        self.pool = folder / "listings" / "book32-listing.csv"  # the listing that replacements come from
        self.covers = folder / "covers"  # the folder of covers, each under its FILENAME
        self.pictures = {book.path: self.covers / book.filename for book in self.books}
        """The covers by the raw paths of their addresses, as `ImageHost` wants them."""
        self.faults = {book.path: book.fault for book in self.books if book.fault is not None}
        """What is wrong with which picture, by the raw path of its address."""


def publish(folder: Path, **numbers: int) -> Catalogue:
    """The catalogue in `folder`: its listings written, its covers drawn where they are not there already.

    The same numbers, those of `Publisher`, give the same bytes. Covers are redrawn when what they depend on changed.
    `FolderError` where `folder` holds pictures of somebody else.
    """
    publisher = Publisher(**numbers)
    catalogue = Catalogue(folder, publisher)
    _begin_edition(catalogue, numbers)
    roles = {catalogue.train: ["train"], catalogue.test: ["test"], catalogue.pool: ["train", "test", "extra"]}
    for file, listed in roles.items():
        content = _listing(publisher.listing(*listed))
        if not file.exists() or file.read_bytes() != content:
            write_bytes(file, content)
    catalogue.drawn = _draw_missing(catalogue)
    return catalogue


def published(folder: Path) -> Catalogue | None:
    """The catalogue that this code published in `folder`; None where there is none. Nothing is drawn."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        edition = json.loads((folder / _EDITION).read_bytes())
        if edition["code"] == _code_digest():
            return Catalogue(folder, Publisher(**edition["numbers"]))
    return None


def _begin_edition(catalogue: Catalogue, numbers: dict[str, int]) -> None:
    """Remove the covers of another edition, and say which edition those to come are of."""
    file = catalogue.folder / _EDITION
    edition = {"numbers": numbers, "code": _code_digest(), "pillow": version("pillow")}
    earlier = None
    with suppress(OSError, ValueError):
        earlier = json.loads(file.read_bytes())
    if earlier == edition:
        return
    strangers = sorted(catalogue.covers.glob("*.jpg"))
    if strangers and earlier is None:
        what, advice = "the folder holds pictures that the demo has not drawn", "Give the demo a folder of its own."
        raise FolderError(what, where=catalogue.covers, advice=advice)
    for cover in strangers:
        cover.unlink()
    write_json(file, edition)


def _code_digest() -> str:
    """SHA-256 of the code that draws, and of the words that it prints."""
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in {".py", ".toml"})
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _listing(books: Sequence[PublishedBook]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        (each.asin, each.filename, each.url, each.listed_title, each.listed_author, each.category_id, each.category)
        for each in books
    )
    return lines.getvalue().encode("utf-8", "surrogateescape")


def _draw_missing(catalogue: Catalogue) -> int:
    """How many covers were not there and have been drawn."""
    by_key = {book.key: book for book in catalogue.books}
    there = {file.name for file in catalogue.covers.glob("*.jpg")}
    missing = [book for book in catalogue.books if book.filename not in there]
    orders = [(book.filename, by_key[book.twin] if book.twin else book) for book in missing]
    started = time.perf_counter()
    batches = [orders[start : start + _BATCH] for start in range(0, len(orders), _BATCH)]
    processes = 1 if len(orders) < _WORTH_PROCESSES else None
    draw = partial(_draw, catalogue.covers, catalogue.seed)
    with closing(in_processes(draw, batches, processes=processes)) as drawn:
        deque(drawn, 0)
    logger.info("drew %d covers in %.1f s", len(orders), time.perf_counter() - started)
    return len(orders)


def _draw(covers: Path, seed: int, orders: Sequence[tuple[str, PublishedBook]]) -> None:
    for filename, book in orders:
        content = draw_cover(seed, book.key, book.category, book.title, book.author, volumes=book.volumes)
        write_bytes(covers / filename, content)
