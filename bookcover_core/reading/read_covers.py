"""The stage `read`: the words on every selected cover, shard by shard (`reading.text_reader`).

A cover is read once: what was read on a picture for whichever shard, before curation (`reading.cover_candidates`) or
after it, in whichever study of the home, with the same settings and by the same code, is taken over. A cover that
cannot be read has a row that says why, and stops no other.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cache, partial
from pathlib import Path

from loky import cpu_count
from PIL import Image

from bookcover_core.covers.image_io import read_rgb, refuse_shortage
from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import files_to_read, selected_covers, shards
from bookcover_core.preparation.prepared_images import SelectedCover
from bookcover_core.reading.cover_words import CoverWords, Word, read_label, read_words, words_file, write_words
from bookcover_core.reading.text_reader import check_reader, reader_version, text_reader
from bookcover_core.settings import ReadingSettings

logger = logging.getLogger(__name__)

BATCH = 16
"""Covers that a process is given at a time: some seconds of work, and lines enough to fill batches of one width."""

READING_SETTINGS = ("reading.side", "reading.enlarge", "reading.precision")
"""Settings that the words on a picture depend on."""

_READER = "reader"  # the input that tells by what code pictures are read

_TOLD_CHARACTERS = 200  # characters of an error that a row tells


def reading_inputs(covers: Sequence[SelectedCover]) -> dict[str, str]:
    """What the words on covers depend on beside the settings: the pictures, and the code that reads one."""
    return {"covers": digest_of([(cover.key, cover.sha256) for cover in covers]), _READER: _reader()}


@cache
def _reader() -> str:
    return digest_of(code_of(f"{__name__}:{read_batch.__name__}"))


def _inputs(study: Study, shard: int) -> Inputs:
    given = reading_inputs(selected_covers(study, shard))
    return Inputs(read_label(shard).partition("/")[2], given=given, reads=["curate"])


def _parts(study: Study) -> Iterator[tuple[int]]:
    if study.settings.reads_covers:
        yield from ((shard,) for shard in shards(study))


def files_of_words(study: Study) -> list[Path]:
    """What was read before, from which `read_all` takes over, and the manifests that say how."""
    earlier = study.manifests("read")
    words = [study.workspace.root / output.path for manifest in earlier for output in manifest.outputs]
    return [study.manifest_file(manifest.label) for manifest in earlier] + words


def _files_to_read(study: Study, shard: int) -> list[Path]:
    return files_of_words(study) + files_to_read(study, shard)


@stage(
    "read",
    "Read the words on the covers",
    step="prepare",
    run_title="read the covers of shard {shard}",
    settings=READING_SETTINGS,
    inputs=_inputs,
    parts=_parts,
    kept=True,
    apart=True,
    spreads=_files_to_read,
)
def read_shard(study: Study, run: StageRun, shard: int) -> Result:
    """The manifest of the words on the covers of one shard, numbered from 1.

    Raises:
        StageOrderError: The books have not been curated, or there is no such shard.
        SettingsError: The extra `text` is not installed, or the processor lacks `reading.precision`.
    """
    read, new = read_all(study, run, selected_covers(study, shard))
    faults = [each for each in read if each.error]
    for each in faults:
        logger.warning("%s: the cover of %s cannot be read: %s", run.label, each.key, each.error)
    file = words_file(study, shard)
    write_words(file, read)
    counts = {
        "covers": len(read),
        "read anew": new,
        "words": sum(len(each.words) for each in read),
        "without words": sum(not each.words for each in read) - len(faults),
        "not readable": len(faults),
        "reader": reader_version(),
    }
    return Result(outputs=[file], counts=counts)


def read_all(study: Study, run: StageRun, covers: Sequence[SelectedCover]) -> tuple[list[CoverWords], int]:
    """What is read on each of these covers, and on how many pictures nobody had read before in this way.

    Raises:
        SettingsError: The extra `text` is not installed, or the processor lacks `reading.precision`.
    """
    check_reader()
    rows = _earlier(study, run)
    new = [cover for cover in {cover.sha256: cover for cover in covers}.values() if cover.sha256 not in rows]
    study.progress(len(covers) - len(new), len(covers))
    batches = [new[start : start + BATCH] for start in range(0, len(new), BATCH)]
    processes = cpu_count()
    work = partial(
        read_batch,
        root=study.workspace.root,
        settings=study.settings.reading,
        threads=1 if len(batches) > 1 else processes,
    )
    with closing(in_processes(work, batches, processes=processes)) as outcomes:
        for outcome in outcomes:
            rows |= {each.sha256: each for each in outcome}
            study.progress(sum(cover.sha256 in rows for cover in covers), len(covers))
    return [rows[cover.sha256].model_copy(update={"key": cover.key}) for cover in covers], len(new)


def read_batch(
    covers: Sequence[SelectedCover], root: Path, settings: ReadingSettings, threads: int
) -> list[CoverWords]:
    """What is read on covers below `root`, by the reader of this process."""
    found: list[CoverWords] = []
    pictures: list[tuple[SelectedCover, Image.Image]] = []
    for cover in covers:
        file = root / cover.path
        try:
            pictures.append((cover, read_rgb(file)))
        except (OSError, ValueError) as error:
            refuse_shortage(error, file)
            found.append(_faulty(cover, error))
    return found + _read(pictures, settings, threads)


def _read(
    pictures: Sequence[tuple[SelectedCover, Image.Image]], settings: ReadingSettings, threads: int
) -> list[CoverWords]:
    """What is read on covers; where they cannot be read together, on each alone, so that one spoils no other."""
    reader = text_reader(settings, threads)
    try:
        words: list[tuple[Word, ...]] = reader.read([picture for _, picture in pictures])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - networks, OpenCV and geometry each have errors of their own
        if len(pictures) == 1:
            return [_faulty(pictures[0][0], error)]
        return [each for picture in pictures for each in _read([picture], settings, threads)]
    return [
        CoverWords(key=cover.key, sha256=cover.sha256, words=each)
        for (cover, _), each in zip(pictures, words, strict=True)
    ]


def _faulty(cover: SelectedCover, error: Exception) -> CoverWords:
    told = " ".join(str(error).split())[:_TOLD_CHARACTERS] or type(error).__name__
    return CoverWords(key=cover.key, sha256=cover.sha256, error=told)


def _earlier(study: Study, run: StageRun) -> dict[str, CoverWords]:
    """What was read before in the same way, by the digest of the picture: here, and in what the store has."""
    root, store = study.workspace.root, Store.beside(study)
    found: dict[str, CoverWords] = {}
    for manifest in (*study.manifests("read"), *store.results("read")):
        is_alike = (manifest.settings, manifest.inputs.get(_READER)) == (run.settings, run.inputs[_READER])
        for output in manifest.outputs if is_alike else ():
            file = root / output.path if output.stands(root) else store.object(output)
            with suppress(StageOrderError):
                found.update({row.sha256: row for row in read_words(file) if not row.error} if file else {})
    return found
