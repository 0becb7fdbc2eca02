"""The tables of section 5.2: colour and recall, overlap, confusions, calibration, pairs of systems."""

from collections.abc import Mapping

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.report_figures import titles
from bookcover_core.report.table import Cell, Column, Format, Table, estimates, integers, percent, shares

Titles = Mapping[str, str]
"""What systems are called for people, by name."""

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS = 8
_MOST_CONFUSIONS = 15


def analysis_tables(findings: Findings, analysis: Analysis) -> list[Table | None]:
    """The tables that the analysis allows.

    Names: colour-correlation, overlapping-pairs, confused-pairs, calibration; and pairs and together, where
    there are two systems.
    """
    called = titles(findings)
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
        "Colour distance (equation 5.1) against recall, over the genres",
        [
            Column("System", lambda each: called[each[0]]),
            integers("Genres", lambda each: sum(p.distance is not None for p in each[1].colour.points)),
            Column("Pearson", "1.colour.pearson.value", Format.NUMBER),
            estimates("By itself", lambda each: _by_itself(each[1].colour.pearson), form=Format.NUMBER),
            Column("p", "1.colour.pearson.p", Format.P_VALUE, "Pearson p"),
            Column("Spearman", "1.colour.spearman.value", Format.NUMBER),
            Column("p", "1.colour.spearman.p", Format.P_VALUE, "Spearman p"),
            Column("Pearson, mistakes alone", "1.colour.pearson_of_mistakes.value", Format.NUMBER),
            Column("p", "1.colour.pearson_of_mistakes.p", Format.P_VALUE, "mistakes p"),
        ],
        analysis.systems.items(),
        notes=[
            (
                "Below 0: the closer a system meets the mean colour of a genre, the more of its books it finds. Most "
                "of that comes by itself: the mean colour of a genre that is seldom named is that of few books, and "
                "its recall is low. By itself: the mean, and the middle "
                f"{100 * analysis.confidence:.0f} %, with the colours shuffled over the test books, where colour tells "
                "nothing; p is against these."
            ),
            "Equation 5.1 prints its last term squared twice; the Euclidean distance is meant and computed.",
            "A genre that a system never names has no distance and is left out.",
        ],
    )


def overlap_table(analysis: Analysis, called: Titles) -> Table:
    """The pairs of genres with the greatest class overlap above the threshold; the greatest where none is above it."""
    shown = []
    notes = []
    threshold = 0.0
    for name, system in analysis.systems.items():
        overlap = system.overlap
        threshold = overlap.threshold
        pairs = overlap.pairs[:_MOST_OVERLAPS] or ([overlap.highest] if overlap.highest else [])
        shown += [(called[name], pair) for pair in pairs]
        notes.append(f"{called[name]}: {len(overlap.pairs)} of {overlap.all_pairs} pairs are above it.")
    return Table.of(
        "overlapping-pairs",
        f"Pairs of genres that overlap (equation 5.2) by more than {threshold:g}",
        [
            Column("System", "0"),
            Column("Genre", lambda each: analysis.genres[each[1].first].name),
            Column("and", lambda each: analysis.genres[each[1].second].name),
            estimates("Overlap", "1.overlap", form=Format.NUMBER),
            Column("Above", lambda each: "yes" if each[1].overlap.value > threshold else "no"),
        ],
        shown,
        notes=[
            *notes,
            "Flat probabilities overlap by themselves: where all are alike, so are those of any two genres.",
            (
                f"Of each system at most {_MOST_OVERLAPS} pairs, or its greatest overlap where none is above; "
                "evaluation/analysis/overlap.csv has all."
            ),
        ],
    )


