"""Preparation: every selected cover, decoded once, measured, and made square in every wanted way (section 3.2).

Takes `curation/selection.csv`, shard by shard; gives `prepared/<method>/<genre>/<key>.jpg`, and for each shard
`prepared/index/shard-0001.csv` (the pictures) and `prepared/measurements/shard-0001.csv` (shape and mean colour).
A shard hangs on its own books alone: a book that is replaced redoes its shard, and there only its own cover.
"""

import hashlib
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

from PIL import Image

from bookcover_core.covers.pictures import read_rgb
from bookcover_core.errors import FolderError, StageOrderError
from bookcover_core.listing.books import read_genres
from bookcover_core.manifests import Manifest, Output, digest_of
from bookcover_core.preparation.journal import Journal, PreparedCover
from bookcover_core.preparation.measurements import measure
from bookcover_core.preparation.squares import make_square
from bookcover_core.settings import PreparationSettings
from bookcover_core.study import Study
from bookcover_core.workspace import read_table, safe_name, write_bytes, write_table

INDEX = ("key", "method", "path", "bytes", "mtime_ns", "sha256")
MEASUREMENTS = ("key", "width", "height", "red", "green", "blue")

# Covers between two entries in the journal: about a quarter of a second's work, and no more is lost when it is stopped.
_BATCH = 64

# Pillow lets go of the interpreter's lock while it decodes, scales and encodes: on 2 cores, 2 threads do 1.4 to 1.5
# times as much as one (benchmarks/preparation.py). Threads beyond the cores gain nothing.
_THREADS = min(8, os.cpu_count() or 1)

_SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


@dataclass(frozen=True, slots=True)
class _Book:
    """One selected book, as far as preparation hangs on it."""

    key: str
    folder: str
    """Slug of its genre."""
    path: str
    """Its cover, relative to the study's folder."""
    sha256: str


