"""Box-set candidates by their covers (`curation.read_box_sets`): "volumes 1-3" on a cover whose title says nothing.

`read-listed` reads the covers of the published books, shard by shard, before anybody curates them; `cover-candidates`
searches what was read. The books of a pool are not read: a cover takes a core a quarter of a second, and of Book32's
150,572 some 600 replace another book. So a box set may come in for another book where nothing but its cover tells.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from bookcover_core.covers.chunks import DRAWN, ledger_parts
from bookcover_core.covers.ledger import CoverOutcome, read_rows
from bookcover_core.curation.box_set_candidates import (
    COLUMNS,
    COVER_CANDIDATES,
    candidate_files,
    candidate_rows,
    compile_read_term,
)
from bookcover_core.listings.books import POOL, each_book, read_eligible_books
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, file_stamp, read_table, write_csv
from bookcover_core.preparation.prepare import by_shard
from bookcover_core.preparation.prepared_images import SelectedCover
from bookcover_core.reading.cover_words import joined, read_words, words_file
from bookcover_core.reading.read_covers import READING_SETTINGS, files_of_words, read_part, reading_inputs

_AROUND = 40  # characters of what was read that are shown before and after a term


def listed_covers(study: Study) -> dict[int, list[SelectedCover]]:
    """The usable covers of the published books, by the shard in which they are read; they must be downloaded."""
    parts = [part for part in ledger_parts(study) if part != DRAWN]
    for part in parts:
        study.manifest(f"download/{part}")
    ledgers = tuple(study.workspace.ledger / f"{part}.csv" for part in parts)
    stamps = tuple(map(file_stamp, (study.workspace.books, study.workspace.genres, *ledgers)))
    return _listed_covers(study.workspace, study.settings.preparation.shard_records, ledgers, stamps)


@lru_cache(maxsize=2)
def _listed_covers(
    workspace: Workspace, most: int, ledgers: tuple[Path, ...], _stamps: tuple[tuple[int, ...], ...]
) -> dict[int, list[SelectedCover]]:
    genres = set(read_table(workspace.genres, ("category_id",))["category_id"])
    listed = {book.key for book in each_book(workspace) if book.role != POOL and book.category_id in genres}
    covers = {
        row.key: SelectedCover(row.key, "", row.path, row.sha256)
        for file in ledgers
        for row in read_rows(file)
        if row.key in listed and row.outcome == CoverOutcome.OK
    }
    return {number: [covers[key] for key in keys] for number, keys in by_shard(sorted(covers), most).items()}


def _part(shard: int) -> str:
    return f"listed-{shard:04d}"


def _files_to_read(study: Study, shard: int) -> list[Path]:
    parts, workspace = ledger_parts(study), study.workspace
    ledgers = [workspace.ledger / f"{part}.csv" for part in parts]
    ledgers += [study.manifest_file(f"download/{part}") for part in parts]
    covers = [workspace.root / cover.path for cover in listed_covers(study)[shard]]
    return [workspace.books, workspace.genres, *ledgers, *covers, *files_of_words(study)]


@stage(
    "read-listed",
    "Read covers for box sets",
    label="read",
    step="curate",
    run_title="read the published covers of shard {shard}",
    settings=READING_SETTINGS,
    inputs=lambda study, shard: reading_inputs(_part(shard), listed_covers(study).get(shard, ()), "listings"),
    parts=lambda study: [(shard,) for shard in listed_covers(study)] if study.settings.curation.read_box_sets else [],
    kept=True,
    apart=True,
    spreads=_files_to_read,
)
def read_listed(study: Study, run: StageRun, shard: int) -> Result:
    """The manifest of the words on the covers of one shard of the published books; see `read_shard`."""
    return read_part(study, run, listed_covers(study)[shard])


def _inputs(study: Study) -> Inputs:
    return Inputs(after=["candidates", *(f"read/{_part(shard)}" for shard in listed_covers(study))])


@stage(
    COVER_CANDIDATES,
    "Find box sets by cover",
    step="curate",
    settings=("curation.cover_terms", "reading.min_confidence"),
    inputs=_inputs,
    parts=lambda study: [()] if study.settings.curation.read_box_sets else [],
)
def find_cover_candidates(study: Study, _: StageRun) -> Result:
    """The manifest of `curation/cover_candidates.csv`: published books that may be box sets by what their covers say.

    A row for each, sorted by key, as in `candidates.csv`, whose books are not in it: the first of
    `curation.cover_terms` that was read on the cover and that the title has not; and, in the column `read`, what stands
    there.
    """
    known = candidate_rows([candidate_files(study)["candidates"]])
    terms = [(term, compile_read_term(term)) for term in study.settings.curation.cover_terms if term.strip()]
    covers = [cover for shard in listed_covers(study) for cover in read_words(words_file(study, _part(shard)))]
    texts = {cover.key: joined(cover.words, study.settings.reading.min_confidence) for cover in covers}
    rows = [
        (book.key, book.filename, book.title, book.genre, *found)
        for book in read_eligible_books(study)
        if book.key in texts and book.key not in known and (found := first_read(texts[book.key], book.title, terms))
    ]
    file = candidate_files(study)[COVER_CANDIDATES]
    write_csv(file, (*COLUMNS, "read"), rows)
    unread = sum(bool(cover.error) for cover in covers)
    counts = {"covers": len(texts), "candidates": len(rows), "not readable": unread}
    return Result(outputs=[file], counts=counts)


def first_read(text: str, title: str, terms: Sequence[tuple[str, re.Pattern[str]]]) -> tuple[str, str] | None:
    """The first of `terms` that was read and is not in the title, with what was read around it; None: there is none."""
    for term, pattern in terms:
        match = pattern.search(text)
        if match and not pattern.search(title):
            start, end = max(0, match.start() - _AROUND), match.end() + _AROUND
            return term, f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
    return None