def confused_table(findings: Findings, analysis: Analysis) -> Table | None:
    """The pairs of genres that the best system confuses most, with a book of each; None without mistakes."""
    best = findings.best
    if best is None or not analysis.systems[best.name].confused:
        return None
    titles = read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"]
    return Table.of(
        "confused-pairs",
        f"What {best.title} takes for what most often",
        [
            Column("Books of", lambda pair: analysis.genres[pair.true].name),
            Column("Taken for", lambda pair: analysis.genres[pair.named].name),
            integers("Books", "books"),
            estimates("Share of the genre, %", "share", "share of the genre"),
            integers("The other way", "back"),
            Column("Surest of", lambda pair: str(titles.get(pair.examples[0], "")) or pair.examples[0]),
        ],
        analysis.systems[best.name].confused[:_MOST_CONFUSIONS],
        notes=[
            _intervals(analysis),
            "Surest of: the book of the pair to which it gives the wrong genre with the highest probability.",
        ],
    )


def calibration_table(analysis: Analysis, called: Titles) -> Table:
    """How far each system's probabilities can be believed."""
    found = {called[name]: system.calibration for name, system in analysis.systems.items()}
    first = next(iter(found.values()))
    columns = [
        Column("System", "0"),
        shares("Mean probability, %", "1.confidence", "mean probability"),
        shares("Accuracy, %", "1.accuracy", "accuracy"),
        shares("Calibration error, %", "1.ece", "calibration error"),
        shares("By luck alone, %", "1.ece_by_luck", "calibration error by luck"),
        estimates("Brier", "1.brier", form=Format.NUMBER),
        estimates("Log loss", "1.log_loss", form=Format.NUMBER),
    ]
    notes = [
        (
            "Calibration error: the mean gap between probability and accuracy in bins of as many books each; by luck "
            "alone: what it would be, were every probability exactly right."
        ),
        (
            f"The same probability for every genre has a Brier score of {first.brier_of_chance:.2f} and a log loss of "
            f"{first.log_loss_of_chance:.2f}."
        ),
    ]
    if any(each.tempered for each in found.values()):
        columns += [
            Column("Temperature", "1.tempered.temperature", Format.NUMBER),
            shares("Error at it, %", "1.tempered.ece", "calibration error at temperature"),
            estimates("Log loss at it", "1.tempered.log_loss", "log loss at temperature", form=Format.NUMBER),
        ]
        notes.append("The temperature is fitted on the validation books; above 1 a system was too sure.")
    caption = "How far the systems' probabilities can be believed"
    return Table.of("calibration", caption, columns, found.items(), notes=notes)


def pairs_table(analysis: Analysis, called: Titles) -> Table | None:
    """Every pair of systems on the same books; None for one system."""
    if not analysis.pairs:
        return None
    return Table.of(
        "pairs",
        "Systems against each other, on the same test books",
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
        notes=[
            (
                "A tie: the interval of the difference (Newcombe's of pairs) holds 0. Open: it does not, "
                "but McNemar's exact test, corrected for the number of pairs after Holm, allows for luck."
            ),
            (
                "Same genre: both name it, right or wrong; kappa: their agreement beyond what their genre frequencies "
                "alone explain."
            ),
        ],
    )


def joint_table(analysis: Analysis, called: Titles) -> Table | None:
    """How many systems are right on a book; None for one system."""
    joint = analysis.together
    if joint is None:
        return None
    most = len(joint.systems)
    words = {0: "none", most: f"all {most}"}
    known = joint.any_right
    return Table.of(
        "together",
        "How many of the systems are right on a book",
        [
            Column("Systems right", lambda each: words.get(each[0], str(each[0]))),
            integers("Test books", "1"),
            estimates(
                "Share, %", lambda each: Estimate.of_share(each[1], analysis.test_books, analysis.confidence), "share"
            ),
        ],
        enumerate(joint.right_by),
        notes=[
            (
                f"Someone who always knew which system to trust would be right on {percent(known.value)} % "
                f"({percent(known.low)} to {percent(known.high)}): no choice among their answers can do better."
            ),
            f"Systems: {', '.join(called[name] for name in joint.systems)}.",
        ],
    )


def _by_itself(found: Correlation | None) -> Cell:
    return Cell(found.expected, found.low, found.high) if found else Cell()


def _intervals(analysis: Analysis) -> str:
    return f"In small type: {100 * analysis.confidence:.0f} % intervals."
