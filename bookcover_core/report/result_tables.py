"""Tables 1, 2 and 3 of the dissertation, with published numbers beside the study's; equal bests are all marked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bookcover_core.evaluation.intervals import share
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import (
    PRINTED_BEST_TOP1,
    PublishedPrecision,
    PublishedRecall,
    published_precision,
    published_preparations,
    published_recall,
    published_results,
)
from bookcover_core.evaluation.scores import Scores, total_name
from bookcover_core.genres import Genre
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Column, Content, Table, estimates, integers, shares

# Shares are compared as Table 2 prints them: to a tenth of a per cent.
_PRINTED_DIGITS = 3

# The network whose preparations Table 1 of the dissertation compares.
_COMPARED = "MobileNetV2"

# The columns of Table 2 that the dissertation takes from Iwana et al. 2016, as their list of results calls them.
_IWANA = {"LeNet": "LeNet", "AlexNet": "fine-tuned AlexNet"}


class _Source(NamedTuple):
    """A system, a publication or a baseline, which has columns of its own in a table by genre."""

    kind: str
    title: str
    name: str
    """In the CSV."""
    numbers: Any
    """`Scores`, or what is published."""

    def column(self, title: str, suffix: str = "") -> Column:
        """One of its columns."""
        if self.kind == "published":
            return shares(title, name=self.name + suffix, faint=True)
        return estimates(title, name=self.name + suffix)


def _sources(findings: Findings, published: Mapping[str, Any]) -> list[_Source]:
    """All of them, in the order of their columns: what is published by the name of its network."""
    return [
        *(_Source("system", each.title, each.system.title, each.scores) for each in findings.systems),
        *(_Source("published", model, f"published {model}", each) for model, each in published.items()),
        *(_Source("baseline", each.title, each.system.title, each.scores) for each in findings.baselines),
    ]


def preparation_table(findings: Findings) -> Table | None:
    """Table 1: the preparations in the short training; None where they were not compared."""
    if not findings.trials:
        return None
    several = len({trial.backbone for trial in findings.trials}) > 1
    columns = [
        Column("Preparation", lambda row: Cell(row["own"].preparation, best=row["own"].chosen)),
        integers("Best epoch", "own.best_epoch", "best epoch"),
        estimates("Validation accuracy", "validation", "validation accuracy"),
        estimates("Test accuracy", "test", "test accuracy"),
    ]
    if several:
        columns.insert(0, Column("Network", "own.backbone"))
    if findings.has_published:
        columns += [
            integers("Best epoch, Hill 2020", "published.best_epoch", "published best epoch", faint=True),
            shares("Test accuracy, Hill 2020", "published.test_accuracy", "published test accuracy", faint=True),
        ]
    return Table.of(
        "table-1-preparations",
        columns,
        [
            {
                "own": trial,
                "validation": validation_cell(findings, trial.validation_accuracy),
                "test": _share_cell(trial.test_accuracy, findings.books_in("test"), findings.confidence),
                "published": published_preparations().get(trial.preparation if trial.backbone == _COMPARED else ""),
            }
            for trial in findings.trials
        ],
        findings=findings,
        several=several,
    )


def recall_table(findings: Findings) -> Table | None:
    """Table 2: top-1 and top-3 recall by genre, the study's systems and the published ones, and baselines."""
    if not findings.systems:
        return None
    ks = findings.top(1, 3)
    shown = _sources(findings, published_recall() if findings.has_published else {})
    competing = {"system", "published"} if findings.comparable else {"system"}
    contenders = [place for place, each in enumerate(each for each in shown for _ in ks) if each.kind in competing]

    def recalls(genre: Genre | None) -> list[Cell]:
        """Of a genre, or of all together: every column, the best marked."""
        found = [_recall(each.numbers, genre, k) for each in shown for k in ks]
        return _mark_best([Cell.of(each) for each in found], len(ks), contenders)

    rows: list[list[Any]] = [[genre.name, *recalls(genre)] for genre in findings.genres]
    wins = [sum(row[place].best for row in rows) for place in range(1, len(ks) * len(shown) + 1)]
    totals = [["Total accuracy", *recalls(None)]]
    if len(contenders) > len(ks):
        counted = [str(count) if place in contenders else None for place, count in enumerate(wins)]
        totals.append(["Number of best genres", *counted])
    return Table.of(
        "table-2-recall",
        [Column("Genre"), *(each.column(f"Top {k}", f" top {k}") for each in shown for k in ks)],
        [*rows, *totals],
        foot=len(totals),
        groups=[("", 1), *((_group(each), len(ks)) for each in shown)],
        wide=True,
        findings=findings,
        is_contest=len(totals) > 1,
        printed=PRINTED_BEST_TOP1,
    )


