"""Figures of genres against genres: the confusion matrix, and the class overlap (Figure 5.5)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bookcover_core.evaluation.class_overlap import OverlapStudy
from bookcover_core.evaluation.scores import Scores
from bookcover_core.visualisation import figure_style

# Beyond these the numbers in the cells would be too small to read, and names are set smaller.
_MOST_NUMBERED_GENRES, _MOST_LARGE_NAMES = 12, 20

# Inches: a cell at most, a letter of a name, the titles of the axes, and the scale.
_CELL, _LETTER, _TITLES, _SCALE = 0.45, 0.052, 0.3, 0.75

# The corners of a frame just inside of a cell.
_INSIDE = 0.44 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def confusion_heat_map(network: Scores, order: Sequence[int] | None = None) -> Figure:
    """Where the books of each genre (rows) were put (columns), as shares of the genre's test books, which are counted.

    Rows and columns stand in the order of labels that `order` gives; none: from 0.
    """
    labels = list(range(len(network.genres)) if order is None else order)
    confusion = np.array(network.confusion, dtype=float)[np.ix_(labels, labels)]
    books = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, books, out=np.zeros_like(confusion), where=books > 0)
    names = [network.genres[label].name for label in labels]
    counted = [
        f"{figure_style.short_name(name)} ({count:,.0f})" for name, count in zip(names, books[:, 0], strict=True)
    ]
    top = max(0.01, float(shares.max()))
    with _square(shares, top, names, counted, "Share of the genre's test books") as (figure, axes):
        axes.set_xlabel("Predicted genre")
        axes.set_ylabel("True genre (test books)")
        for row, column in np.argwhere(confusion):
            books = {"model": network.model, "split": "test", "genre": names[row], "predicted": names[column]}
            figure_style.leads_to(axes, (column - 0.5, row - 0.5), (1, 1), **books)
        return figure


def overlap_heat_map(overlap: OverlapStudy, names: Sequence[str], order: Sequence[int]) -> Figure:
    """Figure 5.5 for one network: the mean class overlap of each pair of genres; those above the threshold are framed.

    `names` of the genres are by label; rows and columns stand in the `order` of labels.
    """
    matrix = np.array([[np.nan if value is None else value for value in row] for row in overlap.matrix])
    lower = matrix[np.ix_(list(order), list(order))]
    lower[np.triu_indices(len(order))] = np.nan
    shown = [names[label] for label in order]
    with _square(lower, 1.0, shown, [*map(figure_style.short_name, shown)], "Mean class overlap") as (figure, axes):
        above = np.argwhere(np.nan_to_num(lower) > overlap.threshold)
        squares = above[:, None, ::-1] + _INSIDE
        axes.add_collection(
            PolyCollection(list(squares), facecolors="none", edgecolors=figure_style.colour(1), linewidths=0.8)
        )
        return figure


@contextmanager
def _square(
    values: NDArray[np.float64],
    top: float,
    across: Sequence[str],
    down: Sequence[str],
    measure: str,
) -> Iterator[tuple[Figure, Axes]]:
    """A figure with a square of cells from 0 to `top`, columns and rows named, and a scale; NaN stays empty."""
    count = len(across)
    room = _LETTER * max(map(len, map(figure_style.short_name, down))) + _TITLES
    side = min(_CELL * count, figure_style.WIDTH - room - _SCALE)
    with figure_style.drawn(side + room + _SCALE, side + room) as figure:
        axes = figure.subplots()
        # An image with lines on it: a tenth of the file that as many drawn cells make.
        cells = axes.imshow(values, cmap=figure_style.RAMP, vmin=0, vmax=top, interpolation="none")
        between, ends = np.arange(count + 1) - 0.5, (-0.5, count - 0.5)
        axes.hlines(between, *ends, color=figure_style.PAPER, linewidth=0.6)
        axes.vlines(between, *ends, color=figure_style.PAPER, linewidth=0.6)
        axes.set_xlim(*ends)
        axes.set_ylim(*ends[::-1])
        axes.set_xticks(range(count), map(figure_style.short_name, across), rotation=90)
        axes.set_yticks(range(count), down)
        axes.tick_params(length=0, labelsize=6 if count > _MOST_LARGE_NAMES else 7)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for row, column in np.argwhere(~np.isnan(values)) if count <= _MOST_NUMBERED_GENRES else ():
            colour = figure_style.PAPER if values[row, column] > top / 2 else figure_style.INK
            text = f"{100 * values[row, column]:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=colour)
        bar = figure.colorbar(cells, ax=axes, shrink=0.55, aspect=28, pad=0.02)
        bar.outline.set_visible(False)
        figure_style.percent_axis(bar.ax.yaxis)
        bar.ax.tick_params(length=0, labelsize=6.5)
        bar.set_label(measure, fontsize=7)
        yield figure, axes
