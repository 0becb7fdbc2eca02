"""The tables of studies beside each other; those of systems and settings take any number of studies."""

from collections.abc import Callable
from typing import Any

from bookcover_core.report.comparison.study_comparison import ABSENT, SPLITS, StudyComparison
from bookcover_core.report.comparison.system_pairs import SystemPair
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import setting_text
from bookcover_core.report.table import Cell, Column, Content, Format, Table, estimates, integers

# What the numbers that are compared are called.
_MEASURES = {"accuracy": "Accuracy", "top3": "Top 3", "macro_f1": "Macro F1"}


def comparison_tables(comparison: StudyComparison) -> dict[str, Table]:
    """All tables, by name: differences, systems, genres, books, settings."""
    made = (_differences, _systems, _genres, _books, _settings)
    return {table.name: table for table in (make(comparison) for make in made)}


def _sides(comparison: StudyComparison, place: int | None = None) -> list[Column]:
    """Columns of both numbers and their difference, of records or of what stands at a place of them."""
    one, other = comparison.names

    def reads(name: str) -> Callable[[Any], Any]:
        return lambda row: getattr(row if place is None else row[place], name)

    standing = reads("standing")
    return [
        estimates(one, reads("first"), "first"),
        estimates(other, reads("second"), "second"),
        estimates(f"{one} less {other}", reads("difference"), "difference"),
        Column("Standing", lambda row: words.words(one, other) if (words := standing(row)) else "", name="standing"),
    ]


def _differences(comparison: StudyComparison) -> Table:
    """Every pair of systems, with a row for each number that is compared."""
    best = comparison.best if len(comparison.pairs) > 1 else None
    return Table.of(
        "differences",
        [
            Column("System", lambda row: Cell(_names(comparison, row[0]), best=row[0] is best), name="system"),
            Column("Measure", lambda row: _MEASURES[row[1]], name="measure"),
            *_sides(comparison, 2),
            Column("p, McNemar", "2.p", Format.P_VALUE, "McNemar p"),
            Column("p, Holm", "2.p_holm", Format.P_VALUE, "Holm p"),
            Column("Test books", lambda row: _basis(row[0]), name="test books"),
        ],
        [(pair, name, apart) for pair in comparison.pairs for name, apart in pair.measures.items()],
        comparison=comparison,
        best=best,
    )


def _names(comparison: StudyComparison, pair: SystemPair) -> str:
    return " against ".join(dict.fromkeys(comparison.title(pair, study) for study in (0, 1)))


def _basis(pair: SystemPair) -> str:
    """Which books a pair is compared on, and so how."""
    if pair.paired:
        return f"paired, the same {pair.first_books:,}"
    return f"unpaired, {pair.first_books:,} and {pair.second_books:,}"


def _systems(comparison: StudyComparison) -> Table:
    """Every system of every study on all test books of its own."""

    def top3(row: tuple[str, Findings, EvaluatedSystem]) -> Content:
        scores = row[2].scores
        return scores.top(3) if len(scores.genres) > 3 else None

    return Table.of(
        "systems",
        [
            Column("System", "2.title", name="system"),
            Column("Study", "0", name="study"),
            Column("Preparation", "2.scores.preparation", name="preparation"),
            estimates("Accuracy", "2.scores.accuracy", "accuracy"),
            estimates("Top 3", top3, "top 3"),
            estimates("Macro F1", "2.scores.totals.macro_f1", "macro F1"),
            integers("Test books", "1.test_books", "test books"),
            integers("Genres", lambda row: len(row[1].genres), "genres"),
        ],
        sorted(
            (
                (name, findings, system)
                for name, findings in zip(comparison.names, comparison.both, strict=True)
                for system in (*findings.systems, *findings.baselines)
            ),
            key=lambda row: -row[2].scores.accuracy.value,
        ),
    )


def _genres(comparison: StudyComparison) -> Table:
    """Recall of the best systems by genre, the greatest difference in favour of the first study first."""
    best = comparison.best
    return Table.of(
        "genres",
        [
            Column("Genre", "name", name="genre"),
            *_sides(comparison),
            integers(f"Test books, {comparison.names[0]}", "first_books", "first test books"),
            integers(f"Test books, {comparison.names[1]}", "second_books", "second test books"),
        ],
        best.genres,
        comparison=comparison,
        compared=sum(each.difference is not None for each in best.genres),
    )


def _books(comparison: StudyComparison) -> Table:
    """Books by their split in both studies."""
    one, other = comparison.names
    counts = comparison.shared.counts
    titles = {"train": "Training", "validation": "Validation", "test": "Test", ABSENT: f"Not in {one}"}
    columns = (*SPLITS, ABSENT)
    return Table.of(
        "books",
        [
            Column(f"Books of {one}", name="first"),
            *(integers(titles[split], name=f"second {split}") for split in SPLITS),
            integers(f"Not in {other}", name="not in second"),
            integers("In all", name="all"),
        ],
        [
            [
                title,
                *(None if split == second == ABSENT else counts[split, second] for second in columns),
                comparison.shared.books(0, split),
            ]
            for split, title in titles.items()
        ]
        + [["In all", *(comparison.shared.books(1, split) for split in columns), counts.total()]],
        foot=1,
        groups=[("", 1), (f"Books of {other}", 3), ("", 2)],
    )


def _settings(comparison: StudyComparison) -> Table:
    """Settings that differ, of those that an outcome depends on."""
    return Table.of(
        "settings",
        [Column("Setting", name="setting"), *(map(Column, comparison.names))],
        [[name, *map(setting_text, values)] for name, *values in comparison.settings],
    )
