"""Books that left the study: why, of which genre, and their replacements (section 3.1).

    curation/replacements.csv, curation/selection.csv, ledger/  ->  a table by genre and reason, pairs of covers

The dissertation inspected every cover that replaced a rejected box set. The pairs of covers are for that inspection.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from bookcover_core.curation.exclusions import BOX_SET, REJECTED, TWIN, UNDECIDED
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, capitalised, integers, markdown
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# Pairs on the sheet, and in the report.
MOST_PAIRS = 12

# Of the sheet as an artifact.
_MOST_BYTES = 300_000

# Reasons whose pairs are shown: only these left a cover behind that a person can look at. In their order.
_SHOWN = (BOX_SET, REJECTED, UNDECIDED, TWIN)


class Exchange(NamedTuple):
    """A book that left, and the one that came in its place."""

    genre: str
    reason: str
    left: str
    """Key of the book that left."""
    left_path: str
    """Its cover, relative to the study's folder."""
    came: str
    came_path: str

    def covers(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Path and caption of both covers: first the one that left."""
        yield self.left_path, (self.genre, self.left, f"left: {self.reason}")
        yield self.came_path, (self.genre, self.came, "came in its place")


def replaced_table(findings: Findings) -> Table | None:
    """Books that left by genre and reason; None before the books are chosen, or where none left."""
    if "curate" not in findings.manifests:
        return None
    return reasons_table(_replacements(findings.study), [genre.name for genre in findings.genres])


def reasons_table(replacements: pd.DataFrame, genres: Iterable[str]) -> Table | None:
    """A row for each genre that lost books, a column for each reason; None where no book left.

    Args:
        replacements: The rows of `curation/replacements.csv`.
        genres: Names of the study's genres, in their order.
    """
    if replacements.empty:
        return None
    is_replaced = replacements["replaced_by"] != ""
    counts = Counter(zip(replacements["genre"], replacements["reason"], strict=True))
    lost, replaced = Counter(replacements["genre"]), Counter(replacements["genre"][is_replaced])
    reasons = [reason for reason, _ in Counter(replacements["reason"]).most_common()]
    return Table.of(
        "replaced",
        "Books that left the study, by genre and reason",
        [
            Column("Genre"),
            integers("Left", name="left"),
            integers("Replaced", name="replaced"),
            *(integers(capitalised(reason), name=reason) for reason in reasons),
        ],
        [
            [genre, lost[genre], replaced[genre], *(counts[genre, reason] for reason in reasons)]
            for genre in genres
            if lost[genre]
        ],
        totals=[
            ["All genres", lost.total(), replaced.total()]
            + [sum(counts[genre, reason] for genre in lost) for reason in reasons]
        ],
        notes=["Each was replaced by a book of its genre from the pool, while that had one."],
    )


def exchanges(study: Study) -> list[Exchange]:
    """The books that left with a sound cover and were replaced: rejected ones first, by genre and key.

    Raises:
        StageOrderError: The books have not been chosen.
    """
    study.manifest("curate")
    table = _replacements(study)
    table = table[(table["replaced_by"] != "") & table["reason"].isin(_SHOWN)]
    wanted = set(table["key"]) | set(table["replaced_by"])
    paths: dict[str, str] = {}
    for manifest in study.manifests("download") if wanted else ():
        ledger = read_table(study.workspace.ledger / f"{manifest.part}.csv")
        found = ledger[ledger["key"].isin(wanted) & (ledger["path"] != "")]
        paths.update(zip(found["key"], found["path"], strict=True))
    rows = [
        Exchange(genre, reason, left, paths[left], came, paths[came])
        for genre, reason, left, came in zip(
            table["genre"], table["reason"], table["key"], table["replaced_by"], strict=True
        )
        if left in paths and came in paths
    ]
    return sorted(rows, key=lambda row: (_SHOWN.index(row.reason), row.genre, row.left))


def replaced_markdown(study: Study) -> str:
    """The books that left as Markdown, with a sheet of covers and what came in their place; says so where none left.

    Raises:
        StageOrderError: The books have not been chosen.
    """
    study.manifest("curate")
    genres = read_table(study.workspace.genres)["name"].tolist()
    table = reasons_table(_replacements(study), genres)
    if table is None:
        return "### No book left the study"
    parts = [f"### {table.caption}", markdown(table)]
    pairs = exchanges(study)
    if pairs:
        shown = pairs[:MOST_PAIRS]
        root = study.workspace.root
        covers = [CaptionedCover(root / path, caption) for pair in shown for path, caption in pair.covers()]
        said = f"{len(shown)} of {len(pairs)} covers that left, each beside the one that came in its place"
        parts += [f"### {said}", sheet_markdown(said, contact_sheet(covers), _MOST_BYTES)]
    return "\n\n".join(parts)


def _replacements(study: Study) -> pd.DataFrame:
    return read_table(study.workspace.curation / "replacements.csv")
