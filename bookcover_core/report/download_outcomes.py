"""What became of the covers of a download: tables by genre, and Markdown on a chunk with a sample of it (section 3.1).

"Once all images were downloaded a sample few were manually checked": the contact sheet is that sample.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bookcover_core.covers.chunks import DRAWN, chunks
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow, read_rows
from bookcover_core.evaluation.intervals import share
from bookcover_core.listings.books import POOL, Book, each_book, read_genres
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import capitalised, plain_markdown
from bookcover_core.report.table import Column, Table, estimates, integers, markdown
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

_GENRE, _RECORDS = Column("Genre", "genre"), integers("Records", "records")


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
    outcomes = read_outcomes(findings.study, [manifest.part for manifest in findings.manifests.get("download", [])])
    if outcomes.empty:
        return None
    local, confidence = is_local(findings.study), findings.confidence
    return Table.of(
        "covers",
        [_GENRE, _RECORDS, _rot(confidence, local=local), *_by_outcome(outcomes)],
        _by_genre(outcomes, [genre.name for genre in findings.genres]),
        foot=1,
        local=local,
        confidence=confidence,
    )


def outcome_table(outcomes: pd.DataFrame, genres: Sequence[str]) -> Table:
    """A row for each of `genres`, then for further categories by name, with its records by outcome, and one for all."""
    return Table.of("outcomes", [_GENRE, _RECORDS, *_by_outcome(outcomes)], _by_genre(outcomes, genres), foot=1)


def rot_table(outcomes: pd.DataFrame, genres: Sequence[str], confidence: float, *, local: bool = False) -> Table:
    """A row for each genre with its share of covers that are gone and its interval; `genres` as for `outcome_table`."""
    return Table.of(
        "link-rot",
        [
            _GENRE,
            integers("Records", "known"),
            integers("Not usable" if local else "Gone", "gone"),
            _rot(confidence, local=local),
        ],
        _by_genre(outcomes, genres),
        foot=1,
        local=local,
        confidence=confidence,
    )


def _rot(confidence: float, *, local: bool) -> Column:
    title = f"{'Not usable' if local else 'Link rot'},\N{NO-BREAK SPACE}%"
    return estimates(title, lambda row: share(row["gone"], row["known"], confidence), "link rot")


def _by_outcome(outcomes: pd.DataFrame) -> list[Column]:
    """A column for each outcome that occurs."""
    found = [outcome.value for outcome in CoverOutcome if (outcomes["outcome"] == outcome.value).any()]
    return [integers(capitalised(outcome), f"counts.{outcome}", outcome) for outcome in found]


def _by_genre(outcomes: pd.DataFrame, genres: Sequence[str]) -> list[dict[str, Any]]:
    """Records of the study's genres, of further categories, and of all of them in the last row."""
    counts = pd.crosstab(outcomes["genre"], outcomes["outcome"])
    listed = [genre for genre in genres if genre in counts.index]
    counts = counts.loc[[*listed, *sorted(set(counts.index) - set(listed))]]
    counts = pd.concat([counts, counts.sum().to_frame("All records").T])
    return [
        {
            "genre": str(genre),
            "records": sum(own.values()),
            "known": sum(own.values()) - sum(own.get(outcome.value, 0) for outcome in UNKNOWN),
            "gone": sum(own.get(outcome.value, 0) for outcome in ROTTEN),
            "counts": own,
        }
        for genre, own in counts.astype(int).to_dict("index").items()
    ]


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
    books = [book for book in each_book(study.workspace) if book.chunk == chunk]
    books.sort(key=lambda book: book.key)
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
