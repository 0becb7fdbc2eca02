"""The tables of counts: how many books every stage kept and why it dropped the others, and how long it took.

Counted from the files of the study, so that they hold whatever a stage chose to count in its manifest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Kind, Table

# Outcomes in the ledger that leave a usable cover.
_OK = "ok"


def funnel_table(findings: Findings) -> Table:
    """Books after every stage, those that it dropped, and why."""
    rows: list[list[Cell]] = []
    for name, count in (
        ("Records in the listings", _listed(findings)),
        ("Covers", _fetched(findings)),
        ("Candidates for box sets, by title", _candidates(findings)),
        ("Books chosen", _chosen(findings)),
        ("Training, validation and test books", _split(findings)),
        ("Covers prepared", _prepared(findings)),
        ("Test books judged", (findings.test_books, 0, "") if findings.networks else None),
    ):
        if count is not None:
            kept, dropped, why = count
            rows.append([Cell(name), Cell(kept), Cell(dropped), Cell(why)])
    return Table(
        name="counts",
        caption="What each stage kept and dropped",
        columns=[
            Column("What"),
            Column("Kept", Kind.COUNT),
            Column("Dropped", Kind.COUNT),
            Column("Why dropped, or how divided"),
        ],
        rows=rows,
    )


def time_table(findings: Findings) -> Table:
    """Time of every stage and, where it works on covers, covers a second."""
    pieces = {
        "download": _ledger(findings).total(),
        "hashes": sum(_number(manifest.counts, "covers") for manifest in findings.manifests.get("hashes", [])),
        "prepare": _rows_of_prepared(findings),
        "features": sum(_number(manifest.counts, "covers") for manifest in findings.manifests.get("features", [])),
        "evaluate": findings.test_books * len(findings.networks),
    }
    rows = []
    total = 0.0
    for stage in stages():
        manifests = findings.manifests.get(stage.name, [])
        if not manifests:
            continue
        seconds = sum(manifest.seconds for manifest in manifests)
        total += seconds
        covers = pieces.get(stage.name) or None
        rows.append(
            [
                Cell(stage.title),
                Cell(len(manifests)),
                Cell(seconds),
                Cell(covers),
                Cell(covers / seconds if covers and seconds else None),
            ]
        )
    rows.append([Cell("All stages"), Cell(), Cell(total), Cell(), Cell()])
    return Table(
        name="times",
        caption="Time of each stage",
        columns=[
            Column("Stage"),
            Column("Parts", Kind.COUNT),
            Column("Time", Kind.SECONDS, "seconds"),
            Column("Covers", Kind.COUNT),
            Column("Covers a second", Kind.RATE),
        ],
        rows=rows,
        foot=1,
        notes=(
            "Sum over the parts of a stage, which may have run side by side.",
            "A stage that was interrupted counts its last run only.",
        ),
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


def _ledger(findings: Findings) -> "Counter[str]":
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


def _number(counts: Mapping[str, object], *names: str) -> int:
    return next((value for name in names if isinstance(value := counts.get(name), int)), 0)


def _counted(counts: Mapping[str, int]) -> str:
    """Names with their numbers, the commonest first: "missing 12, truncated 3"."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in ordered if count)
