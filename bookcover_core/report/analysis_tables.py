"""The tables of section 5.2: rules of colour and shape, colour and recall, overlap, confusions, calibration, pairs."""

from bookcover_core.evaluation.analyse import Analysis
from bookcover_core.evaluation.class_overlap import OverlappingPair
from bookcover_core.evaluation.correlation import Correlation
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.models.systems import title_of
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.significance_tables import pairs_table, together_table
from bookcover_core.report.table import Cell, Column, Kind, Table

# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS = 8
_MOST_CONFUSIONS = 15


def analysis_tables(findings: Findings, analysis: Analysis) -> list[Table]:
    """The tables that the analysis allows.

    Names: rules, colour-correlation, overlapping-pairs, confused-pairs, calibration; and pairs and together, where
    there are two networks.
    """
    tables = [
        rules_table(findings, analysis),
        correlation_table(analysis),
        overlap_table(analysis),
        confused_table(findings, analysis),
        calibration_table(analysis),
        pairs_table(analysis),
        together_table(analysis),
    ]
    return [table for table in tables if table is not None]


def rules_table(findings: Findings, analysis: Analysis) -> Table:
    """What colour and shape alone tell, beside chance and the networks."""
    ks = [k for k in TOP if k < len(analysis.genres)] or [1]
    rows = [[Cell("chance: the commonest genre"), Cell("nothing"), Cell(analysis.chance), *(Cell() for _ in ks[1:])]]
    rows += [
        [Cell(rule.name), Cell(", ".join(rule.sees).replace("_", " ")), *(Cell.of(rule.top[k]) for k in ks)]
        for rule in analysis.rules
    ]
    rows += [
        [Cell(scores.title), Cell("the cover"), *(Cell.of(scores.top(k)) for k in ks)] for scores in findings.scores
    ]
    return Table(
        name="rules",
        caption="What colour and shape alone tell of a genre, in per cent of the test books",
        columns=[
            Column("Rule or network"),
            Column("Sees"),
            *(Column(f"Top {k}", Kind.SHARE, f"top {k}", interval=True) for k in ks),
        ],
        rows=rows,
        notes=(
            (
                "Rules are fitted on the training books. Nearest mean colour names the genre whose mean red, green and "
                "blue are closest."
            ),
            _intervals(analysis),
        ),
    )


def correlation_table(analysis: Analysis) -> Table:
    """Colour distance against recall over the genres, for each network."""
    rows = []
    for name, system in analysis.systems.items():
        colour = system.colour
        points = sum(point.distance is not None for point in colour.points)
        rows.append(
            [
                Cell(title_of(name)),
                Cell(points),
                *_correlation(colour.pearson),
                *_correlation(colour.spearman),
                _correlation(colour.pearson_of_mistakes)[0],
            ]
        )
    return Table(
        name="colour-correlation",
        caption="Colour distance (equation 5.1) against recall, over the genres",
        columns=[
            Column("Network"),
            Column("Genres", Kind.COUNT),
            Column("Pearson", Kind.NUMBER, interval=True),
            Column("p", Kind.CHANCE, "Pearson p"),
            Column("Spearman", Kind.NUMBER, interval=True),
            Column("p", Kind.CHANCE, "Spearman p"),
            Column("Pearson, mistakes alone", Kind.NUMBER, interval=True),
        ],
        rows=rows,
        notes=(
            (
                "Below 0: the closer a network meets the mean colour of a genre, the more of its books it finds. Part "
                "of that comes by itself, for the books found are in both means; over mistakes alone it does not."
            ),
            "Equation 5.1 prints its last term squared twice; the Euclidean distance is meant and computed.",
            "A genre that a network never names has no distance and is left out.",
        ),
    )


