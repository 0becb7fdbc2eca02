"""Books that left the study: why, of which genre, and what came in their place (section 3.1).

    curation/replacements.csv, curation/selection.csv, ledger/  ->  a table by genre and reason, pairs of covers

The dissertation looked at every cover that came in for a rejected box set. The pairs are for that look.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import pandas as pd

from bookcover_core.curation.exclusions import BOX_SET, REJECTED, TWIN, UNDECIDED
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.report_figures import data_uri
from bookcover_core.report.table import Cell, Column, Kind, Table, markdown
from bookcover_core.visualisation.contact_sheet import Cover, contact_sheet, sheet_jpeg

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
    left = list(zip(replacements["genre"], replacements["reason"], replacements["replaced_by"] != "", strict=True))
    counts = Counter((genre, reason) for genre, reason, _ in left)
    lost = Counter(genre for genre, _, _ in left)
    replaced = Counter(genre for genre, _, is_replaced in left if is_replaced)
    reasons = [reason for reason, _ in Counter(reason for _, reason, _ in left).most_common()]
    rows = [
        [Cell(genre), Cell(lost[genre]), Cell(replaced[genre]), *(Cell(counts[genre, reason]) for reason in reasons)]
        for genre in genres
        if lost[genre]
    ]
    total = [
        Cell("All genres"),
        Cell(lost.total()),
        Cell(replaced.total()),
        *(Cell(sum(counts[genre, reason] for genre in lost)) for reason in reasons),
    ]
    return Table(
        name="replaced",
        caption="Books that left the study, by genre and reason",
        columns=[
            Column("Genre"),
            Column("Left", Kind.COUNT, "left"),
            Column("Replaced", Kind.COUNT, "replaced"),
            *(Column(reason[0].upper() + reason[1:], Kind.COUNT, reason) for reason in reasons),
        ],
        rows=[*rows, total],
        foot=1,
        notes=("Each was replaced by a book of its genre from the pool, while that had one.",),
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
        shown = list(islice(pairs, MOST_PAIRS))
        root = study.workspace.root
        sheet = contact_sheet([Cover(root / path, caption) for pair in shown for path, caption in pair.covers()])
        said = f"{len(shown)} of {len(pairs)} covers that left, each beside the one that came in its place"
        parts += [f"### {said}", f"![{said}]({data_uri(sheet_jpeg(sheet, _MOST_BYTES), 'image/jpeg')})"]
    return "\n\n".join(parts)


def _replacements(study: Study) -> pd.DataFrame:
    return read_table(study.workspace.curation / "replacements.csv")
