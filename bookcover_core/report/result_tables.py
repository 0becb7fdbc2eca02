"""The tables of results: Tables 1, 2 and 3 of the dissertation with the published numbers beside the study's own.

A genre's best is marked among all networks whose numbers may be compared; where several share it, all are marked, and
each counts it.
"""

from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    published_precision,
    published_preparations,
    published_recall,
)
from bookcover_core.evaluation.scores import share
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import DASH, Cell, Column, Kind, Table

# Shares are compared as Table 2 prints them: to a tenth of a per cent.
_PRINTED_DIGITS = 3

# The network whose preparations Table 1 of the dissertation compares.
_COMPARED = "MobileNetV2"

NOT_COMPARABLE = "Published numbers are shown for orientation and are not comparable: "
_INTERVALS = "In small type: {confidence:.0f} % intervals (Wilson for genres, bootstrap for totals)."


def preparation_table(findings: Findings) -> Table | None:
    """Table 1: the preparations in the short training; None where they were not compared."""
    if not findings.trials:
        return None
    published = published_preparations() if findings.has_published else {}
    confidence = findings.study.settings.evaluation.confidence
    several = len({trial.backbone for trial in findings.trials}) > 1
    columns = [
        *([Column("Network")] if several else []),
        Column("Preparation"),
        Column("Best epoch", Kind.COUNT, "best epoch"),
        Column("Validation accuracy", Kind.SHARE, "validation accuracy", interval=True),
        Column("Test accuracy", Kind.SHARE, "test accuracy", interval=True),
    ]
    if published:
        columns += [
            Column("Best epoch, Hill 2020", Kind.COUNT, "published best epoch", faint=True),
            Column("Test accuracy, Hill 2020", Kind.SHARE, "published test accuracy", faint=True),
        ]
    rows = []
    for trial in findings.trials:
        row = [
            *([Cell(trial.backbone)] if several else []),
            Cell(trial.preparation, best=trial.chosen),
            Cell(trial.best_epoch),
            validation_cell(findings, trial.validation_accuracy),
            share_cell(trial.test_accuracy, findings.books_in("test"), confidence),
        ]
        if published:
            other = published.get(trial.preparation) if trial.backbone == _COMPARED else None
            row += [Cell(other.best_epoch), Cell(other.test_accuracy)] if other else [Cell(), Cell()]
        rows.append(row)
    return Table(
        name="table-1-preparations",
        caption=f"Table 1. {'Each network' if several else findings.trials[0].backbone}, trained briefly on each "
        "preparation, in per cent",
        columns=columns,
        rows=rows,
        notes=(
            *comparability_note(findings),
            "The preparation is chosen by validation accuracy; the test accuracy chooses nothing.",
        ),
    )


def recall_table(findings: Findings) -> Table | None:
    """Table 2: top-1 and top-3 recall by genre, the study's networks and the published ones; None without networks."""
    if not findings.networks:
        return None
    scores = findings.scores
    ks = [k for k in (1, 3) if k < len(findings.genres)] or [1]
    published = list(published_recall().values()) if findings.has_published else []
    columns = [Column("Genre")]
    groups = [("", 1)]
    for each in findings.networks:
        groups.append((f"{each.title}, this study", len(ks)))
        columns += [Column(f"Top {k}", Kind.SHARE, f"{each.system.title} top {k}", interval=True) for k in ks]
    for other in published:
        groups.append((f"{other.model}, {'Iwana 2016' if other.model in _IWANA else 'Hill 2020'}", len(ks)))
        columns += [Column(f"Top {k}", Kind.SHARE, f"published {other.model} top {k}", faint=True) for k in ks]
    rows = []
    wins = [0] * (len(columns) - 1)
    for genre in findings.genres:
        cells: list[Cell] = []
        for network in scores:
            cells += [Cell.of(network.genres[genre.label].recall.get(k)) for k in ks]
        for other in published:
            cells += [Cell((other.top1 if k == 1 else other.top3)[genre.name]) for k in ks]
        contenders = len(cells) if findings.comparable else len(scores) * len(ks)
        marked = _mark_best(cells, len(ks), contenders)
        wins = [count + cell.best for count, cell in zip(wins, marked, strict=True)]
        rows.append([Cell(genre.name), *marked])
    totals: list[Cell] = []
    for network in scores:
        totals += [Cell.of(network.top(k)) for k in ks]
    for other in published:
        totals += [Cell(other.total_top1 if k == 1 else other.total_top3) for k in ks]
    contenders = len(totals) if findings.comparable else len(scores) * len(ks)
    rows.append([Cell("Total accuracy"), *_mark_best(totals, len(ks), contenders)])
    notes = [*comparability_note(findings), interval_note(findings)]
    foot = 1
    if contenders > len(ks):
        counted = [Cell(f"{count}") if place < contenders else Cell() for place, count in enumerate(wins)]
        rows.append([Cell("Number of best genres"), *counted])
        foot = 2
        notes.append(
            "Bold: best of the genre, compared to a tenth of a per cent; networks that share it are all marked, and "
            "each counts it."
        )
        if findings.comparable:
            printed = ", ".join(f"{model} {count}" for model, count in PRINTED_BEST_TOP1.items())
            notes.append(f"The dissertation counts each genre once, among its five networks (top 1: {printed}).")
    return Table(
        name="table-2-recall",
        caption="Table 2. Top-1 and top-3 recall by genre, in per cent",
        columns=columns,
        rows=rows,
        foot=foot,
        groups=tuple(groups),
        notes=tuple(notes),
    )


