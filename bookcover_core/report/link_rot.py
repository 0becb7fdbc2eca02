"""The outcomes of the download by genre: covers that came, are gone for good, or failed for now.

listings/books.csv, ledger/  ->  table of genres and outcomes, link rot with its interval
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, capitalised, estimates, integers
from bookcover_core.settings import BookSource, CoverSource

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

_ROT = (
    "Link rot: the share of records whose cover is not to be had any more (missing, a placeholder, refused, no image, "
    "or cut short). Records that failed for now are left out of it: what becomes of them is open."
)
_INTERVALS = "Intervals of {confidence:.0f} %, for the luck of which books of a genre are listed."


_LOCAL_ROT = (
    "Not usable: the share of records whose cover is not in the folder or archive, or is no image, a placeholder, or "
    "cut short. Records that failed for now, or that several files fit, are left out of it."
)


def is_local(study: Study) -> bool:
    """Whether covers come from a folder or archive, where no link can rot."""
    return study.settings.books.source is BookSource.FOLDER or study.settings.covers.source is not CoverSource.HTTP


def cover_table(findings: Findings) -> Table | None:
    """Covers by genre and outcome with link rot, over all chunks that the study was made from; None before any."""
    outcomes = read_outcomes(findings.study, [manifest.part for manifest in findings.manifests.get("download", [])])
    if outcomes.empty:
        return None
    genres = [genre.name for genre in findings.genres]
    local = is_local(findings.study)
    counted, rot = outcome_table(outcomes, genres), rot_table(outcomes, genres, findings.confidence, local=local)
    return replace(
        counted,
        name="covers",
        caption=f"Covers by genre and outcome, and {'those not usable' if local else 'link rot'} in per cent",
        columns=[*counted.columns[:2], rot.columns[-1], *counted.columns[2:]],
        rows=[[*row[:2], other[-1], *row[2:]] for row, other in zip(counted.rows, rot.rows, strict=True)],
        notes=rot.notes,
    )


def read_outcomes(study: Study, parts: Iterable[str]) -> pd.DataFrame:
    """What became of the cover of each record: columns key, genre (the record's category) and outcome.

    Args:
        study: The study; its listings have been read.
        parts: Chunks, as "chunk-0001"; those without a ledger have no rows.
    """
    tables = [
        read_table(file)[["key", "outcome"]].assign(chunk=str(int(part.rpartition("-")[2])))
        for part in parts
        if (file := study.workspace.ledger / f"{part}.csv").is_file()
    ]
    if not tables:
        return pd.DataFrame(columns=["key", "genre", "outcome"])
    books = read_table(study.workspace.books)[["key", "category", "chunk"]].rename(columns={"category": "genre"})
    # By chunk, too: a ledger of an earlier way of cutting the listing has no record of today's chunk.
    return pd.concat(tables).merge(books, on=["key", "chunk"])[["key", "genre", "outcome"]]


def outcome_table(outcomes: pd.DataFrame, genres: Sequence[str]) -> Table:
    """A row for each genre with its records by outcome, and one for all of them.

    Args:
        outcomes: From `read_outcomes`.
        genres: Names of the study's genres, in their order; further categories come behind them, by name.
    """
    counts = _counts(outcomes, genres)
    shown = [outcome.value for outcome in CoverOutcome if outcome.value in counts.columns]
    *rows, total = ([str(genre), int(row.sum()), *map(int, row[shown])] for genre, row in counts.iterrows())
    return Table.of(
        "outcomes",
        "Covers by genre and outcome",
        [Column("Genre"), integers("Records"), *(integers(capitalised(outcome), name=outcome) for outcome in shown)],
        rows,
        totals=[total],
    )


def rot_table(outcomes: pd.DataFrame, genres: Sequence[str], confidence: float, *, local: bool = False) -> Table:
    """A row for each genre with its share of covers that are gone and its interval, and one for all of them.

    Args:
        outcomes: From `read_outcomes`.
        genres: As for `outcome_table`.
        confidence: Of the intervals.
        local: Whether the covers come from a folder or archive (`is_local`).
    """
    rows = []
    for genre, row in _counts(outcomes, genres).iterrows():
        gone = sum(int(row.get(outcome.value, 0)) for outcome in ROTTEN)
        known = int(row.sum()) - sum(int(row.get(outcome.value, 0)) for outcome in UNKNOWN)
        rows.append([str(genre), known, gone, share(gone, known, confidence)])
    return Table.of(
        "link-rot",
        "Covers not usable, by genre" if local else "Link rot by genre",
        [
            Column("Genre"),
            integers("Records"),
            integers("Not usable" if local else "Gone"),
            estimates(f"{'Not usable' if local else 'Link rot'},\N{NO-BREAK SPACE}%", name="link rot"),
        ],
        rows[:-1],
        totals=rows[-1:],
        notes=[_LOCAL_ROT if local else _ROT, _INTERVALS.format(confidence=100 * confidence)],
    )


def _counts(outcomes: pd.DataFrame, genres: Sequence[str]) -> pd.DataFrame:
    """Records by genre and outcome: the study's genres, further categories, and all of them in the last row."""
    counts = pd.crosstab(outcomes["genre"], outcomes["outcome"])
    listed = [genre for genre in genres if genre in counts.index]
    counts = counts.loc[[*listed, *sorted(set(counts.index) - set(listed))]]
    return pd.concat([counts, counts.sum().to_frame("All records").T])
