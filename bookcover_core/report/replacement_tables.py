"""Books that left the study: why, of which genre, and pairs of covers to inspect the exchange (section 3.1)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from bookcover_core.curation.exclusions import BOX_SET, REJECTED, TWIN, UNDECIDED
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Table, markdown
from bookcover_core.visualisation.contact_sheet import CaptionedCover, contact_sheet, sheet_markdown

# Pairs on the sheet, and in the report; bytes of the sheet as an artifact.
_MOST_PAIRS, _MOST_BYTES = 12, 300_000

# Reasons whose pairs are shown: only these left a cover behind that a person can look at. In their order.
_SHOWN = (BOX_SET, REJECTED, UNDECIDED, TWIN)


class Exchange(NamedTuple):
    """A book that left, and the one that came in its place: their keys, and covers relative to the study's folder."""

    genre: str
    reason: str
    left: str
    left_path: str
    came: str
    came_path: str


def replaced_table(findings: Findings) -> Table | None:
    """Books that left by genre and reason; None before the books are chosen, or where none left."""
    if "curate" not in findings.manifests:
        return None
    return reasons_table(_replacements(findings.study), [genre.name for genre in findings.genres])


def reasons_table(replacements: pd.DataFrame, genres: Iterable[str]) -> Table | None:
    """A row for each of `genres` that lost books, a column for each reason; None where no book left."""
    if replacements.empty:
        return None
    counts = pd.crosstab(replacements["genre"], replacements["reason"])
    reasons = list(replacements["reason"].value_counts().index)
    left = replacements.groupby("genre")["replaced_by"].agg(left="size", replaced=lambda by: (by != "").sum())
    table = left.join(counts[reasons]).reindex([genre for genre in genres if genre in left.index])
    return Table.of(
        "replaced",
        [
            *([genre, *map(int, row)] for genre, row in zip(table.index, table.to_numpy(), strict=True)),
            ["All genres", *map(int, table.sum())],
        ],
        foot=1,
        reasons=reasons,
        replaced=table["replaced"].any(),
    )


def exchanges(study: Study) -> list[Exchange]:
    """The books that left with a sound cover and were replaced: rejected ones first, by genre and key."""
    study.manifest("curate")
    table = _replacements(study)
    table = table[(table["replaced_by"] != "") & table["reason"].isin(_SHOWN)]
    ledgers = [study.workspace.ledger / f"{manifest.part}.csv" for manifest in study.manifests("download")]
    if table.empty or not ledgers:
        return []
    paths = pd.concat([read_table(file, ("key", "path")) for file in ledgers]).set_index("key")["path"]
    paths = paths[paths != ""]
    table = table.assign(left_path=table["key"].map(paths), came_path=table["replaced_by"].map(paths)).dropna()
    columns = ("genre", "reason", "key", "left_path", "replaced_by", "came_path")
    rows = [Exchange(*row) for row in zip(*(table[name] for name in columns), strict=True)]
    return sorted(rows, key=lambda row: (_SHOWN.index(row.reason), row.genre, row.left))


def exchanged_covers(study: Study, pairs: Sequence[Exchange]) -> list[CaptionedCover]:
    """The covers of the first pairs: one that left, and then the one that came in its place."""
    if not pairs:
        return []
    titles = read_table(study.workspace.books, ("key", "title")).set_index("key")["title"]
    return [
        CaptionedCover(study.workspace.root / path, (pair.genre, key, said), titles.get(key, "") or key)
        for pair in pairs[:_MOST_PAIRS]
        for path, key, said in (
            (pair.left_path, pair.left, f"left: {pair.reason}"),
            (pair.came_path, pair.came, "came in its place"),
        )
    ]


def replaced_markdown(study: Study) -> str:
    """The books that left as Markdown, with a sheet of covers and what came in their place; says so where none left."""
    study.manifest("curate")
    genres = read_table(study.workspace.genres)["name"].tolist()
    table = reasons_table(_replacements(study), genres)
    if table is None:
        return "### No book left the study"
    told = f"### {table.caption}\n\n{markdown(table)}"
    pairs = exchanges(study)
    covers = exchanged_covers(study, pairs)
    if not covers:
        return told
    said = f"{len(covers) // 2} of {len(pairs)} covers that left, each beside the one that came in its place"
    return f"{told}\n\n### {said}\n\n{sheet_markdown(said, contact_sheet(covers), _MOST_BYTES)}"


def _replacements(study: Study) -> pd.DataFrame:
    return read_table(study.workspace.curation / "replacements.csv")
