"""The tables of section 5.2: baselines, colour and recall, overlap, confusions, calibration, pairs of systems."""

from operator import itemgetter

from bookcover_core.evaluation.analysis import Analysis
from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.families.family import title_of
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Content, Format, Table, estimates, integers, percent, shares

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS = 8
_MOST_CONFUSIONS = 15


def analysis_tables(findings: Findings, analysis: Analysis) -> list[Table | None]:
    """The tables that the analysis allows.

    Names: colour-correlation, overlapping-pairs, confused-pairs, calibration; and pairs and together, where
    there are two networks.
    """
    return [
        correlation_table(analysis),
        overlap_table(analysis),
        confused_table(findings, analysis),
        calibration_table(analysis),
        pairs_table(analysis),
        joint_table(analysis),
    ]


def correlation_table(analysis: Analysis) -> Table:
    """Colour distance against recall over the genres, for each network."""
    return Table.of(
        "colour-correlation",
        "Colour distance (equation 5.1) against recall, over the genres",
        [
            Column("Network", lambda each: title_of(each[0])),
            integers("Genres", lambda each: sum(p.distance is not None for p in each[1].colour.points)),
            _coefficient("Pearson", "pearson"),
            estimates("By itself", lambda each: _by_itself(each[1].colour.pearson), form=Format.NUMBER),
            Column("p", lambda each: _number(each[1].colour.pearson, "p"), Format.P_VALUE, "Pearson p"),
            _coefficient("Spearman", "spearman"),
            Column("p", lambda each: _number(each[1].colour.spearman, "p"), Format.P_VALUE, "Spearman p"),
            _coefficient("Pearson, mistakes alone", "pearson_of_mistakes"),
            Column("p", lambda each: _number(each[1].colour.pearson_of_mistakes, "p"), Format.P_VALUE, "mistakes p"),
        ],
        analysis.systems.items(),
        notes=[
            (
                "Below 0: the closer a network meets the mean colour of a genre, the more of its books it finds. Most "
                "of that comes by itself: the mean colour of a genre that is seldom named is that of few books, and "
                "its recall is low. By itself: the mean, and the middle "
                f"{100 * analysis.confidence:.0f} %, with the colours shuffled over the test books, where colour tells "
                "nothing; p is against these."
            ),
            "Equation 5.1 prints its last term squared twice; the Euclidean distance is meant and computed.",
            "A genre that a network never names has no distance and is left out.",
        ],
    )


def overlap_table(analysis: Analysis) -> Table:
    """The pairs of genres with the greatest class overlap above the threshold; the greatest where none is above it."""
    shown = []
    notes = []
    threshold = 0.0
    for name, system in analysis.systems.items():
        overlap = system.overlap
        threshold = overlap.threshold
        pairs = overlap.pairs[:_MOST_OVERLAPS] or ([overlap.highest] if overlap.highest else [])
        shown += [(title_of(name), pair) for pair in pairs]
        notes.append(f"{title_of(name)}: {len(overlap.pairs)} of {overlap.all_pairs} pairs are above it.")
    return Table.of(
        "overlapping-pairs",
        f"Pairs of genres that overlap (equation 5.2) by more than {threshold:g}",
        [
            Column("Network", itemgetter(0)),
            Column("Genre", lambda each: analysis.genres[each[1].first].name),
            Column("and", lambda each: analysis.genres[each[1].second].name),
            estimates("Overlap", lambda each: each[1].overlap, form=Format.NUMBER),
            Column("Above", lambda each: "yes" if each[1].overlap.value > threshold else "no"),
        ],
        shown,
        notes=[
            *notes,
            (
                f"Of each network at most {_MOST_OVERLAPS} pairs, or its greatest overlap where none is above; "
                "evaluation/analysis/overlap.csv has all."
            ),
        ],
    )


def confused_table(findings: Findings, analysis: Analysis) -> Table | None:
    """The pairs of genres that the best network confuses most, with a book of each; None without mistakes."""
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
            integers("Books", lambda pair: pair.books),
            estimates("Share of the genre, %", lambda pair: pair.share, "share of the genre"),
            integers("The other way", lambda pair: pair.back),
            Column("Surest of", lambda pair: str(titles.get(pair.examples[0], "")) or pair.examples[0]),
        ],
        analysis.systems[best.name].confused[:_MOST_CONFUSIONS],
        notes=[
            _intervals(analysis),
            "Surest of: the book of the pair to which it gives the wrong genre with the highest probability.",
        ],
    )


