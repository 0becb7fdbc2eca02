"""Figures: the same bytes on every run, for any number of networks and genres, and nothing global touched."""

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from bookcover_core.errors import WorkspaceError
from bookcover_core.evaluation.intervals import Estimate, difference
from bookcover_core.evaluation.metrics import Predictions
from bookcover_core.evaluation.published_results import published_results
from bookcover_core.evaluation.scores import Scores, score
from bookcover_core.genres import number_genres
from bookcover_core.training.history import TrainingCurve, read_curve
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.analysis_figures import confusion_heat_map
from bookcover_core.visualisation.interval_charts import (
    accuracy_chart,
    recall_by_genre,
    recall_comparison,
    recall_extremes,
)
from bookcover_core.visualisation.line_charts import setting_curves, training_curves
from tests.bookcover_core.report.specimen import invented_history


def _scores(backbone: str, genres: int, books: int = 60) -> Scores:
    generator = np.random.default_rng(len(backbone))
    labels = np.arange(books) % genres
    probabilities = generator.random((books, genres))
    keys = [str(place) for place in range(books)]
    names = number_genres([f"Genre ${number} & more $" for number in range(genres)])
    return score(Predictions(keys, labels, probabilities, keys), names, backbone, "padded", 0.95)


def _curve(epochs: int = 20) -> TrainingCurve:
    history = invented_history(epochs, 0.2, 6)
    return TrainingCurve(
        *(history[name].tolist() for name in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy"))
    )


FIGURES = {
    "training": lambda: training_curves({"A": _curve(), "B": _curve(9), "C": _curve(1)}),
    "training of one": lambda: training_curves({"A": _curve()}),
    "training of many": lambda: training_curves({name: _curve(8) for name in "ABCDE"}),
    "recall": lambda: recall_by_genre({"A": _scores("A", 12), "B": _scores("BB", 12)}),
    "recall of two genres": lambda: recall_by_genre({"A": _scores("A", 2)}),
    "extremes": lambda: recall_extremes(_scores("A", 30, 90)),
    "extremes of few": lambda: recall_extremes(_scores("A", 3)),
    "confusion": lambda: confusion_heat_map(_scores("A", 4)),
    "standing": lambda: accuracy_chart({"A": _scores("A", 5)}, {"Rule": _scores("C", 5)}, published_results()),
    "standing alone": lambda: accuracy_chart({"A": _scores("A", 5), "B": _scores("BB", 5)}, {}, ()),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_on_every_run(name: str):
    """Two drawings of one figure are one SVG, well-formed and without a date."""
    first, second = (figure_style.to_svg(FIGURES[name]()) for _ in range(2))
    assert first == second
    assert ET.fromstring(first).tag.endswith("svg")
    assert "<dc:date>" not in first


@pytest.mark.parametrize(
    ("name", "books"),
    [
        ("standing", "model=A-padded&split=test&right=yes"),
        ("standing", "model=C-padded&split=test&right=yes"),
        ("recall", "split=test&genre=Genre+%240+%26+more+%24"),
        ("extremes", "model=A-padded&split=test&genre=Genre+%2429+%26+more+%24"),
        ("confusion", "model=A-padded&split=test&genre=Genre+%240+%26+more+%24&predicted=Genre+%240+%26+more+%24"),
    ],
)
def test_rows_and_cells_lead_to_books(name: str, books: str):
    """Each to its own, within the figure, none over another; nothing of it is drawn."""
    drawing = FIGURES[name]()
    svg = figure_style.to_svg(drawing)
    assert "model=" not in svg
    areas = figure_style.find_areas(drawing)
    found = [place for told, *place in areas if told == books]
    assert len(found) == 1
    for left, top, width, height in (place for _, *place in areas):
        assert 0 <= left < left + width <= 1.0001
        assert 0 <= top < top + height <= 1
    if name != "confusion":
        rows = sorted((top, top + height) for _, _, top, _, height in areas)
        assert all(bottom <= top + 1e-3 for (_, bottom), (top, _) in pairwise(rows))


def test_cells_lead_where_the_numbers_stand():
    """The area of a cell lies on the cell: of the upper row's left one, at the left of the matrix and on its top."""
    drawing = FIGURES["confusion"]()
    figure_style.to_svg(drawing)
    matrix = drawing.axes[0].get_position()
    areas = {told: place for told, *place in figure_style.find_areas(drawing)}
    left, top, width, height = areas[
        "model=A-padded&split=test&genre=Genre+%240+%26+more+%24&predicted=Genre+%240+%26+more+%24"
    ]
    assert (left, top) == (pytest.approx(matrix.x0, abs=1e-3), pytest.approx(1 - matrix.y1, abs=1e-3))
    assert (width, height) == (pytest.approx(matrix.width / 4, abs=1e-3), pytest.approx(matrix.height / 4, abs=1e-3))


def test_drawing_leaves_no_trace():
    """Matplotlib's own settings are as they were."""
    before = dict(mpl.rcParams)
    figure_style.to_svg(FIGURES["extremes"]())
    assert dict(mpl.rcParams) == before


def test_png_is_the_same_on_every_run():
    """Two drawings of one figure are one PNG, which names no software."""
    first, second = (figure_style.to_png(FIGURES["standing alone"]()) for _ in range(2))
    assert first == second
    assert b"Software" not in first


def test_the_best_epoch_is_the_first_of_the_best():
    """Where two epochs share the best validation accuracy, the earlier is the best."""
    curve = TrainingCurve([1, 2, 3], [3, 2, 1], [0.1, 0.2, 0.3], [3, 2, 2], [0.1, 0.2, 0.2])
    assert curve.best_epoch == 2


def test_the_epoch_that_was_kept_is_the_one_that_is_marked():
    """Where something else than accuracy chose, the figures follow what was kept; an epoch 0 counts as any other."""
    curve = TrainingCurve([0, 1, 2], [3, 2, 1], [0.1, 0.2, 0.3], [3, 2, 1], [0.3, 0.2, 0.1], kept=2)
    assert (curve.best, curve.best_epoch) == (2, 2)


@pytest.mark.parametrize("content", ["", "epoch,loss\n1,2\n", "epoch,loss,accuracy,val_loss,val_accuracy\n"])
def test_a_history_that_tells_nothing_is_an_error(tmp_path: Path, content: str):
    """An empty or foreign history.csv is named in the error."""
    file = tmp_path / "history.csv"
    file.write_text(content, "utf-8")
    with pytest.raises(WorkspaceError, match=r"history\.csv"):
        read_curve(file)


def test_a_chart_without_any_winner_keeps_its_panels():
    """Where all genres are ties no series of a winner has a number, and both panels still fill the figure."""
    one, other = Estimate.of_share(6, 10, 0.95), Estimate.of_share(3, 10, 0.95)
    rows = [(name, one, other, difference(one, other)) for name in "ABCD"]
    figure = recall_comparison(rows, ["first", "second"])
    figure_style.to_svg(figure)
    assert all(axes.get_position().width > 0.3 for axes in figure.axes)


@pytest.mark.parametrize(
    ("values", "expected"), [([0.5, 0, 0.1], [0, 0.1, 0.5]), (["padded", "cropped", "noprep"], [0, 1, 2])]
)
def test_a_setting_that_varies_is_drawn_to_scale_or_in_order(values, expected):
    """Numbers stand at their places on the axis, whatever order the studies have; other values beside each other."""
    found = [Estimate.of_share(hits, 10, 0.95) for hits in (3, 6, 9)]
    figure = setting_curves("head.dropout", values, {"MobileNetV2": found, "LeNet": [None, found[0], None]})
    lines = figure.axes[0].lines
    assert list(lines[0].get_xdata()) == expected
    assert [round(each, 1) for each in lines[0].get_ydata()] == (
        [0.6, 0.9, 0.3] if values[0] == 0.5 else [0.3, 0.6, 0.9]
    )
    assert len(lines[1].get_xdata()) == 1
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == [str(value) for value in values]