def overlap_table(analysis: Analysis) -> Table:
    """The pairs of genres with the greatest class overlap above the threshold; the greatest where none is above it."""
    rows = []
    notes = []
    threshold = 0.0
    for name, system in analysis.systems.items():
        overlap = system.overlap
        threshold = overlap.threshold
        shown = overlap.pairs[:_MOST_OVERLAPS] or ([overlap.highest] if overlap.highest else [])
        rows += [_overlap_row(analysis, name, pair, above=bool(overlap.pairs)) for pair in shown]
        notes.append(f"{title_of(name)}: {len(overlap.pairs)} of {overlap.all_pairs} pairs are above it.")
    return Table(
        name="overlapping-pairs",
        caption=f"Pairs of genres that overlap (equation 5.2) by more than {threshold:g}",
        columns=[
            Column("Network"),
            Column("Genre"),
            Column("and"),
            Column("Overlap", Kind.NUMBER, interval=True),
            Column("Above"),
        ],
        rows=rows,
        notes=(
            *notes,
            (
                f"Of each network at most {_MOST_OVERLAPS} pairs, or its greatest overlap where none is above; "
                "evaluation/analysis/overlap.csv has all."
            ),
        ),
    )


def confused_table(findings: Findings, analysis: Analysis) -> Table | None:
    """The pairs of genres that the best network confuses most, with a book of each; None without mistakes."""
    best = findings.best
    if best is None or not analysis.systems[best.backbone].confused:
        return None
    titles = read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"]
    names = [genre.name for genre in analysis.genres]
    return Table(
        name="confused-pairs",
        caption=f"What {best.title} takes for what most often",
        columns=[
            Column("Books of"),
            Column("Taken for"),
            Column("Books", Kind.COUNT),
            Column("Share of the genre, %", Kind.SHARE, "share of the genre", interval=True),
            Column("The other way", Kind.COUNT),
            Column("Surest of"),
        ],
        rows=[
            [
                Cell(names[pair.true]),
                Cell(names[pair.named]),
                Cell(pair.books),
                Cell.of(pair.share),
                Cell(pair.back),
                Cell(str(titles.get(pair.examples[0], "")) or pair.examples[0]),
            ]
            for pair in analysis.systems[best.backbone].confused[:_MOST_CONFUSIONS]
        ],
        notes=(
            _intervals(analysis),
            "Surest of: the book of the pair to which it gives the wrong genre with the highest probability.",
        ),
    )


def calibration_table(analysis: Analysis) -> Table:
    """How far each network's probabilities can be believed."""
    is_tempered = any(system.calibration.tempered for system in analysis.systems.values())
    columns = [
        Column("Network"),
        Column("Mean probability, %", Kind.SHARE, "mean probability"),
        Column("Accuracy, %", Kind.SHARE, "accuracy"),
        Column("Calibration error, %", Kind.SHARE, "calibration error"),
        Column("By luck alone, %", Kind.SHARE, "calibration error by luck"),
        Column("Brier", Kind.NUMBER, interval=True),
        Column("Log loss", Kind.NUMBER, interval=True),
    ]
    if is_tempered:
        columns += [
            Column("Temperature", Kind.NUMBER),
            Column("Error at it, %", Kind.SHARE, "calibration error at temperature"),
            Column("Log loss at it", Kind.NUMBER, "log loss at temperature", interval=True),
        ]
    rows = []
    for name, system in analysis.systems.items():
        found = system.calibration
        row = [
            Cell(title_of(name)),
            Cell(found.confidence),
            Cell(found.accuracy),
            Cell(found.ece),
            Cell(found.ece_by_luck),
            Cell.of(found.brier),
            Cell.of(found.log_loss),
        ]
        if is_tempered:
            changed = found.tempered
            row += (
                [Cell(changed.temperature), Cell(changed.ece), Cell.of(changed.log_loss)] if changed else [Cell()] * 3
            )
        rows.append(row)
    first = next(iter(analysis.systems.values())).calibration
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
    if is_tempered:
        notes.append("The temperature is fitted on the validation books; above 1 a network was too sure.")
    return Table(
        name="calibration",
        caption="How far the networks' probabilities can be believed",
        columns=columns,
        rows=rows,
        notes=tuple(notes),
    )


def _overlap_row(analysis: Analysis, system: str, pair: OverlappingPair, *, above: bool) -> list[Cell]:
    names = [analysis.genres[label].name for label in (pair.first, pair.second)]
    return [Cell(title_of(system)), *map(Cell, names), Cell.of(pair.overlap), Cell("yes" if above else "no")]


def _correlation(found: Correlation | None) -> list[Cell]:
    return [Cell(), Cell()] if found is None else [Cell(found.value, found.low, found.high), Cell(found.p)]


def _intervals(analysis: Analysis) -> str:
    return f"In small type: {100 * analysis.confidence:.0f} % intervals."
