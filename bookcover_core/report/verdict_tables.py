"""The verdicts on the dissertation's numbers and statements as tables: counted, and one by one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bookcover_core.evaluation.scores import Estimate
from bookcover_core.report.statements import StatementVerdict
from bookcover_core.report.table import Cell, Column, Kind, Table
from bookcover_core.report.verdicts import NO_INTERVAL, NumberVerdict, Outcome

# What can become of a number.
_OF_NUMBERS = (Outcome.REPRODUCED, Outcome.BETTER, Outcome.WORSE, Outcome.NOT_COMPARABLE)

_LUCK_OF_BOTH = "Shares in per cent; the intervals of differences allow for the luck of both sets of test books."

# What many comparisons bring with them.
_LUCK = "Of numbers that differ by nothing but luck, one in twenty is called better or worse at 95 %."


def verdict_counts(verdicts: Sequence[NumberVerdict]) -> dict[str, dict[str, int]]:
    """Numbers by outcome, for each table of the dissertation and for all."""
    counts: dict[str, Counter[str]] = {}
    for each in verdicts:
        for name in (each.source, "All"):
            counts.setdefault(name, Counter())[each.outcome.value] += 1
    ordered = sorted(counts, key=lambda name: (name == "All", name))
    return {name: {outcome.value: counts[name][outcome.value] for outcome in _OF_NUMBERS} for name in ordered}


def count_table(verdicts: Sequence[NumberVerdict]) -> Table | None:
    """How many numbers of each table are reproduced, better, worse or not comparable; None without numbers."""
    if not verdicts:
        return None
    counts = verdict_counts(verdicts)
    rows = [
        [Cell(name), *(Cell(found[outcome.value]) for outcome in _OF_NUMBERS), Cell(sum(found.values()))]
        for name, found in counts.items()
    ]
    reasons = Counter(each.why for each in verdicts if each.why)
    return Table(
        name="verdict-counts",
        caption="What became of the numbers in the dissertation's tables",
        columns=[
            Column("Numbers of"),
            *(Column(outcome.value.capitalize(), Kind.COUNT) for outcome in _OF_NUMBERS),
            Column("In all", Kind.COUNT),
        ],
        rows=rows,
        foot=1,
        notes=(
            f"Reproduced: the interval of the difference holds 0. {_LUCK}",
            *(f"Not comparable, {count}: {why}." for why, count in reasons.most_common()),
        ),
    )


def total_table(verdicts: Sequence[NumberVerdict]) -> Table | None:
    """The published totals and preparations of which the study has a number; None without any."""
    shown = [
        each
        for each in verdicts
        if each.ours is not None and each.why != NO_INTERVAL and (each.source == "Table 1" or each.item == "Total")
    ]
    if not shown:
        return None
    table = _table("verdicts-totals", "The dissertation's totals, and what became of them", shown)
    reasons = dict.fromkeys(each.why for each in shown if each.why)
    return replace(table, notes=(*table.notes, *(f"Not comparable: {why}." for why in reasons)))


def verdict_table(verdicts: Sequence[NumberVerdict]) -> Table | None:
    """Every published number with the study's and the verdict; None without numbers."""
    caption = "Every number of Tables 1, 2 and 3, and what became of it"
    if not verdicts:
        return None
    table = _table("verdicts", caption, verdicts)
    whys = [Cell(each.why) for each in verdicts]
    return replace(
        table,
        columns=[*table.columns, Column("Why not comparable")],
        rows=[[*row, why] for row, why in zip(table.rows, whys, strict=True)],
    )


def verdict_results(numbers: Sequence[NumberVerdict], statements: Sequence[StatementVerdict]) -> dict[str, object]:
    """Every verdict, and how many there are of each, as JSON values."""
    return {
        "counts": verdict_counts(numbers),
        "numbers": [
            {
                "source": each.source,
                "network": each.network,
                "measure": each.measure,
                "item": each.item,
                "published": each.published,
                "ours": each.ours.model_dump() if isinstance(each.ours, Estimate) else each.ours,
                "difference": None if each.apart is None else [each.apart.low, each.apart.high],
                "outcome": each.outcome.value,
                "why": each.why,
            }
            for each in numbers
        ],
        "statements": [
            {
                "section": each.section,
                "statement": each.statement,
                "ours": each.ours,
                "outcome": each.outcome.value,
                "why": each.why,
            }
            for each in statements
        ],
    }


def statement_table(verdicts: Sequence[StatementVerdict]) -> Table | None:
    """The statements with what was found and the verdict; None without statements."""
    if not verdicts:
        return None
    reasons = dict.fromkeys(each.why for each in verdicts if each.why)
    return Table(
        name="statements",
        caption="What the dissertation says in words, and what became of it",
        columns=[Column("Section"), Column("It says"), Column("This study found"), Column("Verdict")],
        rows=[
            [Cell(each.section), Cell(each.statement), Cell(each.ours), Cell(each.outcome.value)] for each in verdicts
        ],
        notes=tuple(f"Not comparable: {why}." for why in reasons),
    )


def _table(name: str, caption: str, verdicts: Sequence[NumberVerdict]) -> Table:
    return Table(
        name=name,
        caption=caption,
        columns=[
            Column("Published in"),
            Column("Network"),
            Column("Of"),
            Column("Measure"),
            Column("Published", Kind.SHARE, faint=True),
            Column("This study", Kind.SHARE, interval=True),
            Column("Difference", Kind.SHARE, interval=True),
            Column("Verdict"),
        ],
        rows=[_row(each) for each in verdicts],
        notes=(_LUCK_OF_BOTH,),
    )


def _row(each: NumberVerdict) -> list[Cell]:
    # Epochs and numbers of genres stand as text in columns of shares.
    published = Cell(str(each.published)) if isinstance(each.published, int) else Cell(each.published)
    ours = Cell.of(each.ours) if isinstance(each.ours, Estimate) else Cell(_text(each.ours))
    apart = Cell()
    if each.apart is not None and isinstance(each.ours, Estimate):
        apart = Cell(each.ours.value - each.published, each.apart.low, each.apart.high)
    words = [Cell(text) for text in (each.source, each.network, each.item, each.measure)]
    return [*words, published, ours, apart, Cell(each.outcome.value)]


def _text(count: int | None) -> str | None:
    return None if count is None else str(count)
