"""The tables of two studies beside each other."""

import json
from typing import Any

from bookcover_core.evaluation.significance import Standing
from bookcover_core.models.systems import title_of
from bookcover_core.pipeline.graph import stages
from bookcover_core.report.comparison.comparison_statistics import MEASURES, Rivals
from bookcover_core.report.comparison.comparison_text import basis
from bookcover_core.report.comparison.shared_books import ABSENT, SPLITS
from bookcover_core.report.comparison.study_pair import Contrasts
from bookcover_core.report.findings import Network
from bookcover_core.report.table import Cell, Column, Kind, Table, Value


def contrast_tables(contrasts: Contrasts) -> dict[str, Table]:
    """All tables, by name: differences, systems, genres, books, settings, times."""
    tables = (
        _differences(contrasts),
        _systems(contrasts),
        _genres(contrasts),
        _books(contrasts),
        _settings(contrasts),
        _times(contrasts),
    )
    return {table.name: table for table in tables}


def _differences(contrasts: Contrasts) -> Table:
    """Every pair of systems, with a row for each number that is compared."""
    one, other = contrasts.names
    rows = []
    for pair in contrasts.pairs:
        for measure, apart in pair.measures.items():
            rows.append(
                [
                    Cell(_pair(pair), best=pair is contrasts.best and len(contrasts.pairs) > 1),
                    Cell(MEASURES[measure]),
                    Cell.of(apart.first),
                    Cell.of(apart.second),
                    Cell.of(apart.difference),
                    Cell(_standing(apart.standing, contrasts.names)),
                    Cell(apart.p),
                    Cell(apart.p_holm),
                    Cell(basis(pair)),
                ]
            )
    notes = ["Tie: the interval of the difference holds 0."]
    if any(pair.paired for pair in contrasts.pairs):
        notes.append(
            "Paired: both judged the same books, and those on which they differ decide. The interval is that of a "
            "bootstrap of pairs within each genre, p that of McNemar's exact test; open: the interval does not hold 0, "
            "but p, corrected for the number of pairs after Holm, allows for luck."
        )
    if not all(pair.paired for pair in contrasts.pairs):
        notes.append(
            "Unpaired: each judged its own test books. The interval is Newcombe's, of the intervals around both: it is "
            "wider than that of the same books would be."
        )
    if len(contrasts.pairs) > 1:
        notes.append("Bold: the best of both studies, each by its own test books.")
    return Table(
        name="differences",
        caption=f"How far systems of {one} and {other} are apart, in per cent and points",
        columns=[
            Column("System", name="system"),
            Column("Measure", name="measure"),
            Column(one, Kind.SHARE, "first", interval=True),
            Column(other, Kind.SHARE, "second", interval=True),
            Column(f"{one} less {other}", Kind.SHARE, "difference", interval=True),
            Column("Standing", name="standing"),
            Column("p, McNemar", Kind.CHANCE, "McNemar p"),
            Column("p, Holm", Kind.CHANCE, "Holm p"),
            Column("Test books", name="test books"),
        ],
        rows=rows,
        notes=tuple(notes),
    )


def _systems(contrasts: Contrasts) -> Table:
    """Every system of either study on all test books of its own."""
    by_name = [{network.backbone: network for network in findings.networks} for findings in contrasts.both]
    rows = [
        [Cell(title_of(name)), *(cell for found in by_name for cell in _totals(found.get(name)))]
        for name in dict.fromkeys([*by_name[0], *by_name[1]])
    ]
    groups = [
        (f"{name}: {findings.test_books:,} test books, {len(findings.genres)} genres", 4)
        for name, findings in zip(contrasts.names, contrasts.both, strict=True)
    ]
    columns = [
        column
        for which in ("first", "second")
        for column in (
            Column("Preparation", name=f"{which} preparation"),
            Column("Accuracy", Kind.SHARE, f"{which} accuracy", interval=True),
            Column("Top 3", Kind.SHARE, f"{which} top 3", interval=True),
            Column("Macro F1", Kind.SHARE, f"{which} macro F1", interval=True),
        )
    ]
    return Table(
        name="systems",
        caption="All systems, each on the test books of its own study, in per cent",
        columns=[Column("System", name="system"), *columns],
        rows=rows,
        groups=(("", 1), *groups),
    )


def _totals(network: Network | None) -> list[Cell]:
    if network is None:
        return [Cell()] * 4
    scores = network.scores
    top3 = Cell.of(scores.totals["top3"]) if len(scores.genres) > 3 else Cell()
    return [Cell(scores.preparation), Cell.of(scores.accuracy), top3, Cell.of(scores.totals["macro_f1"])]


