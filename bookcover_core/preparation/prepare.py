"""The stage `prepare`: every selected cover decoded once, measured, and made square by every method (section 3.2).

Reads `curation/selection.csv`, shard by shard; writes `prepared/<method>/<genre>/<key>.jpg`, and for each shard
`prepared/index/shard-0001.csv` (the pictures) and `prepared/measurements/shard-0001.csv` (shape and mean colour).
A shard depends on its own books alone: replacing a book redoes its shard, and there only the cover of that book.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice

from bookcover_core.errors import FolderError, StageOrderError
from bookcover_core.listings.books import read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_csv, write_table
from bookcover_core.preparation.preparation_journal import PreparationJournal, PreparedCover
from bookcover_core.preparation.prepared_images import SelectedCover, prepare_batch
from bookcover_core.settings import PreparationSettings

INDEX = ("key", "method", "path", "bytes", "mtime_ns", "sha256")
MEASUREMENTS = ("key", "width", "height", "red", "green", "blue")

# Covers between two entries in the journal: about a tenth of a second's work of one process. Each process is at one
# batch and has another waiting: no more is lost when it is stopped, and all processes end at about the same time.
_BATCH = 16


def shards(study: Study) -> list[int]:
    """Numbers of the shards of the selection, from 1.

    Raises:
        StageOrderError: The books have not been curated.
    """
    study.manifest("curate")
    with _open_selection(study) as (_, rows):
        books = sum(1 for _ in rows)
    return list(range(1, -(-books // study.settings.preparation.shard_records) + 1))


def _inputs(study: Study, shard: int) -> Inputs:
    return Inputs(f"shard-{shard:04d}", given={"books": digest_of(_read_shard(study, shard))}, reads=["curate"])


@stage(
    "prepare",
    "Measure and prepare the covers",
    run_title="prepare shard {shard}",
    settings=("preparation",),
    inputs=_inputs,
    parts=lambda study: [(shard,) for shard in shards(study)],
    spreads=True,
)
def prepare_shard(study: Study, run: StageRun, shard: int) -> Result:
    """The manifest of the images of one shard, numbered from 1, their index, and the measurements.

    An interrupted run resumes: images made from the same covers with the same settings are kept.

    Raises:
        StageOrderError: The books have not been curated, or there is no such shard.
        FolderError: Covers are missing, altered or cannot be decoded; all others of the shard are prepared.
    """
    import pandas as pd  # noqa: PLC0415 - a command that reads no table starts without pandas

    books = _read_shard(study, shard)
    name, workspace, settings = run.part, study.workspace, study.settings.preparation
    folder = workspace.prepared
    journal = PreparationJournal(folder / "index" / f"{name}.jsonl", _made_with(settings, run.code))
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
    return Result(
        outputs=[measured],
        indexes=[index],
        counts={"covers": len(covers), "pictures": len(pictures), "covers kept": kept},
        digest=digest_of([[(key, method, picture.sha256) for key, method, picture in pictures], shapes]),
    )


def _read_shard(study: Study, shard: int) -> list[SelectedCover]:
    """The books of one shard, in the order of the selection."""
    study.manifest("curate")
    folders = {str(genre.label): genre.slug for genre in read_genres(study.workspace)}
    size = study.settings.preparation.shard_records
    with _open_selection(study) as (columns, rows):
        key, label, path, sha256 = (columns.index(name) for name in ("key", "label", "path", "sha256"))
        books = [
            SelectedCover(row[key], folders[row[label]], row[path], row[sha256])
            for row in islice(rows, max(0, shard - 1) * size, max(0, shard) * size)
        ]
    if not books:
        raise StageOrderError(
            f"there is no shard {shard} of {size} in the selection",
            where=study.workspace.selection,
            advice="Shards are numbered from 1; `bookcover run` prepares all of them.",
        )
    return books


@contextmanager
def _open_selection(study: Study) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The columns of the selection, and its rows one by one: every shard asks for its own, and holds no others."""
    with closing(read_csv(study.workspace.selection)) as rows:
        yield next(rows), rows


def _made_with(settings: PreparationSettings, code: str) -> str:
    """Digest of all that a prepared image depends on, its cover aside."""
    return digest_of([settings.model_dump(mode="json", exclude={"methods", "shard_records"}), code])


def _prepare(
    study: Study, books: Sequence[SelectedCover], journal: PreparationJournal, prepared: dict[str, PreparedCover]
) -> None:
    """Prepare `books`, and add them to `journal` and `prepared`."""
    root = study.workspace.root
    total = len(prepared) + len(books)
    batches = [books[start : start + _BATCH] for start in range(0, len(books), _BATCH)]
    faults: list[tuple[str, str]] = []
    study.progress(len(prepared), total)
    work = partial(prepare_batch, root=root, settings=study.settings.preparation)
    with closing(in_processes(work, batches)) as outcomes:
        for batch, outcome in zip(batches, outcomes, strict=True):
            covers = [cover for cover in outcome if isinstance(cover, PreparedCover)]
            faults += [(book.path, fault) for book, fault in zip(batch, outcome, strict=True) if isinstance(fault, str)]
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
