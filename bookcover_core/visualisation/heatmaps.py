"""Figures of genres against genres: the confusion matrix, and the class overlap (Figure 5.5)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from bookcover_core.evaluation.class_overlap import OverlapStudy
from bookcover_core.evaluation.scores import Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme

# Beyond these the numbers in the cells would be too small to read.
_MOST_NUMBERED_GENRES = 12

# Inches: a cell at most, a letter of a name, the titles of the axes, and the scale.
_CELL = 0.45
_LETTER = 0.052
_TITLES = 0.3
_SCALE = 0.75

# Beyond these the names of genres are set smaller.
_MOST_LARGE_NAMES = 20


def confusion_heat_map(network: Scores, order: Sequence[int] | None = None, theme: Theme = LIGHT) -> Figure:
    """Where the books of each genre (rows) were put (columns), as shares of the genre's test books.

    Args:
        network: Scores of the network.
        order: Labels in the order of rows and columns; none: from 0.
        theme: Colours.
    """
    labels = list(order) if order is not None else list(range(len(network.genres)))
    confusion = np.array(network.confusion, dtype=float)[np.ix_(labels, labels)]
    books = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, books, out=np.zeros_like(confusion), where=books > 0)
    names = [network.genres[label].name for label in labels]
    top = max(0.01, float(shares.max()))
    with _square(shares, top, names, theme, "Share of the genre's test books") as (figure, axes):
        axes.set_xlabel("Predicted genre")
        axes.set_ylabel("True genre")
        return figure


def overlap_heat_map(
    overlap: OverlapStudy, names: Sequence[str], order: Sequence[int] | None = None, theme: Theme = LIGHT
) -> Figure:
    """Figure 5.5 for one network: the mean class overlap of each pair of genres; those above the threshold are framed.

    Args:
        overlap: Of the network.
        names: Of the genres, by label.
        order: Labels in the order of rows and columns; none: from 0.
        theme: Colours.
    """
    labels = list(order) if order is not None else list(range(len(names)))
    matrix = np.array([[np.nan if value is None else value for value in row] for row in overlap.matrix])
    lower = matrix[np.ix_(labels, labels)]
    lower[np.triu_indices(len(labels))] = np.nan
    with _square(lower, 1.0, [names[label] for label in labels], theme, "Mean class overlap") as (figure, axes):
        above = np.argwhere(np.nan_to_num(lower) > overlap.threshold)
        axes.add_patch(PathPatch(_frames(above), fill=False, edgecolor=theme.colour(1), linewidth=0.8))
        return figure


def _frames(cells: NDArray[np.integer]) -> Path:
    """Squares just inside of cells (n, 2), given by row and column, as one path."""
    half = 0.44
    corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)])
    vertices = (cells[:, None, ::-1] + corners[None]).reshape(-1, 2)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(cells)
    return Path(vertices, codes)


@contextmanager
def _square(
    values: NDArray[np.float64], top: float, names: Sequence[str], theme: Theme, measure: str
) -> Iterator[tuple[Figure, Axes]]:
    """A figure with a square of cells from 0 to `top`, its rows and columns named, and a scale; NaN stays empty."""
    shown = [figure_style.short_name(name) for name in names]
    room = _LETTER * max(map(len, shown)) + _TITLES
    side = min(_CELL * len(names), figure_style.WIDTH - room - _SCALE)
    with figure_style.drawn(theme, side + room + _SCALE, side + room) as figure:
        axes = figure.subplots()
        # An image with lines on it: a tenth of the file that as many drawn cells make.
        cells = axes.imshow(values, cmap=theme.colormap, vmin=0, vmax=top, interpolation="none")
        between = np.arange(len(names) + 1) - 0.5
        ends = (-0.5, len(names) - 0.5)
        axes.hlines(between, *ends, color=theme.paper, linewidth=0.6)
        axes.vlines(between, *ends, color=theme.paper, linewidth=0.6)
        axes.set_xlim(*ends)
        axes.set_ylim(*ends[::-1])
        centres = np.arange(len(names))
        axes.set_xticks(centres, shown, rotation=90)
        axes.set_yticks(centres, shown)
        axes.tick_params(length=0, labelsize=6 if len(names) > _MOST_LARGE_NAMES else 7)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        if len(names) <= _MOST_NUMBERED_GENRES:
            for row, column in np.argwhere(~np.isnan(values)):
                strong = values[row, column] > top / 2
                axes.text(
                    column,
                    row,
                    f"{100 * values[row, column]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color=theme.paper if strong else theme.ink,
                )
        bar = figure.colorbar(cells, ax=axes, shrink=0.55, aspect=28, pad=0.02)
        bar.outline.set_visible(False)
        figure_style.percent_axis(bar.ax.yaxis)
        bar.ax.tick_params(length=0, labelsize=6.5)
        bar.set_label(measure, fontsize=7)
        yield figure, axes
