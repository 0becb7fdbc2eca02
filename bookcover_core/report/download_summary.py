"""Markdown on a downloaded chunk: outcomes by genre, failures, link rot, and a sample of covers (section 3.1)."""

from collections.abc import Iterable

import numpy as np

from bookcover_core.covers.chunks import chunks
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.listings.books import Book, read_books, read_genres
from bookcover_core.pipeline.study import Study
from bookcover_core.report.formats import plain_markdown
from bookcover_core.report.link_rot import is_local, outcome_table, read_outcomes, rot_table
from bookcover_core.report.table import markdown
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# What sets the random numbers of the sample apart from those of other purposes.
_SAMPLE = 81

# Covers in the sample, in a row of it, and their longest side in pixels.
SAMPLE = 48
_COLUMNS = 8
_SIDE = 120

# Bytes of the picture: a third more as Base64, within what a browser's page and Prefect's database take easily.
_MOST_BYTES = 260_000

# Records shown of each outcome that is not ok, and characters shown of an address.
_FEW = 5
_LONGEST_ADDRESS = 110


def outcomes_markdown(study: Study, chunk: int) -> str:
    """The outcomes of a chunk by genre, and the first of each but ok with address and reason; empty with no ledger."""
    part = _part(chunk)
    outcomes = read_outcomes(study, [part])
    if outcomes.empty:
        return ""
    parts = [f"### What became of {part}", markdown(outcome_table(outcomes, _genres(study)))]
    failures = _failures(read_rows(study.workspace.ledger / f"{part}.csv"))
    if failures:
        parts += ["### The first of those that are not ok", failures]
    return "\n\n".join(parts)


def link_rot_markdown(study: Study) -> str:
    """Link rot, or covers that are not usable, by genre over all chunks that are done; empty while none is."""
    wanted = chunks(study)
    done = [_part(chunk) for chunk in wanted if study.manifest_file(f"download/{_part(chunk)}").exists()]
    outcomes = read_outcomes(study, done)
    if outcomes.empty:
        return ""
    local = is_local(study)
    what = "Covers not usable" if local else "Link rot"
    heading = f"### {what} in {len(done)} of {len(wanted)} chunk{'' if len(wanted) == 1 else 's'}"
    table = rot_table(outcomes, _genres(study), study.settings.evaluation.confidence, local=local)
    return f"{heading}\n\n{markdown(table)}"


def sample_markdown(study: Study, chunk: int) -> str:
    """Some covers of a chunk in a picture, with genre and key, to be looked at by a person; empty without covers."""
    sample = sample_covers(study, chunk)
    if not sample:
        return ""
    sheet = contact_sheet(
        [CaptionedCover(study.workspace.root / row.path, (book.category, book.key)) for book, row in sample],
        columns=_COLUMNS,
        side=_SIDE,
    )
    said = f"{len(sample)} covers of {_part(chunk)}, drawn by chance. Does each show one cover, and of its genre?"
    return f"### {said}\n\n{sheet_markdown(said, sheet, _MOST_BYTES)}\n"


def sample_covers(study: Study, chunk: int) -> list[tuple[Book, LedgerRow]]:
    """Books with covers of a chunk, `SAMPLE` at most, by genre and key; a later cover changes the draw little."""
    covers = {
        row.key: row
        for row in read_rows(study.workspace.ledger / f"{_part(chunk)}.csv")
        if row.outcome == CoverOutcome.OK
    }
    books = sorted(read_books(study.workspace, chunk=chunk), key=lambda book: book.key)
    order = np.random.default_rng([study.settings.seed, _SAMPLE, chunk]).permutation(len(books))
    drawn = [books[place] for place in order if books[place].key in covers][:SAMPLE]
    labels = {genre.name: genre.label for genre in read_genres(study.workspace)}
    drawn.sort(key=lambda book: (labels.get(book.category, len(labels)), book.category, book.key))
    return [(book, covers[book.key]) for book in drawn]


def _part(chunk: int) -> str:
    return f"chunk-{chunk:04d}"


def _genres(study: Study) -> list[str]:
    return [genre.name for genre in read_genres(study.workspace)]


def _failures(rows: Iterable[LedgerRow]) -> str:
    """The first records of each outcome but ok, as lists, which a narrow page wraps; empty without any."""
    listed = list(rows)
    lines = []
    for outcome in CoverOutcome:
        found = [row for row in listed if row.outcome == outcome.value and outcome is not CoverOutcome.OK]
        if found:
            lines.append(f"\n**{outcome.value}**: {min(len(found), _FEW):,} of {len(found):,}\n")
        lines += [f"- {plain_markdown(row.key)}: {plain_markdown(row.detail)}{_address(row)}" for row in found[:_FEW]]
    return "\n".join(lines).strip()


def _address(row: LedgerRow) -> str:
    """An address as text: never a link, for a listing may name anything."""
    address = " ".join(row.address.replace("`", "'").split())
    shown = address if len(address) <= _LONGEST_ADDRESS else f"{address[:_LONGEST_ADDRESS]}…"
    return f" `{shown}`" if shown else ""
