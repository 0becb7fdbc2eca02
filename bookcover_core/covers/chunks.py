"""Chunks of the listing: which exist, which are wanted, and which is next.

The dissertation's 207,572 records came in chunks of 20,000 "to be run over multiple sessions" (section 3.1). Which
records a chunk holds stands in `listings/books.csv`; whether it is done, in its manifest.
"""

import logging
import re
from collections.abc import Iterable, Mapping

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.local_sources import LocalImage, LocalSource, open_local_source
from bookcover_core.errors import SettingsError
from bookcover_core.listings.books import Book, read_books
from bookcover_core.pipeline.manifests import Manifest, digest_of
from bookcover_core.pipeline.study import StageRun, Study
from bookcover_core.settings import CoverSettings

logger = logging.getLogger(__name__)

# Outcomes that `covers.retry_missing` requests again: covers that their host does not have, or refuses.
DENIED = frozenset({CoverOutcome.MISSING.value, CoverOutcome.REFUSED.value})


def chunks(study: Study) -> list[int]:
    """Numbers of the chunks of the study, from 1: those that `books.chunks` names, or all.

    Raises:
        StageOrderError: The listings have not been read.
        SettingsError: `books.chunks` names one that there is not.
    """
    named = check_chunks(study, study.settings.books.chunks, where="books.chunks")
    return named or list(range(1, _last_chunk(study) + 1))


def choose_chunks(study: Study, wanted: str) -> list[int]:
    """Numbers of the chunks to work on, rising; empty where the next one is wanted and the listing is finished.

    Args:
        study: The study.
        wanted: Numbers and ranges of numbers, such as "1, 3-5"; "all": those of the study (`chunks`); "next": the one
            that `next_chunk` gives.

    Raises:
        StageOrderError: The listings have not been read.
        SettingsError: `wanted` is of another form, or there is no chunk of such a number.
    """
    if wanted.strip() == "all":
        return chunks(study)
    if wanted.strip() == "next":
        chunk = next_chunk(study)
        if chunk is None:
            logger.info("download: nothing is left to do, every chunk of the listing is finished")
        return [] if chunk is None else [chunk]
    return check_chunks(study, read_numbers(wanted))


def read_numbers(text: str) -> list[int]:
    """Numbers of chunks from a text such as "1, 3-5".

    Raises:
        SettingsError: It is of another form.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = (end.strip() for end in part.partition("-"))
        is_read = re.fullmatch(r"\d{1,6}", first) and re.fullmatch(r"\d{0,6}", last)
        named = range(int(first), int(last or first) + 1) if is_read else ()
        if not named:
            raise SettingsError(
                f"{text!r} names no chunks", where="chunks", advice='Write all, next, or numbers such as "1, 3-5".'
            )
        numbers += named
    return numbers


def check_chunks(study: Study, wanted: Iterable[int], *, where: str = "chunks") -> list[int]:
    """`wanted`, rising and each once.

    Args:
        study: The study.
        wanted: Numbers of chunks.
        where: The setting or argument that named them, for the message.

    Raises:
        StageOrderError: The listings have not been read.
        SettingsError: There is no chunk of such a number.
    """
    last = _last_chunk(study)
    numbers = sorted(set(wanted))
    for chunk in numbers:
        if not 1 <= chunk <= last:
            raise SettingsError(
                f"there is no chunk {chunk}: the listings give {last}", where=where, advice="Choose among those."
            )
    return numbers


def next_chunk(study: Study) -> int | None:
    """The chunk to work on next; None when the listing is finished.

    That is the first that is unfinished, or was finished with other settings, code or listings. If there is none, it
    is the least recently run chunk with covers to request again (`is_open`): a few covers that fail night after night
    never keep a later chunk from being fetched.

    Only the manifest and the state of the ledger are looked at, not the 20,000 covers: a lost cover is noticed when
    its chunk is run.

    Raises:
        StageOrderError: The listings have not been read.
        SettingsError: `books.chunks` names one that there is not.
        FolderError: The folder or archive of pictures cannot be used.
    """
    wanted = chunks(study)
    source = open_local_source(study.settings)
    books = read_books(study.workspace) if source is not None else []
    still_open: list[tuple[Manifest, int]] = []
    for chunk in wanted:
        items = None if source is None else find_local_images(source, (book for book in books if book.chunk == chunk))
        manifest = chunk_run(study, chunk, items).earlier
        if manifest is None or not all(output.stands(study.workspace.root) for output in manifest.outputs):
            return chunk
        if is_open(manifest, study.settings.covers):
            still_open.append((manifest, chunk))
    return min(still_open, key=lambda each: each[0].finished)[1] if still_open else None


def chunk_run(study: Study, chunk: int, items: Mapping[str, LocalImage | None] | None) -> StageRun:
    """The stage `download/chunk-<number>`, about to run.

    Args:
        study: The study.
        chunk: Number of the chunk, from 1.
        items: The local image of each book; None where covers are fetched from their hosts.

    Raises:
        StageOrderError: The listings have not been read.
    """
    given = None if items is None else {"pictures": digest_of(items)}
    return study.stage("download", f"chunk-{chunk:04d}", after=["listings"], given=given)


def find_local_images(source: LocalSource, books: Iterable[Book]) -> dict[str, LocalImage | None]:
    """The local image of each book, by key; None where there is none."""
    return {book.key: source.find(book) for book in books}


def is_open(manifest: Manifest, settings: CoverSettings) -> bool:
    """Whether a finished chunk has covers to request again."""
    retried = {CoverOutcome.FAILED.value, *(DENIED if settings.retry_missing else ())}
    return any(manifest.counts.get(outcome) for outcome in retried)


def _last_chunk(study: Study) -> int:
    return int(study.manifest("listings").counts["chunks"])