def calibration_table(analysis: Analysis) -> Table:
    """How far each network's probabilities can be believed."""
    found = {title_of(name): system.calibration for name, system in analysis.systems.items()}
    first = next(iter(found.values()))
    columns = [
        Column("Network", itemgetter(0)),
        shares("Mean probability, %", lambda each: each[1].confidence, "mean probability"),
        shares("Accuracy, %", lambda each: each[1].accuracy, "accuracy"),
        shares("Calibration error, %", lambda each: each[1].ece, "calibration error"),
        shares("By luck alone, %", lambda each: each[1].ece_by_luck, "calibration error by luck"),
        estimates("Brier", lambda each: each[1].brier, form=Format.NUMBER),
        estimates("Log loss", lambda each: each[1].log_loss, form=Format.NUMBER),
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
            Column("Temperature", lambda each: _tempered(each[1], "temperature"), Format.NUMBER),
            shares("Error at it, %", lambda each: _tempered(each[1], "ece"), "calibration error at temperature"),
            estimates(
                "Log loss at it",
                lambda each: _tempered(each[1], "log_loss"),
                "log loss at temperature",
                form=Format.NUMBER,
            ),
        ]
        notes.append("The temperature is fitted on the validation books; above 1 a network was too sure.")
    caption = "How far the networks' probabilities can be believed"
    return Table.of("calibration", caption, columns, found.items(), notes=notes)


def pairs_table(analysis: Analysis) -> Table | None:
    """Every pair of networks on the same books; None for one network."""
    if not analysis.pairs:
        return None
    return Table.of(
        "pairs",
        "Networks against each other, on the same test books",
        [
            Column("First", lambda pair: title_of(pair.first)),
            Column("Second", lambda pair: title_of(pair.second)),
            estimates("Difference of accuracies", lambda pair: pair.difference),
            Column("p, McNemar", lambda pair: pair.p, Format.P_VALUE, "McNemar p"),
            Column("p, Holm", lambda pair: pair.p_holm, Format.P_VALUE, "Holm p"),
            Column("Standing", lambda pair: pair.standing.words(title_of(pair.first), title_of(pair.second))),
            integers("Both right", lambda pair: pair.both),
            integers("Only the first", lambda pair: pair.only_first),
            integers("Only the second", lambda pair: pair.only_second),
            integers("Neither", lambda pair: pair.neither),
            estimates("Same genre, %", lambda pair: pair.same, "same genre"),
            estimates("Kappa", lambda pair: pair.kappa, form=Format.NUMBER),
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


def joint_table(analysis: Analysis) -> Table | None:
    """How many networks are right on a book; None for one network."""
    joint = analysis.together
    if joint is None:
        return None
    most = len(joint.systems)
    words = {0: "none", most: f"all {most}"}
    known = joint.any_right
    return Table.of(
        "together",
        "How many of the networks are right on a book",
        [
            Column("Networks right", lambda each: words.get(each[0], str(each[0]))),
            integers("Test books", itemgetter(1)),
            estimates(
                "Share, %", lambda each: Estimate.of_share(each[1], analysis.test_books, analysis.confidence), "share"
            ),
        ],
        enumerate(joint.right_by),
        notes=[
            (
                f"Someone who always knew which network to trust would be right on {percent(known.value)} % "
                f"({percent(known.low)} to {percent(known.high)}): no choice among their answers can do better."
            ),
            f"Networks: {', '.join(title_of(name) for name in joint.systems)}.",
        ],
    )


def _coefficient(title: str, name: str) -> Column:
    """A column of one of the correlations of `ColourStudy`."""
    return Column(title, lambda each: _number(getattr(each[1].colour, name), "value"), Format.NUMBER)


def _by_itself(found: Correlation | None) -> Cell:
    return Cell(found.expected, found.low, found.high) if found else Cell()


def _number(found: Correlation | None, name: str) -> float | None:
    return getattr(found, name, None)


def _tempered(found: Calibration, number: str) -> Content:
    return getattr(found.tempered, number, None)


def _intervals(analysis: Analysis) -> str:
    return f"In small type: {100 * analysis.confidence:.0f} % intervals."
