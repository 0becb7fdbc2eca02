"""The tables of networks against each other, and of what they know between them."""

from bookcover_core.evaluation.analyse import Analysis
from bookcover_core.evaluation.scores import share
from bookcover_core.evaluation.significance import PairComparison, Standing
from bookcover_core.models.systems import title_of
from bookcover_core.report.table import Cell, Column, Kind, Table, percent


def pairs_table(analysis: Analysis) -> Table | None:
    """Every pair of networks on the same books; None for one network."""
    if not analysis.pairs:
        return None
    return Table(
        name="pairs",
        caption="Networks against each other, on the same test books",
        columns=[
            Column("First"),
            Column("Second"),
            Column("Difference of accuracies", Kind.SHARE, interval=True),
            Column("p, McNemar", Kind.CHANCE, "McNemar p"),
            Column("p, Holm", Kind.CHANCE, "Holm p"),
            Column("Standing"),
            Column("Both right", Kind.COUNT),
            Column("Only the first", Kind.COUNT),
            Column("Only the second", Kind.COUNT),
            Column("Neither", Kind.COUNT),
            Column("Same genre, %", Kind.SHARE, "same genre", interval=True),
            Column("Kappa", Kind.NUMBER, interval=True),
        ],
        rows=[
            [
                Cell(title_of(pair.first)),
                Cell(title_of(pair.second)),
                Cell.of(pair.difference),
                Cell(pair.p),
                Cell(pair.p_holm),
                Cell(_standing(pair)),
                Cell(pair.both),
                Cell(pair.only_first),
                Cell(pair.only_second),
                Cell(pair.neither),
                Cell.of(pair.same),
                Cell.of(pair.kappa),
            ]
            for pair in analysis.pairs
        ],
        notes=(
            (
                "A tie: the interval of the difference (a bootstrap of pairs, by genre) holds 0. Open: it does not, "
                "but McNemar's exact test, corrected for the number of pairs after Holm, allows for luck."
            ),
            "Same genre: both name it, rightly or wrongly; kappa: how much more often than their habits alone would.",
        ),
    )


def together_table(analysis: Analysis) -> Table | None:
    """How many networks predict a book rightly; None for one network."""
    together = analysis.together
    if together is None:
        return None
    rows = []
    for number, books in enumerate(together.right_by):
        who = "none" if number == 0 else f"all {number}" if number == len(together.systems) else str(number)
        rows.append([Cell(who), Cell(books), Cell.of(share(books, analysis.test_books, analysis.confidence))])
    known = together.any_right
    return Table(
        name="together",
        caption="How many of the networks predict a book rightly",
        columns=[
            Column("Networks right"),
            Column("Test books", Kind.COUNT),
            Column("Share, %", Kind.SHARE, "share", interval=True),
        ],
        rows=rows,
        notes=(
            (
                f"Someone who always knew which network to trust would be right for {percent(known.value)} % "
                f"({percent(known.low)} to {percent(known.high)}): no choice among their answers can do better."
            ),
            f"Networks: {', '.join(title_of(name) for name in together.systems)}.",
        ),
    )


def _standing(pair: PairComparison) -> str:
    match pair.standing:
        case Standing.AHEAD:
            return f"{title_of(pair.first)} ahead"
        case Standing.BEHIND:
            return f"{title_of(pair.second)} ahead"
        case _:
            return pair.standing.value