def _genres(contrasts: Contrasts) -> Table:
    """Recall of the best systems by genre, the greatest difference in favour of the first study first."""
    one, other = contrasts.names
    best = contrasts.best
    compared = sum(each.difference is not None for each in best.genres)
    lucky = compared * (1 - contrasts.confidence)
    notes = []
    if compared:
        way = "Newcombe's for paired shares" if best.paired else "Newcombe's for independent shares"
        notes.append(
            f"Intervals of differences are {way}, not corrected for the number of genres: of {compared}, {lucky:.1f} "
            "would be expected to miss 0 by luck alone."
        )
    if compared < len(best.genres):
        notes.append(
            "Genres that one study alone has test books of are shown, on all of these books, and not compared."
        )
    return Table(
        name="genres",
        caption=f"Top-1 recall by genre: {title_of(best.first)} of {one} and {title_of(best.second)} of {other}, "
        "in per cent and points",
        columns=[
            Column("Genre", name="genre"),
            Column(one, Kind.SHARE, "first", interval=True),
            Column(other, Kind.SHARE, "second", interval=True),
            Column(f"{one} less {other}", Kind.SHARE, "difference", interval=True),
            Column("Standing", name="standing"),
            Column(f"Test books, {one}", Kind.COUNT, "first test books"),
            Column(f"Test books, {other}", Kind.COUNT, "second test books"),
        ],
        rows=[
            [
                Cell(each.name),
                Cell.of(each.first),
                Cell.of(each.second),
                Cell.of(each.difference),
                Cell(_standing(each.standing, contrasts.names) if each.standing else ""),
                Cell(each.first_books),
                Cell(each.second_books),
            ]
            for each in best.genres
        ],
        notes=tuple(notes),
    )


def _books(contrasts: Contrasts) -> Table:
    """Books by their split in both studies."""
    one, other = contrasts.names
    counts = contrasts.sharing.counts
    titles = {"train": "training", "validation": "validation", "test": "test"}
    rows = [
        [
            Cell(titles[split].capitalize() if split else f"Not in {one}"),
            *(
                Cell(None if split == beside == ABSENT else counts.get((split, beside), 0))
                for beside in (*SPLITS, ABSENT)
            ),
            Cell(sum(count for (first, _), count in counts.items() if first == split)),
        ]
        for split in (*SPLITS, ABSENT)
    ]
    totals = [sum(count for (_, second), count in counts.items() if second == split) for split in (*SPLITS, ABSENT)]
    rows.append([Cell("In all"), *(Cell(total) for total in totals), Cell(sum(counts.values()))])
    return Table(
        name="books",
        caption="Where the books of the two studies stand",
        columns=[
            Column(f"Books of {one}", name="first"),
            *(Column(titles[split].capitalize(), Kind.COUNT, f"second {split}") for split in SPLITS),
            Column(f"Not in {other}", Kind.COUNT, "not in second"),
            Column("In all", Kind.COUNT, "all"),
        ],
        rows=rows,
        foot=1,
        groups=(("", 1), (f"Books of {other}", 3), ("", 2)),
    )


def _settings(contrasts: Contrasts) -> Table:
    """Settings that differ, of those that an outcome hangs on."""
    return Table(
        name="settings",
        caption="Settings that differ",
        columns=[
            Column("Setting", name="setting"),
            Column(contrasts.names[0], name="first"),
            Column(contrasts.names[1], name="second"),
        ],
        rows=[[Cell(name), Cell(_value(one)), Cell(_value(other))] for name, one, other in contrasts.settings],
    )


def _times(contrasts: Contrasts) -> Table:
    """Time of every stage in both studies."""
    rows = []
    totals = [0.0, 0.0]
    for stage in stages():
        seconds = [contrasts.seconds(study, stage.name) for study in (0, 1)]
        if any(each is not None for each in seconds):
            rows.append([Cell(stage.title), *(Cell(each) for each in seconds)])
            totals = [total + (each or 0.0) for total, each in zip(totals, seconds, strict=True)]
    rows.append([Cell("All stages"), *(Cell(total) for total in totals)])
    return Table(
        name="times",
        caption="Time of each stage",
        columns=[
            Column("Stage", name="stage"),
            Column(contrasts.names[0], Kind.SECONDS, "first seconds"),
            Column(contrasts.names[1], Kind.SECONDS, "second seconds"),
        ],
        rows=rows,
        foot=1,
        notes=(
            "Sum over the parts of a stage. Times of two machines, or of one that was busy, say little of each other.",
        ),
    )


def _pair(pair: Rivals) -> str:
    if pair.first == pair.second:
        return title_of(pair.first)
    return f"{title_of(pair.first)} against {title_of(pair.second)}"


def _standing(standing: Standing, names: tuple[str, str]) -> str:
    match standing:
        case Standing.AHEAD:
            return f"{names[0]} ahead"
        case Standing.BEHIND:
            return f"{names[1]} ahead"
        case _:
            return standing.value


def _value(value: Any) -> Value:
    """The value of a setting for people; None where it is empty."""
    if value in (None, "", [], {}):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
