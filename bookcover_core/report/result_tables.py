"""The tables of results: Tables 1, 2 and 3 of the dissertation with the published numbers beside the study's own.

A genre's best is marked among all systems whose numbers may be compared; where several share it, all are marked, and
each counts it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bookcover_core.evaluation.intervals import Estimate, share
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    published_precision,
    published_preparations,
    published_recall,
    published_results,
)
from bookcover_core.report.findings import EvaluatedSystem, Findings, PreparationTrial
from bookcover_core.report.table import DASH, Cell, Column, Content, Table, estimates, integers, shares

# Shares are compared as Table 2 prints them: to a tenth of a per cent.
_PRINTED_DIGITS = 3

# The network whose preparations Table 1 of the dissertation compares.
_COMPARED = "MobileNetV2"

# The columns of Table 2 that the dissertation takes from Iwana et al. 2016, as their list of results calls them.
_IWANA = {"LeNet": "LeNet", "AlexNet": "fine-tuned AlexNet"}

NOT_COMPARABLE = "Published numbers are shown for orientation and are not comparable: "


def preparation_table(findings: Findings) -> Table | None:
    """Table 1: the preparations in the short training; None where they were not compared."""
    if not findings.trials:
        return None
    several = len({trial.backbone for trial in findings.trials}) > 1
    test_books = findings.books_in("test")
    columns = [
        Column("Preparation", lambda trial: Cell(trial.preparation, best=trial.chosen)),
        integers("Best epoch", lambda trial: trial.best_epoch, "best epoch"),
        estimates(
            "Validation accuracy",
            lambda trial: validation_cell(findings, trial.validation_accuracy),
            "validation accuracy",
        ),
        estimates(
            "Test accuracy",
            lambda trial: _share_cell(trial.test_accuracy, test_books, findings.confidence),
            "test accuracy",
        ),
    ]
    if several:
        columns.insert(0, Column("Network", lambda trial: trial.backbone))
    if findings.has_published:

        def published(trial: PreparationTrial, number: str) -> Content:
            other = published_preparations().get(trial.preparation) if trial.backbone == _COMPARED else None
            return getattr(other, number, None)

        columns += [
            integers(
                "Best epoch, Hill 2020",
                lambda trial: published(trial, "best_epoch"),
                "published best epoch",
                faint=True,
            ),
            shares(
                "Test accuracy, Hill 2020",
                lambda trial: published(trial, "test_accuracy"),
                "published test accuracy",
                faint=True,
            ),
        ]
    return Table.of(
        "table-1-preparations",
        f"Table 1. {'Each network' if several else findings.trials[0].backbone}, trained briefly on each preparation, "
        "in per cent",
        columns,
        findings.trials,
        notes=[
            comparability_note(findings),
            "The preparation is chosen by validation accuracy; the test accuracy chooses nothing.",
        ],
    )


def recall_table(findings: Findings) -> Table | None:
    """Table 2: top-1 and top-3 recall by genre, the study's systems and the published ones, and baselines."""
    if not findings.systems:
        return None
    scores, baselines = findings.scores, [each.scores for each in findings.baselines]
    ks = findings.top(1, 3)
    published = list(published_recall().values()) if findings.has_published else []
    columns = [Column("Genre")]
    columns += [estimates(f"Top {k}", name=f"{each.system.title} top {k}") for each in findings.systems for k in ks]
    columns += [
        shares(f"Top {k}", name=f"published {other.model} top {k}", faint=True) for other in published for k in ks
    ]
    columns += [estimates(f"Top {k}", name=f"{each.system.title} top {k}") for each in findings.baselines for k in ks]
    groups = [("", 1), *((f"{each.title}, this study", len(ks)) for each in findings.systems)]
    sources = {each.model: "Iwana 2016" if each.model in _IWANA else "Hill 2020" for each in published}
    groups += [(f"{_IWANA.get(model, model)}, {source}", len(ks)) for model, source in sources.items()]
    groups += [(each.title, len(ks)) for each in findings.baselines]
    contenders = len(ks) * (len(scores) + (len(published) if findings.comparable else 0))
    rows = []
    wins = [0] * (len(columns) - 1)
    for genre in findings.genres:
        recalls = [each.genres[genre.label].recall.get(k) for each in scores for k in ks]
        others = [other.recall(k)[genre.name] for other in published for k in ks]
        rules = [each.genres[genre.label].recall.get(k) for each in baselines for k in ks]
        cells = [*map(Cell.of, recalls), *map(Cell, others), *map(Cell.of, rules)]
        marked = _mark_best(cells, len(ks), contenders)
        wins = [count + cell.best for count, cell in zip(wins, marked, strict=True)]
        rows.append([genre.name, *marked])
    whole = [each.top(k) for each in scores for k in ks]
    others = [other.total(k) for other in published for k in ks]
    rules = [each.top(k) for each in baselines for k in ks]
    cells = [*map(Cell.of, whole), *map(Cell, others), *map(Cell.of, rules)]
    totals = [["Total accuracy", *_mark_best(cells, len(ks), contenders)]]
    notes = [comparability_note(findings), interval_note(findings)]
    if contenders > len(ks):
        counted = [str(count) if place < contenders else None for place, count in enumerate(wins)]
        totals.append(["Number of best genres", *counted])
        notes.append(
            "Bold: best of the genre, compared to a tenth of a per cent; networks that share it are all marked, and "
            "each counts it."
        )
        if findings.comparable:
            printed = ", ".join(f"{model} {count}" for model, count in PRINTED_BEST_TOP1.items())
            notes.append(f"The dissertation counts each genre once, among its five networks (top 1: {printed}).")
    caption = "Table 2. Top-1 and top-3 recall by genre, in per cent"
    return Table.of("table-2-recall", caption, columns, rows, totals=totals, groups=groups, notes=notes)


