"""What became of the covers of a download: tables by genre, and Markdown on a chunk with a sample of it (section 3.1).

"Once all images were downloaded a sample few were manually checked": the contact sheet is that sample.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bookcover_core.covers.chunks import DRAWN, chunks
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.listings.books import POOL, Book, each_book, read_genres
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import plain_markdown
from bookcover_core.report.table import Table, markdown
from bookcover_core.settings import BookSource, CoverSource
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# Covers that are not to be had any more from the addresses of the listing. One that is too large is there.
ROTTEN = (
    CoverOutcome.MISSING,
    CoverOutcome.PLACEHOLDER,
    CoverOutcome.REFUSED,
    CoverOutcome.NOT_AN_IMAGE,
    CoverOutcome.TRUNCATED,
)

# Covers of which it is not known whether they are to be had.
UNKNOWN = (CoverOutcome.FAILED, CoverOutcome.AMBIGUOUS)


def is_local(study: Study) -> bool:
    """Whether covers come from a folder or archive, where no link can rot."""
    return study.settings.books.source is BookSource.FOLDER or study.settings.covers.source is not CoverSource.HTTP


def read_outcomes(study: Study, parts: Iterable[str]) -> pd.DataFrame:
    """What became of each record's cover in `parts` ("chunk-0001"): columns key, genre (its category), outcome."""
    tables = [
        read_table(file)[["key", "outcome"]].assign(chunk=part.removeprefix("chunk-").lstrip("0"))
        for part in parts
        if (file := study.workspace.ledger / f"{part}.csv").is_file()
    ]
    if not tables:
        return pd.DataFrame(columns=["key", "genre", "outcome"])
    books = read_table(study.workspace.books)[["key", "category", "chunk", "role"]].rename(
        columns={"category": "genre"}
    )
    if study.settings.draws_from_pool:
        books.loc[books["role"] == POOL, "chunk"] = DRAWN
    # By chunk, too: a ledger of an earlier way of cutting the listing has no record of today's chunk.
    return pd.concat(tables).merge(books, on=["key", "chunk"])[["key", "genre", "outcome"]]


def cover_table(findings: Findings) -> Table | None:
    """Covers by genre and outcome with link rot, over all chunks that the study was made from; None before any."""
    return outcome_table("covers", findings.study, [each.part for each in findings.manifests.get("download", [])])


def outcome_table(name: str, study: Study, parts: Iterable[str]) -> Table | None:
    """The table `covers`, `outcomes` or `link-rot`: the records of `parts` by genre; None while none of them is done.

    The genres of the study come first, in their order, then further categories by name, and at last all records.
    """
    outcomes = read_outcomes(study, parts)
    if outcomes.empty:
        return None
    counts = pd.crosstab(outcomes["genre"], outcomes["outcome"])
    genres = [genre.name for genre in read_genres(study.workspace) if genre.name in counts.index]
    counts = counts.loc[[*genres, *sorted({*counts.index} - {*genres})]]
    counts = pd.concat([counts, counts.sum().to_frame("All records").T])
    rows = [
        {
            "genre": str(genre),
            "records": sum(own.values()),
            "known": sum(own.values()) - sum(own.get(outcome.value, 0) for outcome in UNKNOWN),
            "gone": sum(own.get(outcome.value, 0) for outcome in ROTTEN),
            "counts": own,
        }
        for genre, own in counts.astype(int).to_dict("index").items()
    ]
    return Table.of(
        name,
        rows,
        foot=1,
        outcomes=[outcome.value for outcome in CoverOutcome if outcome.value in counts],
        local=is_local(study),
        confidence=study.settings.evaluation.confidence,
    )


# What sets the random numbers of the sample apart from those of other purposes.
_SAMPLE = 81

# Covers in the sample, in a row of it, and their longest side in pixels.
SAMPLE = 48
_COLUMNS, _SIDE = 8, 120

# Bytes of the picture: a third more as Base64, within what a browser's page and Prefect's database take easily.
_MOST_BYTES = 260_000

# Records shown of each outcome that is not ok, and characters shown of an address.
_FEW, _LONGEST_ADDRESS = 5, 110


def outcomes_markdown(study: Study, chunk: int) -> str:
    """The outcomes of a chunk by genre, and the first of each but ok with address and reason; empty with no ledger."""
    part = _part(chunk)
    table = outcome_table("outcomes", study, [part])
    if table is None:
        return ""
    parts = [f"### What became of {part}", markdown(table)]
    if failures := _failures(read_rows(study.workspace.ledger / f"{part}.csv")):
        parts += ["### The first of those that are not ok", failures]
    return "\n\n".join(parts)


def link_rot_markdown(study: Study) -> str:
    """Link rot, or covers that are not usable, by genre over all chunks that are done; empty while none is."""
    wanted = chunks(study)
    done = [_part(chunk) for chunk in wanted if study.manifest_file(f"download/{_part(chunk)}").exists()]
    table = outcome_table("link-rot", study, done)
    if table is None:
        return ""
    what = "Covers not usable" if is_local(study) else "Link rot"
    heading = f"### {what} in {len(done)} of {len(wanted)} chunk{'' if len(wanted) == 1 else 's'}"
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
    rows = read_rows(study.workspace.ledger / f"{_part(chunk)}.csv")
    covers = {row.key: row for row in rows if row.outcome == CoverOutcome.OK}
    books = sorted((book for book in each_book(study.workspace) if book.chunk == chunk), key=lambda book: book.key)
    order = np.random.default_rng([study.settings.seed, _SAMPLE, chunk]).permutation(len(books))
    drawn = [books[place] for place in order if books[place].key in covers][:SAMPLE]
    labels = {genre.name: genre.label for genre in read_genres(study.workspace)}
    drawn.sort(key=lambda book: (labels.get(book.category, len(labels)), book.category, book.key))
    return [(book, covers[book.key]) for book in drawn]


def _part(chunk: int) -> str:
    return f"chunk-{chunk:04d}"


def _failures(rows: Sequence[LedgerRow]) -> str:
    """The first records of each outcome but ok, as lists, which a narrow page wraps; empty without any."""
    lines = []
    for outcome in CoverOutcome:
        found = [row for row in rows if row.outcome == outcome.value and outcome is not CoverOutcome.OK]
        if found:
            lines.append(f"\n**{outcome.value}**: {min(len(found), _FEW):,} of {len(found):,}\n")
        lines += [f"- {plain_markdown(row.key)}: {plain_markdown(row.detail)}{_address(row)}" for row in found[:_FEW]]
    return "\n".join(lines).strip()


def _address(row: LedgerRow) -> str:
    """An address as text: never a link, for a listing may name anything."""
    address = " ".join(row.address.replace("`", "'").split())
    shown = address if len(address) <= _LONGEST_ADDRESS else f"{address[:_LONGEST_ADDRESS]}…"
    return f" `{shown}`" if shown else ""
