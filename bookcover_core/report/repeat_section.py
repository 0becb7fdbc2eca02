"""What repeated trainings say: their table, the learning curve, and what twice the covers would bring."""

from collections.abc import Iterator
from functools import partial

from bookcover_core.evaluation.repeats import LearningCurve, RepeatedAccuracy
from bookcover_core.families.family import title_of
from bookcover_core.report.figure_spec import FigureSpec
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Column, Table, estimates, integers, shares
from bookcover_core.report.words import passage
from bookcover_core.visualisation.learning_curve import learning_curves


def repeat_table(findings: Findings) -> Table | None:
    """Mean, spread and range over seeds and folds; None where nothing was repeated."""
    found = findings.repeats.systems if findings.repeats else {}
    rows: list[tuple[str, str, RepeatedAccuracy]] = [
        (title_of(name), how, each)
        for name, system in found.items()
        for how, each in (("seeds, one split", system.seeds), ("folds of all books", system.folds))
        if each
    ]
    if not rows:
        return None
    return Table.of(
        "repeats",
        [
            Column("Network", lambda row: row[0]),
            Column("Trained with other", lambda row: row[1], name="how"),
            integers("Trainings", lambda row: len(row[2].runs)),
            estimates("Mean", lambda row: row[2].estimate),
            shares("Standard deviation", lambda row: row[2].spread),
            shares("Least", lambda row: min(row[2].runs)),
            shares("Greatest", lambda row: max(row[2].runs)),
        ],
        rows,
    )


def _curves(findings: Findings) -> dict[str, LearningCurve]:
    found = findings.repeats.systems if findings.repeats else {}
    return {title_of(name): system.curve for name, system in found.items() if system.curve}


def curve_figures(findings: Findings) -> Iterator[FigureSpec]:
    """The learning curves, where shares of the books were learnt from."""
    if curves := _curves(findings):
        yield FigureSpec.of("learning-curve", partial(learning_curves, curves), curves=curves)


def doubt_words(findings: Findings) -> list[str]:
    """How many labels are doubtful, what that is worth, and how much of the error it may be."""
    return passage("doubtful labels", noise=findings.label_noise) if findings.label_noise else []


def curve_words(findings: Findings) -> list[str]:
    """For each network, what a doubling of the books brings, and where twice the books would lead."""
    return passage("learning curve", curves=_curves(findings))