def precision_table(findings: Findings) -> Table | None:
    """Table 3: top-1 precision by genre, the study's systems and the dissertation's, and baselines'."""
    if not findings.systems:
        return None

    shown = _sources(findings, published_precision() if findings.has_published else {})
    kinds = Counter(each.kind for each in shown)
    titles = {"system": "This study", "published": "Hill 2020", "baseline": "Baselines"}
    return Table.of(
        "table-3-precision",
        [Column("Predicted genre"), *(each.column(each.title) for each in shown)],
        [
            *([genre.name, *(_precision(each.numbers, genre) for each in shown)] for genre in findings.genres),
            ["Total precision (accuracy)", *(_precision(each.numbers, None) for each in shown)],
            ["Mean over genres (macro)", *(_macro_precision(each.numbers) for each in shown)],
        ],
        foot=2,
        groups=[("", 1), *((titles[kind], count) for kind, count in kinds.items())],
        wide=True,
        findings=findings,
    )


def _group(source: _Source) -> str:
    """The heading above the columns of a source in Table 2."""
    if source.kind == "published":
        is_iwana = source.title in _IWANA
        return f"{_IWANA[source.title]}, Iwana 2016" if is_iwana else f"{source.title}, Hill 2020"
    return f"{source.title}, this study" if source.kind == "system" else source.title


def _recall(numbers: Scores | PublishedRecall, genre: Genre | None, k: int) -> Content:
    if isinstance(numbers, Scores):
        return numbers.genres[genre.label].recall.get(k) if genre else numbers.top(k)
    return numbers.recall[k][genre.name] if genre else numbers.total[k]


def _precision(numbers: Scores | PublishedPrecision, genre: Genre | None) -> Content:
    if isinstance(numbers, Scores):
        return numbers.genres[genre.label].precision if genre else numbers.accuracy
    return numbers.precision[genre.name] if genre else numbers.total


def _macro_precision(numbers: Scores | PublishedPrecision) -> Content:
    return numbers.totals["macro_precision"] if isinstance(numbers, Scores) else numbers.macro


def network_table(findings: Findings) -> Table | None:
    """A row for each system: totals with intervals, best epoch, and the published accuracy; None without systems."""
    if not findings.systems:
        return None
    several = len(findings.systems) > 1
    columns = [
        Column("System", lambda each: Cell(each.title, best=several and each is findings.best)),
        Column("Preparation", "scores.preparation"),
        *(estimates(f"Top {k}", f"scores.totals.{total_name(k)}", f"top {k}") for k in findings.top(*TOP)),
        estimates("Macro precision", "scores.totals.macro_precision"),
        estimates("Macro F1", "scores.totals.macro_f1"),
        integers("Best epoch", "best_epoch"),
    ]
    if findings.has_published:
        totals = {name: other.total[1] for name, other in published_recall().items()}
        columns.append(shares("Top 1, published", lambda each: totals.get(each.name), "published top 1", faint=True))
    return Table.of("networks", columns, [*findings.systems, *findings.baselines], findings=findings)


def published_table(findings: Findings) -> Table | None:
    """Other published results on BookCover30, with how each was measured; None where the genres are others."""
    if not findings.has_published:
        return None
    return Table.of(
        "published-results",
        [
            Column("Study", "study"),
            Column("Year", lambda result: str(result.year), name="year"),
            Column("Sees", "input"),
            Column("Network", "model"),
            shares("Top 1", "top1"),
            shares("Top 3", "top3"),
            shares("Chance", "chance"),
            Column("Protocol", "protocol"),
            Column("Source", "source"),
        ],
        published_results(),
    )


def validation_cell(findings: Findings, accuracy: float | None) -> Cell:
    """A validation accuracy with its interval; empty where it is not known."""
    if accuracy is None:
        return Cell()
    return _share_cell(accuracy, findings.books_in("validation"), findings.confidence)


def _share_cell(value: float, books: int, confidence: float) -> Cell:
    """A share of so many books with its interval; without interval where their number is not known."""
    estimate = share(round(value * books), books, confidence)
    return Cell(value, estimate.low, estimate.high) if estimate else Cell(value)


def _mark_best(cells: Sequence[Cell], step: int, contenders: Sequence[int]) -> list[Cell]:
    """`cells` with the best of each k marked among those at the places of contenders; k goes round in steps."""
    marked = list(cells)
    for start in range(step if len(contenders) > step else 0):
        values = {
            place: round(float(cells[place].value or 0), _PRINTED_DIGITS)
            for place in contenders
            if place % step == start and cells[place].value is not None
        }
        for place, value in values.items():
            if value == max(values.values()) > 0:
                marked[place] = replace(cells[place], best=True)
    return marked
