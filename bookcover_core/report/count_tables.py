"""The tables of counts: how many books every stage kept and why it dropped the others, and how long it took.

Counted from the files of the study, so that they hold whatever a stage chose to count in its manifest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path

import pandas as pd

from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Format, Table, integers

# Outcomes in the ledger that leave a usable cover.
_OK = "ok"


def funnel_table(findings: Findings) -> Table:
    """Books after every stage, those that it dropped, and why."""
    counts = {
        "Records in the listings": _listed(findings),
        "Covers": _fetched(findings),
        "Candidates for box sets, by title": _candidates(findings),
        "Books chosen": _chosen(findings),
        "Training, validation and test books": _split(findings),
        "Covers prepared": _prepared(findings),
        "Test books judged": (findings.test_books, 0, "") if findings.systems else None,
    }
    return Table.of(
        "counts",
        "What each stage kept and dropped",
        [Column("What"), integers("Kept"), integers("Dropped"), Column("Why dropped, or how divided")],
        [(name, *count) for name, count in counts.items() if count is not None],
    )


def time_table(findings: Findings) -> Table:
    """Time of every stage and, where it works on covers, covers a second."""
    covers = {
        "download": _ledger(findings).total(),
        "hashes": _covers(findings, "hashes"),
        "prepare": _rows_of_prepared(findings),
        "features": _covers(findings, "features"),
        "evaluate": findings.test_books * len(findings.systems),
    }
    rows: list[tuple[str, int, float, int | None]] = []
    for stage in stages():
        if manifests := findings.manifests.get(stage.name):
            seconds = sum(manifest.seconds for manifest in manifests)
            rows.append((stage.title, len(manifests), seconds, covers.get(stage.name) or None))
    return Table.of(
        "times",
        "Time of each stage",
        [
            Column("Stage", itemgetter(0)),
            integers("Parts", itemgetter(1)),
            Column("Time", itemgetter(2), Format.SECONDS, "seconds"),
            integers("Covers", itemgetter(3)),
            Column("Covers a second", lambda row: row[3] / row[2] if row[3] and row[2] else None, Format.RATE),
        ],
        rows,
        totals=[("All stages", None, sum((row[2] for row in rows), 0.0), None, None)],
        notes=[
            "Sum over the parts of a stage, which may have run side by side.",
            "A stage that was interrupted counts its last run only.",
        ],
    )


def split_counts(findings: Findings) -> dict[str, int]:
    """Books by split: train, validation, test; empty while nothing is split."""
    if "split" not in findings.manifests:
        return {}
    counts = Counter(read_table(findings.study.workspace.splits)["split"])
    return {side: counts[side] for side in ("train", "validation", "test")}


def _listed(findings: Findings) -> tuple[int, int, str] | None:
    workspace = findings.study.workspace
    if not workspace.books.exists():
        return None
    roles = Counter(read_table(workspace.books)["role"])
    malformed = workspace.listings / "malformed.csv"
    dropped = len(read_table(malformed)) if malformed.exists() else 0
    why = _counted({"malformed": dropped}) if dropped else _counted({role: roles[role] for role in roles if role})
    return roles.total(), dropped, why


def _fetched(findings: Findings) -> tuple[int, int, str] | None:
    outcomes = _ledger(findings)
    if not outcomes:
        return None
    return outcomes[_OK], outcomes.total() - outcomes[_OK], _counted({k: v for k, v in outcomes.items() if k != _OK})


def _candidates(findings: Findings) -> tuple[int, int, str] | None:
    file = findings.study.workspace.curation / "candidates.csv"
    if not file.exists():
        return None
    table = read_table(file)
    return len(table), 0, _counted(Counter(table["term"]))


def _chosen(findings: Findings) -> tuple[int, int, str] | None:
    workspace = findings.study.workspace
    file = workspace.curation / "replacements.csv"
    if not workspace.selection.exists() or not file.exists():
        return None
    left = read_table(file)
    replaced = int((left["replaced_by"] != "").sum())
    why = _counted(Counter(left["reason"]))
    if replaced:
        why += f" ({replaced:,} of them replaced like for like)"
    return len(read_table(workspace.selection)), len(left), why


def _split(findings: Findings) -> tuple[int, int, str] | None:
    counts = split_counts(findings)
    return (sum(counts.values()), 0, _counted(counts)) if counts else None


def _prepared(findings: Findings) -> tuple[int, int, str] | None:
    rows = _rows_of_prepared(findings)
    if not rows:
        return None
    methods = findings.study.settings.preparation.methods
    return rows, 0, f"each in {len(methods)} preparation{'s' if len(methods) > 1 else ''}: {', '.join(methods)}"


def _rows_of_prepared(findings: Findings) -> int:
    folder = findings.study.workspace.prepared / "measurements"
    return sum(len(table) for table in _parts(findings, "prepare", folder))


def _ledger(findings: Findings) -> Counter[str]:
    """Records by what became of their covers."""
    outcomes: Counter[str] = Counter()
    for table in _parts(findings, "download", findings.study.workspace.ledger):
        outcomes.update(table["outcome"])
    return outcomes


def _parts(findings: Findings, stage: str, folder: Path) -> Iterable[pd.DataFrame]:
    for manifest in findings.manifests.get(stage, []):
        file = folder / f"{manifest.part}.csv"
        if file.exists():
            yield read_table(file)


def _covers(findings: Findings, stage: str) -> int:
    """Covers that a stage counted in its manifests."""
    counts = (manifest.counts.get("covers") for manifest in findings.manifests.get(stage, []))
    return sum(count for count in counts if isinstance(count, int))


def _counted(counts: Mapping[str, int]) -> str:
    """Names with their numbers, the commonest first: "missing 12, truncated 3"."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in ordered if count)
