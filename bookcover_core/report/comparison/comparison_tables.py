"""The tables of two studies beside each other."""

import json
from collections.abc import Callable
from typing import Any

from bookcover_core.families.family import title_of
from bookcover_core.pipeline.graph import stages
from bookcover_core.report.comparison.study_comparison import ABSENT, SPLITS, StudyComparison
from bookcover_core.report.comparison.system_pairs import SystemPair
from bookcover_core.report.findings import EvaluatedSystem
from bookcover_core.report.table import Cell, Column, Content, Format, Table, estimates, integers

# What the numbers that are compared are called.
_MEASURES = {"accuracy": "Accuracy", "top3": "Top 3", "macro_f1": "Macro F1"}


def comparison_tables(comparison: StudyComparison) -> dict[str, Table]:
    """All tables, by name: differences, systems, genres, books, settings, times."""
    made = (_differences, _systems, _genres, _books, _settings, _times)
    return {table.name: table for table in (make(comparison) for make in made)}


def _differences(comparison: StudyComparison) -> Table:
    """Every pair of systems, with a row for each number that is compared."""
    one, other = comparison.names
    best = comparison.best if len(comparison.pairs) > 1 else None
    notes = ["Tie: the interval of the difference holds 0."]
    if any(pair.paired for pair in comparison.pairs):
        notes.append(
            "Paired: both judged the same books, and those on which they differ decide. The interval is that of a "
            "Newcombe's of pairs, p that of McNemar's exact test; open: the interval does not hold 0, "
            "but p, corrected for the number of pairs after Holm, allows for luck."
        )
    if not all(pair.paired for pair in comparison.pairs):
        notes.append(
            "Unpaired: each judged its own test books. The interval is Newcombe's, of the intervals around both: it is "
            "wider than that of the same books would be."
        )
    if best:
        notes.append("Bold: the best of both studies, each by its own test books.")
    return Table.of(
        "differences",
        f"How far systems of {one} and {other} are apart, in per cent and points",
        [
            Column("System", lambda row: Cell(_names(row[0]), best=row[0] is best), name="system"),
            Column("Measure", lambda row: _MEASURES[row[1]], name="measure"),
            estimates(one, lambda row: row[2].first, "first"),
            estimates(other, lambda row: row[2].second, "second"),
            estimates(f"{one} less {other}", lambda row: row[2].difference, "difference"),
            Column("Standing", lambda row: row[2].standing.words(one, other), name="standing"),
            Column("p, McNemar", lambda row: row[2].p, Format.P_VALUE, "McNemar p"),
            Column("p, Holm", lambda row: row[2].p_holm, Format.P_VALUE, "Holm p"),
            Column("Test books", lambda row: _basis(row[0]), name="test books"),
        ],
        [(pair, name, apart) for pair in comparison.pairs for name, apart in pair.measures.items()],
        notes=notes,
    )


def _names(pair: SystemPair) -> str:
    if pair.first == pair.second:
        return title_of(pair.first)
    return f"{title_of(pair.first)} against {title_of(pair.second)}"


def _basis(pair: SystemPair) -> str:
    """Which books a pair is compared on, and so how."""
    if pair.paired:
        return f"paired, the same {pair.first_books:,}"
    return f"unpaired, {pair.first_books:,} and {pair.second_books:,}"


def _systems(comparison: StudyComparison) -> Table:
    """Every system of either study on all test books of its own."""
    by_name = [{system.name: system for system in findings.systems} for findings in comparison.both]

    def of(study: int, read: Callable[[EvaluatedSystem], Content]) -> Callable[[str], Content]:
        return lambda name: read(by_name[study][name]) if name in by_name[study] else None

    columns = [Column("System", title_of, name="system")]
    for study, which in enumerate(("first", "second")):
        columns += [
            Column("Preparation", of(study, lambda system: system.scores.preparation), name=f"{which} preparation"),
            estimates("Accuracy", of(study, lambda system: system.scores.accuracy), f"{which} accuracy"),
            estimates(
                "Top 3",
                of(study, lambda system: system.scores.top(3) if len(system.scores.genres) > 3 else None),
                f"{which} top 3",
            ),
            estimates("Macro F1", of(study, lambda system: system.scores.totals["macro_f1"]), f"{which} macro F1"),
        ]
    groups = [
        (f"{name}: {findings.test_books:,} test books, {len(findings.genres)} genres", 4)
        for name, findings in zip(comparison.names, comparison.both, strict=True)
    ]
    return Table.of(
        "systems",
        "All systems, each on the test books of its own study, in per cent",
        columns,
        dict.fromkeys([*by_name[0], *by_name[1]]),
        groups=[("", 1), *groups],
    )


