"""Perceptual fingerprints of covers, small enough to compare every cover with every other.

A fingerprint is a perceptual hash of 64 bits (pHash, by `imagehash`), which is robust to scaling, recompression and
another scanner, and the mean colours of a grid of 4 x 4. Of 3,876 real covers (7.5 million pairs) the 250 nearest pairs
were inspected: 45 show the same image. Within `near_duplicates.COLOUR_LIMIT` and 6 bits, the default, lie 28 of those
and 7 others, which are volumes of one series and genre; within 4 bits 18 and 4, within 10 bits 35 and 12. dHash, and
both hashes with 256 bits, separated these pairs no better.
"""

import logging
from collections.abc import Container, Iterable, Iterator
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bookcover_core.covers.chunks import chunks
from bookcover_core.covers.image_io import read_rgb, refuse_shortage
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.errors import FolderError
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, read_csv, write_csv

logger = logging.getLogger(__name__)

GRID = 4  # cells of the grid of colours, along each side
_BATCH = 500  # covers per batch of a worker process

LIBRARY = "imagehash"  # what computes the hashes; its version is an input of whatever holds them


class Fingerprint(NamedTuple):
    """One row of `curation/hashes/`: the fingerprint of one cover."""

    key: str
    path: str
    sha256: str
    hash: str  # pHash, 64 bits, in hexadecimal
    colours: str  # mean red, green and blue of each cell of the grid, row by row, in hexadecimal


def _inputs(_: Study, chunk: int) -> Inputs:
    part = f"chunk-{chunk:04d}"
    return Inputs(part, after=[f"download/{part}"], given={LIBRARY: version(LIBRARY)})


@stage(
    "hashes",
    "Hash the covers",
    step="curate",
    run_title="hash the covers of chunk {chunk}",
    inputs=_inputs,
    parts=lambda study: [(chunk,) for chunk in chunks(study)],
)
def hash_chunk(study: Study, run: StageRun, chunk: int) -> Result:
    """The manifest of `curation/hashes/chunk-<number>.csv`: the fingerprint of every cover of the chunk, sorted by key.

    Those known from an earlier run of the same code are reused; a file that several books share is decoded once.
    Raises `FolderError` where a cover is missing or cannot be decoded.
    """
    file = fingerprints_file(study.workspace, f"chunk-{chunk:04d}")
    rows = read_rows(study.workspace.ledger / f"{run.part}.csv")
    known = known_fingerprints(study, run, file)
    before = known.keys() | set()
    fingerprints = hash_covers(study, rows, known)
    write_csv(file, Fingerprint._fields, fingerprints)
    pictures = {fingerprint.sha256 for fingerprint in fingerprints}
    counts = {"covers": len(fingerprints), "pictures": len(pictures), "pictures known": len(pictures & before)}
    return Result(outputs=[file], counts=counts)


def hash_covers(study: Study, rows: Iterable[LedgerRow], known: dict[str, tuple[str, str]]) -> list[Fingerprint]:
    """The fingerprints of the covers of ledger rows, sorted by key; new ones join the `known`, by SHA-256."""
    usable = [row for row in rows if row.outcome == CoverOutcome.OK]
    new = {row.sha256: study.workspace.root / row.path for row in reversed(usable) if row.sha256 not in known}
    files, found = list(new.values()), list[tuple[str, str]]()
    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    with closing(in_processes(compute_fingerprints, batches)) as outcomes:
        for fingerprints in outcomes:
            found += fingerprints
            study.progress(len(found), len(files))
    known.update(zip(new, found, strict=True))
    return sorted(Fingerprint(row.key, row.path, row.sha256, *known[row.sha256]) for row in usable)


def fingerprints_file(workspace: Workspace, part: str) -> Path:
    """The table of fingerprints of a part of the download: "chunk-0001"."""
    return workspace.curation / "hashes" / f"{part}.csv"


def read_fingerprints(study: Study, parts: Iterable[str], books: Container[str]) -> list[Fingerprint]:
    """The fingerprints of the covers of these parts of the download, but for those of other `books`."""
    files = [fingerprints_file(study.workspace, part) for part in parts]
    return [each for file in files for each in _read(file) if each.key in books]


def _read(file: Path) -> Iterator[Fingerprint]:
    return map(Fingerprint._make, islice(read_csv(file), 1, None))


def compute_fingerprints(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Hash and colours of each cover, as in `Fingerprint`; `FolderError` where one is missing or cannot be decoded."""
    import imagehash  # noqa: PLC0415 - it imports SciPy, which takes long

    fingerprints = []
    for file in files:
        try:
            cover = read_rgb(file)
        except (OSError, ValueError) as error:
            refuse_shortage(error, file)
            what = f"the cover is not as it was downloaded ({error})"
            advice = "Run `download` again: it fetches what is missing or altered."
            raise FolderError(what, where=file, advice=advice) from error
        colours = cover.resize((GRID, GRID), Image.Resampling.BOX).tobytes().hex()
        fingerprints.append((str(imagehash.phash(cover)), colours))
    return fingerprints


def known_fingerprints(study: Study, run: StageRun, file: Path) -> dict[str, tuple[str, str]]:
    """Hash and colours by SHA-256, as an earlier run of the same code left them in `file`."""
    last, made_by = run.last, (run.code, run.inputs[LIBRARY])
    if not last or (last.code, last.inputs.get(LIBRARY)) != made_by or not last.stands(study.workspace.root):
        return {}
    return {fingerprint.sha256: (fingerprint.hash, fingerprint.colours) for fingerprint in _read(file)}
