"""What repeated trainings say: their table, the learning curve, and what twice the covers would bring."""

from functools import partial

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.repeats import LearningCurve, RepeatedAccuracy
from bookcover_core.families.family import title_of
from bookcover_core.report.figure_spec import FigureSpec
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import PERCENT, Column, Table, estimates, integers, percent, shares
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
        "The frozen networks trained again: top-1 accuracy in per cent",
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
        notes=[
            "Intervals hold the luck of training and that of the test books, whose groups are drawn together.",
            "Preparation and hyperparameters were chosen once, on the study's own validation books.",
        ],
    )


def _curves(findings: Findings) -> dict[str, LearningCurve]:
    found = findings.repeats.systems if findings.repeats else {}
    return {title_of(name): system.curve for name, system in found.items() if system.curve}


def curve_figure(findings: Findings) -> FigureSpec | None:
    """The learning curves; None where no shares of the books were learnt from."""
    curves = _curves(findings)
    if not curves:
        return None

    def course(curve: LearningCurve) -> str:
        means = [(each.books, sum(each.accuracies) / len(each.accuracies)) for each in curve.points]
        return ", ".join(f"{percent(mean)} % with {books:,}" for books, mean in means)

    values = "; ".join(f"{name}: {course(curve)}" for name, curve in curves.items())
    return FigureSpec(
        name="learning-curve",
        caption="Accuracy against the number of training books: a dot for each training, a line through the logarithm "
        "of their number, dashed where it goes on beyond the study's books, and its interval.",
        alt=f"Mean accuracy by training books. {values}.",
        draw=partial(learning_curves, curves),
    )


def curve_words(findings: Findings) -> list[str]:
    """For each network, what a doubling of the books brings, and where twice the books would lead."""
    said = []
    for name, curve in _curves(findings).items():
        books, gain = curve.points[-1].books, curve.gain
        said.append(
            f"With each doubling of its training books {name} is right on {_points(gain)} more of the test books. If "
            f"that goes on, {2 * books:,} books, twice as many as here, would bring it to "
            f"{percent(curve.fitted[-1].value)}{PERCENT} ({percent(curve.fitted[-1].low)} to "
            f"{percent(curve.fitted[-1].high)})."
        )
    return said


def _points(gain: Estimate) -> str:
    return f"{percent(gain.value)}{PERCENT} ({percent(gain.low)} to {percent(gain.high)})"
