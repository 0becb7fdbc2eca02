"""The stage `read`: the words on every selected cover, shard by shard (`reading.text_reader`).

A cover is read once: what was read on a picture for whichever shard, before curation (`reading.cover_candidates`) or
after it, in whichever study of the home, with the same settings and by the same code, is taken over; of a shard
that was cut off, what had been read. A cover that cannot be read has a row that says why, and stops no other.
"""

import logging
from collections.abc import Sequence
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
from bookcover_core.reading.cover_words import CoverWords, Word, read_words, words_file, write_words
from bookcover_core.reading.text_reader import check_reader, reader_version, text_reader
from bookcover_core.settings import ReadingSettings

logger = logging.getLogger(__name__)

BATCH = 16  # covers given to a process at a time: some seconds of work, and lines enough to fill batches of one width

READING_SETTINGS = ("reading.side", "reading.enlarge", "reading.precision")  # what the words on a picture depend on

_READER = "reader"  # the input that tells by what code pictures are read
_TOLD_CHARACTERS = 200  # characters of an error that a row tells


def reading_inputs(part: str, covers: Sequence[SelectedCover], reads: str) -> Inputs:
    """What the words on covers depend on beside the settings: the pictures, and the code that reads one.

    `reads` is the stage whose outcome says which covers these are.
    """
    pictures = digest_of([(cover.key, cover.sha256) for cover in covers])
    return Inputs(part, given={"covers": pictures, _READER: _reader()}, reads=[reads])


@cache
def _reader() -> str:
    return digest_of(code_of(f"{__name__}:{read_batch.__name__}"))


def files_of_words(study: Study) -> list[Path]:
    """What was read before, from which `read_part` takes over, and the manifests that say how."""
    earlier = study.manifests("read")
    words = [study.workspace.root / output.path for manifest in earlier for output in manifest.outputs]
    return [study.manifest_file(manifest.label) for manifest in earlier] + words


@stage(
    "read",
    "Read the words on the covers",
    step="prepare",
    run_title="read the covers of shard {shard}",
    settings=READING_SETTINGS,
    inputs=lambda study, shard: reading_inputs(f"shard-{shard:04d}", selected_covers(study, shard), "curate"),
    parts=lambda study: [(shard,) for shard in shards(study)] if study.settings.reads_covers else [],
    kept=True,
    apart=True,
    spreads=lambda study, shard: files_of_words(study) + files_to_read(study, shard),
)
def read_shard(study: Study, run: StageRun, shard: int) -> Result:
    """The manifest of the words on the covers of one shard, numbered from 1.

    Raises `SettingsError` where the extra `text` is not installed, or the processor lacks `reading.precision`.
    """
    return read_part(study, run, selected_covers(study, shard))


def read_part(study: Study, run: StageRun, covers: Sequence[SelectedCover]) -> Result:
    """The result of a part that reads these covers: a file of words, a line each. Errors as of `read_shard`."""
    check_reader()
    file = words_file(study, run.part)
    begun = file.with_suffix(f".{digest_of([run.settings, run.inputs[_READER]])[:12]}.partial")
    rows = _earlier(study, run, begun)
    new = [cover for cover in {cover.sha256: cover for cover in covers}.values() if cover.sha256 not in rows]
    study.progress(len(covers) - len(new), len(covers))
    batches = [new[start : start + BATCH] for start in range(0, len(new), BATCH)]
    processes = cpu_count()
    threads = 1 if len(batches) > 1 else processes
    work = partial(read_batch, root=study.workspace.root, settings=study.settings.reading, threads=threads)
    with closing(in_processes(work, batches, processes=processes)) as outcomes:
        for outcome in outcomes:
            rows |= {each.sha256: each for each in outcome}
            write_words(begun, read := [rows[cover.sha256] for cover in covers if cover.sha256 in rows])
            study.progress(len(read), len(covers))
    read = [rows[cover.sha256].model_copy(update={"key": cover.key}) for cover in covers]
    faults = [each for each in read if each.error]
    for each in faults:
        logger.warning("%s: the cover of %s cannot be read: %s", run.label, each.key, each.error)
    write_words(file, read)
    for left in file.parent.glob(f"{file.stem}.*.partial"):  # of other settings too
        left.unlink()
    counts = {
        "covers": len(read),
        "read anew": len(new),
        "words": sum(len(each.words) for each in read),
        "without words": sum(not each.words for each in read) - len(faults),
        "not readable": len(faults),
        "reader": reader_version(),
    }
    return Result(outputs=[file], counts=counts)


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


def _earlier(study: Study, run: StageRun, begun: Path) -> dict[str, CoverWords]:
    """What was read before in the same way, by the digest of the picture: here, in the store, and in `begun`."""
    root, store, files = study.workspace.root, Store.beside(study), [begun]
    for manifest in (*study.manifests("read"), *store.results("read")):
        is_alike = (manifest.settings, manifest.inputs.get(_READER)) == (run.settings, run.inputs[_READER])
        outputs = manifest.outputs if is_alike else ()
        files += filter(None, (root / each.path if each.stands(root) else store.object(each) for each in outputs))
    found: dict[str, CoverWords] = {}
    for file in files:
        with suppress(StageOrderError):
            found.update({row.sha256: row for row in read_words(file) if not row.error})
    return found
