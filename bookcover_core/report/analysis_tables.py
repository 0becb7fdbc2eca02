"""The tables of section 5.2: colour and recall, overlap, confusions, calibration, pairs of systems."""

from collections.abc import Iterator
from typing import Any

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Format, Table, estimates, integers, numbers, shares

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS, _MOST_CONFUSIONS = 8, 15


def analysis_tables(findings: Findings) -> Iterator[Table]:
    """The tables that the analysis allows; none without one, none of confusions without any, none of pairs of one."""
    analysis, called, best = findings.analysis, findings.titles, findings.best
    if analysis is None or best is None:
        return

    def by_itself(row: Any) -> Cell:
        found = row[1].colour.pearson
        return Cell(found.expected, found.low, found.high) if found else Cell()

    yield Table.of(
        "colour-correlation",
        [
            Column("System", lambda each: called[each[0]]),
            integers("Genres", lambda each: sum(p.distance is not None for p in each[1].colour.points)),
            numbers("Pearson", "1.colour.pearson.value"),
            estimates("By itself", by_itself, form=Format.NUMBER),
            Column("p", "1.colour.pearson.p", Format.P_VALUE, "Pearson p"),
            numbers("Spearman", "1.colour.spearman.value"),
            Column("p", "1.colour.spearman.p", Format.P_VALUE, "Spearman p"),
            numbers("Pearson, mistakes alone", "1.colour.pearson_of_mistakes.value"),
            Column("p", "1.colour.pearson_of_mistakes.p", Format.P_VALUE, "mistakes p"),
        ],
        analysis.systems.items(),
        analysis=analysis,
    )
    overlaps = {called[name]: system.overlap for name, system in analysis.systems.items()}
    threshold = max((each.threshold for each in overlaps.values()), default=0.0)
    yield Table.of(
        "overlapping-pairs",
        [
            Column("System", "0"),
            Column("Genre", lambda each: analysis.genres[each[1].first].name),
            Column("and", lambda each: analysis.genres[each[1].second].name),
            estimates("Overlap", "1.overlap", form=Format.NUMBER),
            Column("Above", lambda each: "yes" if each[1].overlap.value > threshold else "no"),
        ],
        [
            (title, pair)
            for title, overlap in overlaps.items()
            for pair in overlap.pairs[:_MOST_OVERLAPS] or filter(None, [overlap.highest])
        ],
        overlaps=overlaps,
        threshold=threshold,
        most=_MOST_OVERLAPS,
    )
    if confused := analysis.systems[best.name].confused[:_MOST_CONFUSIONS]:
        titles = read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"]
        yield Table.of(
            "confused-pairs",
            [
                Column("Books of", lambda pair: analysis.genres[pair.true].name),
                Column("Taken for", lambda pair: analysis.genres[pair.named].name),
                integers("Books", "books"),
                estimates("Share of the genre, %", "share", "share of the genre"),
                integers("The other way", "back"),
                Column("Surest of", lambda pair: str(titles.get(pair.examples[0], "")) or pair.examples[0]),
            ],
            confused,
            best=best,
            analysis=analysis,
        )
    calibrations = {called[name]: system.calibration for name, system in analysis.systems.items()}
    is_tempered = any(each.tempered for each in calibrations.values())
    tempered = [
        numbers("Temperature", "1.tempered.temperature"),
        shares("Error at it, %", "1.tempered.ece", "calibration error at temperature"),
        estimates("Log loss at it", "1.tempered.log_loss", "log loss at temperature", form=Format.NUMBER),
    ]
    yield Table.of(
        "calibration",
        [
            Column("System", "0"),
            shares("Mean probability, %", "1.confidence", "mean probability"),
            shares("Accuracy, %", "1.accuracy", "accuracy"),
            shares("Calibration error, %", "1.ece", "calibration error"),
            shares("By luck alone, %", "1.ece_by_luck", "calibration error by luck"),
            estimates("Brier", "1.brier", form=Format.NUMBER),
            estimates("Log loss", "1.log_loss", form=Format.NUMBER),
            *(tempered if is_tempered else ()),
        ],
        calibrations.items(),
        first=next(iter(calibrations.values())),
        is_tempered=is_tempered,
    )
    if analysis.pairs:
        yield Table.of(
            "pairs",
            [
                Column("First", lambda pair: called[pair.first]),
                Column("Second", lambda pair: called[pair.second]),
                estimates("Difference of accuracies", "difference"),
                Column("p, McNemar", "p", Format.P_VALUE, "McNemar p"),
                Column("p, Holm", "p_holm", Format.P_VALUE, "Holm p"),
                Column("Standing", lambda pair: pair.standing.words(called[pair.first], called[pair.second])),
                integers("Both right", "both"),
                integers("Only the first", "only_first"),
                integers("Only the second", "only_second"),
                integers("Neither", "neither"),
                estimates("Same genre, %", "same", "same genre"),
                estimates("Kappa", "kappa", form=Format.NUMBER),
            ],
            analysis.pairs,
        )
    if joint := analysis.together:
        words = {0: "none", len(joint.systems): f"all {len(joint.systems)}"}
        books, confidence = analysis.test_books, analysis.confidence
        yield Table.of(
            "together",
            [
                Column("Systems right", lambda each: words.get(each[0], str(each[0]))),
                integers("Test books", "1"),
                estimates("Share, %", lambda each: Estimate.of_share(each[1], books, confidence), "share"),
            ],
            enumerate(joint.right_by),
            known=joint.any_right,
            called=[called[name] for name in joint.systems],
        )
