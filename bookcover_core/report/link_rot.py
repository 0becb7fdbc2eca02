"""The outcomes of the download by genre: covers that came, are gone for good (with intervals), or failed for now."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import capitalised
from bookcover_core.report.table import Column, Table, estimates, integers
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

_GENRE, _RECORDS = Column("Genre", "genre"), integers("Records", "records")


def is_local(study: Study) -> bool:
    """Whether covers come from a folder or archive, where no link can rot."""
    return study.settings.books.source is BookSource.FOLDER or study.settings.covers.source is not CoverSource.HTTP


def read_outcomes(study: Study, parts: Iterable[str]) -> pd.DataFrame:
    """What became of each record's cover in `parts` ("chunk-0001"): columns key, genre (its category), outcome."""
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
