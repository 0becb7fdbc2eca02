"""Chunks of the listing: which exist, and which are wanted.

Which records a chunk holds stands in `listings/books.csv`; whether it is done, in its manifest.
"""

from collections.abc import Iterable

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import SettingsError
from bookcover_core.listings.books import POOL
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import CoverSettings

DRAWN = "pool"  # the part of the download that holds the drawn books of a pool that is fetched as needed

# Outcomes that `covers.retry_missing` requests again: covers that their host does not have, or refuses.
DENIED = frozenset({CoverOutcome.MISSING.value, CoverOutcome.REFUSED.value})


def chunks(study: Study) -> list[int]:
    """Numbers of the chunks of the study, from 1: those that `books.chunks` names, or all.

    Where the pool is fetched as needed, chunks of its books alone do not count.
    """
    named = check_chunks(study, study.settings.books.chunks, where="books.chunks")
    return named or list(range(1, _last_chunk(study) + 1))


def ledger_parts(study: Study) -> list[str]:
    """Parts of the download, each with a ledger and fingerprints: "chunk-0001", ..., and `DRAWN` where that is one."""
    parts = [f"chunk-{chunk:04d}" for chunk in chunks(study)]
    return [*parts, DRAWN] if study.settings.draws_from_pool else parts


def check_chunks(study: Study, wanted: Iterable[int], *, where: str = "chunks") -> list[int]:
    """`wanted`, rising and each once; `where` is the setting or argument that named them.

    Raises `SettingsError` where there is no chunk of such a number.
    """
    last, numbers = _last_chunk(study), sorted(set(wanted))
    for chunk in numbers:
        if not 1 <= chunk <= last:
            what = f"there is no chunk {chunk}: the listings give {last}"
            raise SettingsError(what, where=where, advice="Choose among those.")
    return numbers


def is_open(manifest: Manifest, settings: CoverSettings) -> bool:
    """Whether a finished chunk has covers to request again."""
    retried = {CoverOutcome.FAILED.value, *(DENIED if settings.retry_missing else ())}
    return any(manifest.counts.get(outcome) for outcome in retried)


def _last_chunk(study: Study) -> int:
    counts = study.manifest("listings").counts
    if study.settings.draws_from_pool:  # its books are the last of the listings
        return -(-int(counts["records"] - counts.get(POOL, 0)) // study.settings.books.chunk_records)
    return int(counts.get("chunks", 0))