def _genres(comparison: StudyComparison) -> Table:
    """Recall of the best systems by genre, the greatest difference in favour of the first study first."""
    one, other = comparison.names
    best = comparison.best
    compared = sum(each.difference is not None for each in best.genres)
    notes = []
    if compared:
        notes.append(
            f"Intervals of differences are Newcombe's for {'paired' if best.paired else 'independent'} shares, not "
            f"corrected for the number of genres: of {compared}, {compared * (1 - comparison.confidence):.1f} would be "
            "expected to miss 0 by luck alone."
        )
    if compared < len(best.genres):
        notes.append(
            "Genres that one study alone has test books of are shown, on all of these books, and not compared."
        )
    return Table.of(
        "genres",
        f"Top-1 recall by genre: {title_of(best.first)} of {one} and {title_of(best.second)} of {other}, "
        "in per cent and points",
        [
            Column("Genre", lambda each: each.name, name="genre"),
            estimates(one, lambda each: each.first, "first"),
            estimates(other, lambda each: each.second, "second"),
            estimates(f"{one} less {other}", lambda each: each.difference, "difference"),
            Column("Standing", lambda each: each.standing.words(one, other) if each.standing else "", name="standing"),
            integers(f"Test books, {one}", lambda each: each.first_books, "first test books"),
            integers(f"Test books, {other}", lambda each: each.second_books, "second test books"),
        ],
        best.genres,
        notes=notes,
    )


def _books(comparison: StudyComparison) -> Table:
    """Books by their split in both studies."""
    one, other = comparison.names
    counts = comparison.shared.counts
    titles = {"train": "Training", "validation": "Validation", "test": "Test", ABSENT: f"Not in {one}"}
    seconds = (*SPLITS, ABSENT)
    return Table.of(
        "books",
        "Where the books of the two studies stand",
        [
            Column(f"Books of {one}", name="first"),
            *(integers(titles[split], name=f"second {split}") for split in SPLITS),
            integers(f"Not in {other}", name="not in second"),
            integers("In all", name="all"),
        ],
        [
            [
                title,
                *(None if split == second == ABSENT else counts.get((split, second), 0) for second in seconds),
                sum(count for (first, _), count in counts.items() if first == split),
            ]
            for split, title in titles.items()
        ],
        totals=[
            [
                "In all",
                *(sum(count for (_, second), count in counts.items() if second == split) for split in seconds),
                sum(counts.values()),
            ]
        ],
        groups=[("", 1), (f"Books of {other}", 3), ("", 2)],
    )


def _settings(comparison: StudyComparison) -> Table:
    """Settings that differ, of those that an outcome depends on."""
    one, other = comparison.names
    return Table.of(
        "settings",
        "Settings that differ",
        [
            Column("Setting", lambda each: each[0], name="setting"),
            Column(one, lambda each: _value(each[1]), name="first"),
            Column(other, lambda each: _value(each[2]), name="second"),
        ],
        comparison.settings,
    )


def _value(value: Any) -> str | None:
    """The value of a setting for people; None where it is empty."""
    if value in (None, "", [], {}):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _times(comparison: StudyComparison) -> Table:
    """Time of every stage in both studies."""
    titles = {stage.name: stage.title for stage in stages()}
    rows = [(titles[name], *seconds) for name, seconds in comparison.seconds.items()]
    return Table.of(
        "times",
        "Time of each stage",
        [
            Column("Stage", name="stage"),
            Column(comparison.names[0], None, Format.SECONDS, "first seconds"),
            Column(comparison.names[1], None, Format.SECONDS, "second seconds"),
        ],
        rows,
        totals=[("All stages", *(sum((row[study] or 0.0 for row in rows), 0.0) for study in (1, 2)))],
        notes=[
            "Sum over the parts of a stage. Times of two machines, or of one that was busy, say little of each other."
        ],
    )
