"""Looks: what a cover looks like, in few enough bytes to compare every cover with every other.

Stands between the download and the twins. The look of a cover is a perceptual hash of 64 bits (pHash: the signs of its
low frequencies, by `imagehash`), which scaling, recompression and another scanner hardly change, and its mean colours
in a grid of 4 x 4. Why both, and where the limits lie, was measured on 3,876 real covers, other shops' scans among them
(7.5 million pairs), looking at each of the 250 nearest pairs; 45 of them show one picture. Within so many bits, and
within the limit of colours (`neighbours.COLOUR_LIMIT`), there are

    bits    pairs of one picture    of the 45    other pairs    of a million
       0                       4          9 %              0             0.0
       2                      11         24 %              1             0.1
       4                      18         40 %              4             0.5
       6                      28         62 %              7             0.9
       8                      33         73 %             10             1.3
      10                      35         78 %             12             1.6
      12                      37         82 %             20             2.7

The other pairs up to 8 bits are volumes of one series, each of one genre; five of them are exam papers that differ in a
digit. The default is 6: beyond it a pair of a series comes in for every one or two of one picture.
Without the colours, ten more pairs within 6 bits would pass for twins, three of them under different genres ("Don'ts
for Husbands", blue, and "Don'ts for Wives", red): a hash knows no colour, and one cover that is nearly blank looks to
it like another. dHash of 64 bits, and both hashes with 256 bits, parted the same pairs no better.
"""

import csv
import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bookcover_core.covers.image_io import read_rgb
from bookcover_core.covers.ledger import Outcome, read_rows
from bookcover_core.errors import FolderError
from bookcover_core.pipeline.manifests import Manifest, read_manifest
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.study import StageRun, Study
from bookcover_core.pipeline.workspace import Workspace, atomic

logger = logging.getLogger(__name__)

# Cells of the grid of colours, along each side.
GRID = 4

# Covers that a process looks at before it hands over what it found.
_BATCH = 500

_LIBRARY = "imagehash"


class Look(NamedTuple):
    """One row of `curation/hashes/`: the look of one book's cover."""

    key: str
    path: str
    """The cover, relative to the study's folder."""
    sha256: str
    hash: str
    """pHash, 64 bits, in hexadecimal."""
    colours: str
    """Mean red, green and blue of each cell of the grid, row by row, in hexadecimal."""


def hash_chunk(study: Study, chunk: int) -> Manifest:
    """The manifest of `curation/hashes/chunk-<number>.csv`: the look of every cover of the chunk, sorted by key.

    A cover whose look is known from an earlier run of the same code is not looked at again; of several books with one
    file, one is looked at.

    Raises:
        StageOrderError: The chunk has not been downloaded.
        FolderError: A cover is missing or cannot be decoded.
        WorkerError: A process was killed.
    """
    part = f"chunk-{chunk:04d}"
    run = study.stage("hashes", part, after=[f"download/{part}"], given={_LIBRARY: version(_LIBRARY)})
    if run.done:
        return run.done
    file = looks_file(study.workspace, chunk)
    rows = [row for row in read_rows(study.workspace.ledger / f"{part}.csv") if row.outcome == Outcome.OK]
    known = _known_looks(study, run, file)
    kept = len(known.keys() & {row.sha256 for row in rows})
    files = {row.sha256: row.path for row in reversed(rows) if row.sha256 not in known}
    known.update(_look_at(study, files))
    looks = sorted(Look(row.key, row.path, row.sha256, *known[row.sha256]) for row in rows)
    _write_looks(file, looks)
    counts = {"covers": len(looks), "pictures": kept + len(files), "pictures known": kept}
    return run.finish(outputs=[file], counts=counts)


def looks_file(workspace: Workspace, chunk: int) -> Path:
    """Where the looks of a chunk's covers lie."""
    return workspace.curation / "hashes" / f"chunk-{chunk:04d}.csv"


def read_looks(file: Path) -> list[Look]:
    """The looks of a chunk's covers."""
    with file.open(encoding="utf-8", newline="") as lines:
        table = csv.reader(lines)
        next(table)
        return [Look._make(row) for row in table]


def look_at(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Hash and colours of each cover, as in `Look`.

    Raises:
        FolderError: One is missing or cannot be decoded.
    """
    import imagehash  # noqa: PLC0415 - it brings SciPy, which nobody waits for who hashes nothing

    looks = []
    for file in files:
        try:
            cover = read_rgb(file)
        except (OSError, ValueError) as error:
            raise FolderError(
                f"the cover is not as it was downloaded ({error})",
                where=file,
                advice="Run `download` again: it fetches what is missing or altered.",
            ) from error
        colours = cover.resize((GRID, GRID), Image.Resampling.BOX).tobytes().hex()
        looks.append((str(imagehash.phash(cover)), colours))
    return looks


def _look_at(study: Study, files: dict[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """SHA-256 and look of each cover, given by SHA-256 and path."""
    root = study.workspace.root
    names = iter(files.values())
    batches = iter(lambda: [root / name for name in islice(names, _BATCH)], [])
    digests = iter(files)
    done = 0
    with closing(in_processes(look_at, batches)) as outcomes:
        for looks in outcomes:
            yield from zip(islice(digests, len(looks)), looks, strict=True)
            done += len(looks)
            study.progress(done, len(files))


def _known_looks(study: Study, run: StageRun, file: Path) -> dict[str, tuple[str, str]]:
    """Hash and colours by SHA-256, as an earlier run of the same code left them in `file`."""
    earlier = read_manifest(study.manifest_file(run.label))
    if (
        earlier is None
        or (earlier.code, earlier.inputs.get(_LIBRARY)) != (run.code, run.inputs[_LIBRARY])
        or not earlier.stands(study.workspace.root)
    ):
        return {}
    return {look.sha256: (look.hash, look.colours) for look in read_looks(file)}


def _write_looks(file: Path, looks: Iterable[Look]) -> None:
    with atomic(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, lineterminator="\n")
        table.writerow(Look._fields)
        table.writerows(looks)
