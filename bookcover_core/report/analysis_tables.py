"""The tables of section 5.2: colour and recall, overlap, confusions, calibration, pairs of systems."""

from collections.abc import Mapping

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.colour_analysis import Correlation
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Format, Table, estimates, integers, numbers, shares

Titles = Mapping[str, str]
"""What systems are called for people, by name."""

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS, _MOST_CONFUSIONS = 8, 15


def analysis_tables(findings: Findings) -> list[Table | None]:
    """The tables that the analysis allows; none without one, and none of pairs for one system."""
    analysis, called = findings.analysis, findings.titles
    if analysis is None:
        return []
    return [
        correlation_table(analysis, called),
        overlap_table(analysis, called),
        confused_table(findings, analysis),
        calibration_table(analysis, called),
        pairs_table(analysis, called),
        joint_table(analysis, called),
    ]


def correlation_table(analysis: Analysis, called: Titles) -> Table:
    """Colour distance against recall over the genres, for each system."""
    return Table.of(
        "colour-correlation",
        [
            Column("System", lambda each: called[each[0]]),
            integers("Genres", lambda each: sum(p.distance is not None for p in each[1].colour.points)),
            numbers("Pearson", "1.colour.pearson.value"),
            estimates("By itself", lambda each: _by_itself(each[1].colour.pearson), form=Format.NUMBER),
            Column("p", "1.colour.pearson.p", Format.P_VALUE, "Pearson p"),
            numbers("Spearman", "1.colour.spearman.value"),
            Column("p", "1.colour.spearman.p", Format.P_VALUE, "Spearman p"),
            numbers("Pearson, mistakes alone", "1.colour.pearson_of_mistakes.value"),
            Column("p", "1.colour.pearson_of_mistakes.p", Format.P_VALUE, "mistakes p"),
        ],
        analysis.systems.items(),
        analysis=analysis,
    )


def overlap_table(analysis: Analysis, called: Titles) -> Table:
    """The pairs of genres with the greatest class overlap above the threshold; the greatest where none is above it."""
    overlaps = {called[name]: system.overlap for name, system in analysis.systems.items()}
    threshold = max((each.threshold for each in overlaps.values()), default=0.0)
    return Table.of(
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


def confused_table(findings: Findings, analysis: Analysis) -> Table | None:
    """The pairs of genres that the best system confuses most, with a book of each; None without mistakes."""
    best = findings.best
    if best is None or not analysis.systems[best.name].confused:
        return None
    titles = read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"]
    return Table.of(
        "confused-pairs",
        [
            Column("Books of", lambda pair: analysis.genres[pair.true].name),
            Column("Taken for", lambda pair: analysis.genres[pair.named].name),
            integers("Books", "books"),
            estimates("Share of the genre, %", "share", "share of the genre"),
            integers("The other way", "back"),
            Column("Surest of", lambda pair: str(titles.get(pair.examples[0], "")) or pair.examples[0]),
        ],
        analysis.systems[best.name].confused[:_MOST_CONFUSIONS],
        best=best,
        analysis=analysis,
    )


def calibration_table(analysis: Analysis, called: Titles) -> Table:
    """How far each system's probabilities can be believed."""
    found = {called[name]: system.calibration for name, system in analysis.systems.items()}
    is_tempered = any(each.tempered for each in found.values())
    tempered = [
        numbers("Temperature", "1.tempered.temperature"),
        shares("Error at it, %", "1.tempered.ece", "calibration error at temperature"),
        estimates("Log loss at it", "1.tempered.log_loss", "log loss at temperature", form=Format.NUMBER),
    ]
    return Table.of(
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
        found.items(),
        first=next(iter(found.values())),
        is_tempered=is_tempered,
    )


def pairs_table(analysis: Analysis, called: Titles) -> Table | None:
    """Every pair of systems on the same books; None for one system."""
    if not analysis.pairs:
        return None
    return Table.of(
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


def joint_table(analysis: Analysis, called: Titles) -> Table | None:
    """How many systems are right on a book; None for one system."""
    joint = analysis.together
    if joint is None:
        return None
    most = len(joint.systems)
    words = {0: "none", most: f"all {most}"}
    books, confidence = analysis.test_books, analysis.confidence
    return Table.of(
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


def _by_itself(found: Correlation | None) -> Cell:
    return Cell(found.expected, found.low, found.high) if found else Cell()