def precision_table(findings: Findings) -> Table | None:
    """Table 3: top-1 precision by genre, the study's networks and the dissertation's; None without networks."""
    if not findings.networks:
        return None
    scores = findings.scores
    published = list(published_precision().values()) if findings.has_published else []
    columns = [
        Column("Predicted genre"),
        *(Column(each.title, Kind.SHARE, each.system.title, interval=True) for each in findings.networks),
        *(Column(other.model, Kind.SHARE, f"published {other.model}", faint=True) for other in published),
    ]
    groups = [("", 1), ("This study", len(scores))]
    if published:
        groups.append(("Hill 2020", len(published)))
    rows = [
        [
            Cell(genre.name),
            *(Cell.of(network.genres[genre.label].precision) for network in scores),
            *(Cell(other.precision[genre.name]) for other in published),
        ]
        for genre in findings.genres
    ]
    rows.append(
        [
            Cell("Total precision (accuracy)"),
            *(Cell.of(network.accuracy) for network in scores),
            *(Cell(other.total) for other in published),
        ]
    )
    rows.append(
        [
            Cell("Mean over genres (macro)"),
            *(Cell.of(network.totals["macro_precision"]) for network in scores),
            *(Cell(_published_macro(other.precision)) for other in published),
        ]
    )
    return Table(
        name="table-3-precision",
        caption="Table 3. Top-1 precision by predicted genre, in per cent",
        columns=columns,
        rows=rows,
        foot=2,
        groups=tuple(groups),
        notes=(
            *comparability_note(findings),
            interval_note(findings),
            f"{DASH} stands where the network never names the genre; in the mean that counts as 0.",
            "What the dissertation calls total precision is the share of books predicted rightly, the accuracy.",
        ),
    )


def validation_cell(findings: Findings, accuracy: float) -> Cell:
    """A validation accuracy with Wilson's interval."""
    return share_cell(accuracy, findings.books_in("validation"), findings.study.settings.evaluation.confidence)


def share_cell(value: float, books: int, confidence: float) -> Cell:
    """A share of so many books with Wilson's interval; without interval where their number is not known."""
    estimate = share(round(value * books), books, confidence)
    return Cell(value, estimate.low, estimate.high) if estimate else Cell(value)


# The columns of Table 2 that the dissertation takes from Iwana et al. 2016.
_IWANA = frozenset({"LeNet", "AlexNet"})


def _mark_best(cells: list[Cell], step: int, contenders: int) -> list[Cell]:
    """`cells` with the best of each k marked among the first `contenders`; k goes round in steps of `step`."""
    if contenders <= step:
        return cells
    marked = list(cells)
    for start in range(step):
        values = {
            place: round(float(cells[place].value or 0), _PRINTED_DIGITS)
            for place in range(start, contenders, step)
            if cells[place].value is not None
        }
        highest = max(values.values(), default=0.0)
        for place, value in values.items():
            if value == highest and highest > 0:
                cell = cells[place]
                marked[place] = Cell(cell.value, cell.low, cell.high, best=True)
    return marked


def comparability_note(findings: Findings) -> tuple[str, ...]:
    """Why the published numbers beside the study's cannot be compared with them; nothing where they can."""
    if findings.comparable or not findings.has_published:
        return ()
    return (f"{NOT_COMPARABLE}{'; '.join(findings.obstacles)}.",)


def interval_note(findings: Findings) -> str:
    """What the small type in the tables means."""
    return _INTERVALS.format(confidence=100 * findings.study.settings.evaluation.confidence)


def _published_macro(precision: dict[str, float | None]) -> float:
    return sum(value or 0.0 for value in precision.values()) / len(precision)
