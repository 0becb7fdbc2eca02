"""Which chunks of the listing a download works on: all of them, some by number, or the next that is not finished."""

import logging
import re

from bookcover_core.covers.chunks import check_chunks, chunks, is_open
from bookcover_core.covers.download import download_chunk
from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study

logger = logging.getLogger(__name__)


def choose_chunks(study: Study, wanted: str) -> list[int]:
    """Numbers of the chunks to work on, rising; empty where the next one is wanted and the listing is finished.

    `wanted` is "all" (those of the study), "next" (`next_chunk`), or numbers and ranges of them, such as "1, 3-5".

    Raises:
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
    """Numbers of chunks from a text such as "1, 3-5"; `SettingsError` where it is of another form."""
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


def next_chunk(study: Study) -> int | None:
    """The chunk to work on next; None when the listing is finished.

    That is the first that is unfinished, or was finished with other settings, code or listings; if there is none, the
    least recently run chunk with covers to request again (`is_open`), so that a few covers that fail night after night
    keep no later chunk from being fetched. The covers themselves are not looked at.
    """
    wanted = chunks(study)
    still_open: list[tuple[Manifest, int]] = []
    for chunk in wanted:
        manifest = download_chunk.at(study, chunk).earlier
        if manifest is None or not all(output.stands(study.workspace.root) for output in manifest.outputs):
            return chunk
        if is_open(manifest, study.settings.covers):
            still_open.append((manifest, chunk))
    return min(still_open, key=lambda each: each[0].finished)[1] if still_open else None
