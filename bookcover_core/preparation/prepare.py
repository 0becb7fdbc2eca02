"""The stage `prepare`: every selected cover decoded once, measured, and made square by every method (section 3.2).

Writes `prepared/<method>/<genre>/<key>.jpg`, and for each shard `prepared/index/` (the pictures) and
`prepared/measurements/` (shape and mean colour). A book's key alone decides which shard it belongs to: a book that
comes or goes changes no other.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path

from bookcover_core.errors import FolderError, StageOrderError
from bookcover_core.listings.books import read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import Output, digest_of
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.store import Store
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import file_stamp, read_csv, write_csv
from bookcover_core.preparation.cover_measurements import Measurements
from bookcover_core.preparation.prepared_images import PreparedCover, SelectedCover, prepare_batch

INDEX = ("key", "method", *Output.model_fields)
MEASUREMENTS = ("key", *Measurements._fields)
_BATCH = 16  # covers that a process is given at a time: about a tenth of a second of work


def shards(study: Study) -> list[int]:
    """Numbers of the shards of the selection, from 1, without those that no book falls in."""
    study.manifest("curate")
    return list(shard_keys(study))


def shard_keys(study: Study) -> dict[int, list[str]]:
    """Keys of the books of every shard of the selection, in its order, by the shard's number.

    Raises `StageOrderError` where the books have not been curated.
    """
    file = study.workspace.selection
    if not file.is_file():
        study.manifest("curate")
    return _shard_keys(file, file_stamp(file), study.settings.preparation.shard_records)


@lru_cache(maxsize=4)
def _shard_keys(file: Path, _stamp: tuple[int, ...], most: int) -> dict[int, list[str]]:
    columns, *rows = read_csv(file)
    return by_shard([row[columns.index("key")] for row in rows], most)


def by_shard(keys: Collection[str], most: int) -> dict[int, list[str]]:
    """Keys of books by the number of their shard, from 1, which the key alone decides; some `most` in each.

    There is a power of two of shards, so that a selection that outgrows them parts each in two.
    """
    count = 1
    while count * most < len(keys):
        count *= 2
    found: defaultdict[int, list[str]] = defaultdict(list)
    for key in keys:
        found[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % count + 1].append(key)
    return dict(sorted(found.items()))


def _inputs(study: Study, shard: int) -> Inputs:
    books = selected_covers(study, shard)
    return Inputs(
        f"shard-{shard:04d}", given={"books": digest_of(books)}, reads=["curate"], sizes={"books": len(books)}
    )


def files_to_read(study: Study, shard: int) -> list[Path]:
    """The covers of a shard, and the files that they are found by."""
    covers = [study.workspace.root / cover.path for cover in selected_covers(study, shard)]
    return [study.workspace.genres, study.workspace.selection, *covers]


@stage(
    "prepare",
    "Measure and prepare the covers",
    run_title="prepare shard {shard}",
    settings=("preparation",),
    inputs=_inputs,
    parts=lambda study: [(shard,) for shard in shards(study)],
    spreads=files_to_read,
)
def prepare_shard(study: Study, run: StageRun, shard: int) -> Result:
    """The manifest of the images of one shard, numbered from 1, their index, and the measurements.

    Pictures that were made of the same covers with the same settings, by whichever study, come from the store. Raises
    `FolderError` where covers are missing, altered or cannot be decoded: all others of the shard are prepared.
    """
    books, settings = selected_covers(study, shard), study.settings.preparation
    # All that a prepared image depends on, its cover aside.
    made_with = digest_of([settings.model_dump(mode="json", exclude={"methods", "shard_records"}), run.code])
    prepared = _prepare(study, books, made_with)
    covers = [prepared[book.key] for book in books]
    pictures = [(cover.key, method, cover.pictures[method]) for cover in covers for method in settings.methods]
    index, measured = (study.workspace.prepared / name / f"{run.part}.csv" for name in ("index", "measurements"))
    write_csv(index, INDEX, ((key, method, *picture.model_dump().values()) for key, method, picture in pictures))
    shapes = [(cover.key, *cover.measurements) for cover in covers]
    write_csv(measured, MEASUREMENTS, shapes)
    kept = sum(cover.from_store for cover in covers)
    return Result(
        outputs=[measured],
        indexes=[index],
        counts={"covers": len(covers), "pictures": len(pictures), "covers kept": kept},
        digest=digest_of([[(key, method, picture.sha256) for key, method, picture in pictures], shapes]),
    )


def selected_covers(study: Study, shard: int) -> list[SelectedCover]:
    """The covers of one shard of the selection, in its order; `StageOrderError` where there is no such shard."""
    study.manifest("curate")
    keys = set(shard_keys(study).get(shard, ()))
    folders = {str(genre.label): genre.slug for genre in read_genres(study.workspace)}
    columns, *rows = read_csv(study.workspace.selection)
    key, label, path, sha256 = (columns.index(name) for name in ("key", "label", "path", "sha256"))
    books = [SelectedCover(row[key], folders[row[label]], row[path], row[sha256]) for row in rows if row[key] in keys]
    if not books:
        what, advice = f"there is no shard {shard} in the selection", "`bookcover run` prepares all that there are."
        raise StageOrderError(what, where=study.workspace.selection, advice=advice)
    return books


def _prepare(study: Study, books: Sequence[SelectedCover], made_with: str) -> dict[str, PreparedCover]:
    root, settings, store = study.workspace.root, study.settings.preparation, Store.beside(study)
    batches = [books[start : start + _BATCH] for start in range(0, len(books), _BATCH)]
    prepared: dict[str, PreparedCover] = {}
    faults: list[tuple[str, str]] = []
    study.progress(0, len(books))
    work = partial(prepare_batch, root=root, settings=settings, store=store, made_with=made_with)
    with closing(in_processes(work, batches)) as outcomes:
        for batch, outcome in zip(batches, outcomes, strict=True):
            faults += [(book.path, fault) for book, fault in zip(batch, outcome, strict=True) if isinstance(fault, str)]
            prepared.update({cover.key: cover for cover in outcome if isinstance(cover, PreparedCover)})
            study.progress(len(prepared), len(books))
    if faults:
        path, fault = faults[0]
        others = f", and so are {len(faults) - 1} others" if len(faults) > 1 else ""
        advice = "Run `download` again: it fetches what is missing or altered. The other covers are prepared."
        raise FolderError(f"the cover is not as it was downloaded ({fault}){others}", where=root / path, advice=advice)
    return prepared
