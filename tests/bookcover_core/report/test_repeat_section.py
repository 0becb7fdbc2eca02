"""Repeated trainings in the report: a table, a figure and two sentences, where there are any."""

from types import SimpleNamespace

import pytest

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.repeats import CurvePoint, LearningCurve, RepeatedAccuracy, Repeats, SystemRepeats
from bookcover_core.report.repeat_section import curve_figures, curve_words, repeat_table
from bookcover_core.visualisation.figure_style import NARROW, WIDTH


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.02, high=value + 0.03)


REPEATS = Repeats(
    confidence=0.95,
    systems={
        "MobileNetV2": SystemRepeats(
            seeds=RepeatedAccuracy(runs=[0.21, 0.23], spread=0.014, estimate=estimate(0.22)),
            folds=RepeatedAccuracy(runs=[0.2, 0.25, 0.24], spread=0.02, estimate=estimate(0.23)),
            curve=LearningCurve(
                points=[CurvePoint(books=500, accuracies=[0.17, 0.19]), CurvePoint(books=1_000, accuracies=[0.22])],
                fitted=[estimate(0.18), estimate(0.22), estimate(0.26)],
                gain=estimate(0.04),
            ),
        )
    },
)


def told(repeats):
    return SimpleNamespace(repeats=repeats)


def test_the_table_has_a_row_for_seeds_and_one_for_folds():
    """Mean with its interval, standard deviation, least and greatest of each."""
    table = repeat_table(told(REPEATS))
    seeds, folds = table.body
    assert [cell.value for cell in seeds] == ["MobileNetV2", "seeds, one split", 2, 0.22, 0.014, 0.21, 0.23]
    assert (seeds[3].low, seeds[3].high) == (0.2, 0.25)
    assert [cell.value for cell in folds][1:4] == ["folds of all books", 3, 0.23]


def test_two_sentences_say_what_twice_the_books_would_bring():
    """The gain of a doubling, and where it would lead, both with their intervals."""
    [words] = curve_words(told(REPEATS))
    assert "With each doubling of its training books MobileNetV2 is right on 4.0" in words
    assert "2,000 books, twice as many as here, would bring it to 26.0" in words
    assert "(24.0 to 29.0)" in words


@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_the_curve_is_drawn(width):
    """Books on a scale of doublings up to twice the study's, a dot for each training."""
    [spec] = curve_figures(told(REPEATS))
    axes = spec.draw(width=width).axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["500", "1,000", "2,000"]
    assert "18.0 % with 500, 22.0 % with 1,000" in spec.alt


def test_a_study_without_repeats_says_nothing():
    """No table, no figure, no words."""
    for repeats in (None, Repeats(confidence=0.95, systems={"MobileNetV2": SystemRepeats()})):
        assert repeat_table(told(repeats)) is None
        assert not [*curve_figures(told(repeats)), *curve_words(told(repeats))]