def shards(study: Study) -> list[int]:
    """Numbers of the shards of the selection, from 1.

    Raises:
        StageOrderError: The books have not been curated.
    """
    study.manifest("curate")
    books = len(read_table(study.workspace.selection))
    return list(range(1, -(-books // study.settings.preparation.shard_records) + 1))


def prepare_shard(study: Study, shard: int) -> Manifest:
    """The manifest of one shard's pictures, their index, and the measurements.

    A run that was stopped goes on where it was; pictures that are there, made from the same covers with the same
    settings, are kept.

    Args:
        study: The study.
        shard: Number of the shard, from 1.

    Raises:
        StageOrderError: The books have not been curated, or there is no such shard.
        FolderError: Covers are missing, altered or cannot be decoded; all others of the shard are prepared.
    """
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    books = _read_shard(study, shard)
    name = f"shard-{shard:04d}"
    run = study.stage("prepare", name, given={"books": digest_of([astuple(book) for book in books])})
    if run.done:
        return run.done
    workspace, settings = study.workspace, study.settings.preparation
    folder = workspace.prepared
    journal = Journal(folder / "index" / f"{name}.jsonl", _made_with(settings, run.code))
    known = journal.read()
    prepared = {
        book.key: known[book.key]
        for book in books
        if book.key in known and known[book.key].stands(workspace.root, book.sha256, settings.methods)
    }
    kept = len(prepared)
    journal.start(prepared.values())
    _prepare(study, [book for book in books if book.key not in prepared], journal, prepared)

    covers = [prepared[book.key] for book in books]
    index = folder / "index" / f"{name}.csv"
    pictures = [(cover.key, method, cover.pictures[method]) for cover in covers for method in settings.methods]
    rows = [
        (key, method, picture.path, picture.bytes, picture.mtime_ns, picture.sha256)
        for key, method, picture in pictures
    ]
    write_table(index, pd.DataFrame(rows, columns=list(INDEX)))
    measured = folder / "measurements" / f"{name}.csv"
    shapes = [(cover.key, *cover.measurements) for cover in covers]
    write_table(measured, pd.DataFrame(shapes, columns=list(MEASUREMENTS)))
    return run.finish(
        outputs=[measured],
        indexes=[index],
        counts={"covers": len(covers), "pictures": len(pictures), "covers kept": kept},
        digest=digest_of([[(key, method, picture.sha256) for key, method, picture in pictures], shapes]),
    )


def _read_shard(study: Study, shard: int) -> list[_Book]:
    """The books of one shard, in the order of the selection.

    Raises:
        StageOrderError: The books have not been curated, or there is no such shard.
    """
    study.manifest("curate")
    folders = {str(genre.label): genre.slug for genre in read_genres(study.workspace)}
    selection = read_table(study.workspace.selection)
    size = study.settings.preparation.shard_records
    rows = selection[(shard - 1) * size : shard * size]
    if rows.empty:
        raise StageOrderError(
            f"there is no shard {shard} of {size} among {len(selection)} books",
            where=study.workspace.selection,
            advice="Shards are numbered from 1; `bookcover run` prepares all of them.",
        )
    return [
        _Book(key, folders[label], path, sha256)
        for key, label, path, sha256 in zip(rows["key"], rows["label"], rows["path"], rows["sha256"], strict=True)
    ]


def _made_with(settings: PreparationSettings, code: str) -> str:
    """What stands for all that one picture hangs on, but for its cover."""
    return digest_of([settings.model_dump(mode="json", exclude={"methods", "shard_records"}), code])


def _prepare(study: Study, books: Sequence[_Book], journal: Journal, prepared: dict[str, PreparedCover]) -> None:
    """Prepare `books`, and add them to `journal` and `prepared`.

    Raises:
        FolderError: Covers are missing, altered or cannot be decoded.
    """
    root, settings = study.workspace.root, study.settings.preparation
    total = len(prepared) + len(books)
    faults: list[tuple[str, str]] = []
    study.progress(len(prepared), total)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="prepare") as threads:
        for start in range(0, len(books), _BATCH):
            batch = books[start : start + _BATCH]
            outcomes = list(threads.map(lambda book: _prepare_cover(book, root, settings), batch))
            covers = [outcome for outcome in outcomes if isinstance(outcome, PreparedCover)]
            faults += [
                (book.path, fault) for book, fault in zip(batch, outcomes, strict=True) if isinstance(fault, str)
            ]
            journal.append(covers)
            prepared.update({cover.key: cover for cover in covers})
            study.progress(len(prepared), total)
    if faults:
        path, fault = faults[0]
        others = f", and so are {len(faults) - 1} others" if len(faults) > 1 else ""
        raise FolderError(
            f"the cover is not as it was downloaded ({fault}){others}",
            where=root / path,
            advice="Run `download` again: it fetches what is missing or altered. The other covers are prepared.",
        )


def _prepare_cover(book: _Book, root: Path, settings: PreparationSettings) -> PreparedCover | str:
    """One cover's measurements and pictures, which are written; or what is wrong with the cover."""
    try:
        content = (root / book.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != book.sha256:
            return "its content is another"
        cover = read_rgb(content)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    pictures = {}
    for method in settings.methods:
        file = root / "prepared" / method / book.folder / f"{safe_name(book.key)}{_SUFFIXES[settings.image_format]}"
        content = _encode(make_square(cover, method, settings.size, settings.interpolation), settings)
        write_bytes(file, content)
        status = file.stat()
        pictures[str(method)] = Output(
            path=file.relative_to(root).as_posix(),
            bytes=len(content),
            mtime_ns=status.st_mtime_ns,
            sha256=hashlib.sha256(content).hexdigest(),
        )
    return PreparedCover(key=book.key, cover=book.sha256, measurements=measure(cover), pictures=pictures)


def _encode(square: Image.Image, settings: PreparationSettings) -> bytes:
    """The bytes of a prepared picture: JPEG with full colour resolution (4:4:4), or PNG."""
    file = io.BytesIO()
    if settings.image_format == "jpeg":
        square.save(file, "JPEG", quality=settings.jpeg_quality, subsampling="4:4:4")
    else:
        square.save(file, "PNG")
    return file.getvalue()