def precision_table(findings: Findings) -> Table | None:
    """Table 3: top-1 precision by genre, the study's systems and the dissertation's, and baselines'."""
    if not findings.systems:
        return None
    scores, baselines = findings.scores, [each.scores for each in findings.baselines]
    published = list(published_precision().values()) if findings.has_published else []
    return Table.of(
        "table-3-precision",
        "Table 3. Top-1 precision by predicted genre, in per cent",
        [
            Column("Predicted genre"),
            *(estimates(each.title, name=each.system.title) for each in findings.systems),
            *(shares(each.model, name=f"published {each.model}", faint=True) for each in published),
            *(estimates(each.title, name=each.system.title) for each in findings.baselines),
        ],
        [
            [
                genre.name,
                *(each.genres[genre.label].precision for each in scores),
                *(other.precision[genre.name] for other in published),
                *(each.genres[genre.label].precision for each in baselines),
            ]
            for genre in findings.genres
        ],
        totals=[
            [
                "Total precision (accuracy)",
                *(each.accuracy for each in scores),
                *(other.total for other in published),
                *(each.accuracy for each in baselines),
            ],
            [
                "Mean over genres (macro)",
                *(each.totals["macro_precision"] for each in scores),
                *(other.macro for other in published),
                *(each.totals["macro_precision"] for each in baselines),
            ],
        ],
        groups=[
            ("", 1),
            ("This study", len(scores)),
            *([("Hill 2020", len(published))] if published else []),
            *([("Baselines", len(baselines))] if baselines else []),
        ],
        notes=[
            comparability_note(findings),
            interval_note(findings),
            f"{DASH} stands where the network never names the genre; in the mean that counts as 0.",
            "What the dissertation calls total precision is the share of books predicted rightly, the accuracy.",
        ],
    )


def network_table(findings: Findings) -> Table | None:
    """A row for each system: totals with intervals, best epoch, and the published accuracy; None without systems."""
    if not findings.systems:
        return None
    several = len(findings.systems) > 1
    columns = [
        Column("Network", lambda each: Cell(each.title, best=several and each is findings.best)),
        Column("Preparation", lambda each: each.scores.preparation),
        *(estimates(f"Top {k}", _top(k), f"top {k}") for k in findings.top(*TOP)),
        estimates("Macro precision", lambda each: each.scores.totals["macro_precision"]),
        estimates("Macro F1", lambda each: each.scores.totals["macro_f1"]),
        integers("Best epoch", lambda each: each.best_epoch),
    ]
    if findings.has_published:
        totals = {name: other.total_top1 for name, other in published_recall().items()}
        columns.append(shares("Top 1, Hill 2020", lambda each: totals.get(each.name), "published top 1", faint=True))
    return Table.of(
        "networks",
        "All networks on the test books, and rules that never look at a picture, in per cent",
        columns,
        [*findings.systems, *findings.baselines],
        notes=[comparability_note(findings), interval_note(findings)],
    )


def published_table() -> Table:
    """Other published results on BookCover30, with how each was measured."""
    return Table.of(
        "published-results",
        "Published results on BookCover30, in per cent",
        [
            Column("Study", lambda result: result.study),
            Column("Year", lambda result: str(result.year), name="year"),
            Column("Sees", lambda result: result.input),
            Column("Network", lambda result: result.model),
            shares("Top 1", lambda result: result.top1),
            shares("Top 3", lambda result: result.top3),
            shares("Chance", lambda result: result.chance),
            Column("Protocol", lambda result: result.protocol),
            Column("Source", lambda result: result.source),
        ],
        published_results(),
        notes=["Only results of one protocol can be compared with each other."],
    )


def _top(k: int) -> Callable[[EvaluatedSystem], Estimate]:
    return lambda each: each.scores.top(k)


def validation_cell(findings: Findings, accuracy: float | None) -> Cell:
    """A validation accuracy with its interval; empty where it is not known."""
    if accuracy is None:
        return Cell()
    return _share_cell(accuracy, findings.books_in("validation"), findings.confidence)


def _share_cell(value: float, books: int, confidence: float) -> Cell:
    """A share of so many books with its interval; without interval where their number is not known."""
    estimate = share(round(value * books), books, confidence)
    return Cell(value, estimate.low, estimate.high) if estimate else Cell(value)


def _mark_best(cells: Sequence[Cell], step: int, contenders: int) -> list[Cell]:
    """`cells` with the best of each k marked among the first `contenders`; k goes round in steps of `step`."""
    marked = list(cells)
    if contenders <= step:
        return marked
    for start in range(step):
        values = {
            place: round(float(cells[place].value or 0), _PRINTED_DIGITS)
            for place in range(start, contenders, step)
            if cells[place].value is not None
        }
        highest = max(values.values(), default=0.0)
        for place, value in values.items():
            if value == highest and highest > 0:
                marked[place] = replace(cells[place], best=True)
    return marked


def comparability_note(findings: Findings) -> str:
    """Why the published numbers beside the study's cannot be compared with them; empty where they can."""
    if findings.comparable or not findings.has_published:
        return ""
    return f"{NOT_COMPARABLE}{'; '.join(findings.obstacles)}."


def interval_note(findings: Findings) -> str:
    """What the small type in the tables means."""
    return f"In small type: {100 * findings.confidence:.0f} % intervals (Clopper and Pearson's)."
