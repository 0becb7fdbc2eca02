"""Figures of the analysis: shape and colour by genre (5.2, 5.3), against recall (5.4), reliability, overlap (5.5).

And the confusion of genres. `names` of the genres are by label, widths in inches.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.evaluation.colour_and_shape import MEASURES, ColourStudy, GenreColour, Measure, Spread
from bookcover_core.evaluation.genre_pairs import OverlapStudy
from bookcover_core.evaluation.scores import Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH, short_name

# Position of each measure's colour among the series of the theme; the fourth for others.
_SERIES = {"red": 1, "green": 2, "blue": 0}

# Height of a genre's row in inches, how far its shape reaches up, in rows, and room beside it, as a share of its width.
_ROW, _REACH, _MARGIN = 0.14, 0.85, 0.03

# Smooths a shape: a Gaussian whose standard deviation is 1.2 steps.
_KERNEL = np.exp(-0.5 * (np.arange(-4, 5) / 1.2) ** 2)

# Beyond these the numbers in the cells would be too small to read, and names are set smaller.
_MOST_NUMBERED_GENRES, _MOST_LARGE_NAMES = 12, 20

# Inches: a cell at most, a letter of a name, the titles of the axes, and the scale.
_CELL, _LETTER, _TITLES, _SCALE = 0.45, 0.052, 0.3, 0.75


def measure_distributions(measures: Sequence[Measure], names: Sequence[str]) -> Figure:
    """Figure 5.2: the shape of every measure's distribution in each genre, with its median, middle half and covers.

    Colours above, the genres from dark to bright; shapes below, from narrow to wide.
    """
    medians = np.array([[spread.quantiles[2] for spread in measure.genres] for measure in measures])
    orders = [np.argsort(each, kind="stable") for each in (sum(medians[:3]), medians[-1])]
    with figure_style.drawn(WIDTH, 2 * (0.55 + _ROW * (len(orders[0]) + 1))) as figure:
        for place, (axes, measure) in enumerate(zip(figure.subplots(2, 3).ravel(), measures, strict=True)):
            title, _, unit = MEASURES[measure.name].partition(", ")
            spreads = [measure.genres[genre] for genre in orders[place // 3]]
            _draw_rows(axes, measure, spreads)
            figure_style.panel_title(axes, title)
            axes.set_xlabel(unit or "0 to 255")
            shown = [f"{short_name(names[spread.label])} ({spread.books:,})" for spread in spreads]
            if place % 3:
                axes.set_yticks([])
            else:
                axes.set_yticks(range(len(shown)), shown, fontsize=6.4)
            axes.tick_params(axis="x", labelsize=6.6)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        return figure


def _draw_rows(axes: Axes, measure: Measure, spreads: Sequence[Spread]) -> None:
    """A row for each genre, the first at the bottom."""
    places, colour = np.arange(len(spreads)), figure_style.colour(_SERIES.get(measure.name, 3))
    edges = np.linspace(measure.low, measure.high, len(spreads[0].density) + 1)
    along = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    shapes = []
    for place, spread in enumerate(spreads):
        heights = np.convolve(spread.density, _KERNEL / _KERNEL.sum(), mode="same")
        up = np.concatenate([[0], heights / max(float(heights.max()), 1e-12), [0]])
        shapes.append(np.round(np.column_stack([along, place + _REACH * up]), 4))
    # Collections, not a shape at a time: a third of the time, and half of the file.
    axes.add_collection(PolyCollection(shapes, facecolors=to_rgba(colour, 0.5), edgecolors=colour, linewidths=0.5))
    _, lower, median, upper, _ = np.array([spread.quantiles for spread in spreads]).T
    axes.hlines(places, lower, upper, color=figure_style.INK, linewidth=1.0)
    axes.plot(median, places, linestyle="none", marker="o", markersize=2.2, color=figure_style.INK, clip_on=False)
    margin = _MARGIN * (measure.high - measure.low)
    axes.set_xlim(measure.low - margin, measure.high + margin)
    axes.set_ylim(-0.6, len(spreads) + 0.2)
    figure_style.row_axes(axes)


def colour_swatches(colours: Sequence[GenreColour], names: Sequence[str], width: float = WIDTH) -> Figure:
    """Figure 5.3: the mean colour of each genre's covers (one at least), from dark to bright, with name and value."""
    ordered = sorted(colours, key=lambda colour: (colour.brightness.value, colour.label))
    columns = 3 if width >= WIDTH else 2
    rows = -(-len(ordered) // columns)
    with figure_style.drawn(width, 0.1 + 0.42 * rows) as figure:
        axes = figure.subplots()
        for place, colour in enumerate(ordered):
            column, row = divmod(place, rows)
            corner, edge = (column + 0.01, row + 0.08), figure_style.GRID
            axes.add_patch(Rectangle(corner, 0.2, 0.84, facecolor=colour.rgb, edgecolor=edge, lw=0.5))
            axes.text(column + 0.235, row + 0.36, short_name(names[colour.label]), fontsize=6.4, va="center")
            value = f"{to_hex(colour.rgb)}, {colour.books:,} covers"
            axes.text(column + 0.235, row + 0.7, value, fontsize=5.6, va="center", color=figure_style.MUTED)
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        axes.set_axis_off()
        return figure


def colour_distance(studies: Mapping[str, ColourStudy], names: Sequence[str], width: float = WIDTH) -> Figure:
    """Figure 5.4: each genre's colour distance (equation 5.1) against its recall, a panel for each of `studies`."""
    furthest = max((point.distance or 0 for study in studies.values() for point in study.points), default=1) or 1
    best = max(point.recall for study in studies.values() for point in study.points) or 1
    with figure_style.panels(width, studies, 2.6) as (figure, panels):
        for position, (axes, (name, study)) in enumerate(zip(panels, studies.items(), strict=True)):
            known = [point for point in study.points if point.distance is not None]
            distances, recalls = (np.array([getattr(each, what) for each in known]) for what in ("distance", "recall"))
            style: Any = {"marker": figure_style.marker(position), "color": figure_style.colour(position)}
            axes.plot(distances, recalls, linestyle="none", markersize=3.4, alpha=0.85, **style)
            axes.set_xlim(0, 1.08 * furthest)
            axes.set_ylim(-0.04 * best, 1.2 * best)
            figure_style.percent_axis(axes.yaxis)
            text, found = "too few genres to tell", study.pearson
            if found:
                text = f"r = {found.value:.2f} (shuffled {found.low:.2f} to {found.high:.2f})"
            figure_style.panel_title(axes, name, text.replace("-", "\N{MINUS SIGN}"))
            extremes = [recalls.argmax(), distances.argmax(), distances.argmin()] if known else []
            taken: list[float] = []  # their names must not meet
            for place in dict.fromkeys(extremes):
                distance, recall = distances[place], recalls[place]
                if all(abs(recall - other) > 0.06 * axes.get_ylim()[1] for other in taken):
                    side = 1 if distance < furthest / 2 else -1
                    where: Any = {"xytext": (4 * side, 4), "textcoords": "offset points", "fontsize": 5.6}
                    shown = short_name(names[known[place].label], 24)
                    axes.annotate(shown, (distance, recall), ha="left" if side == 1 else "right", **where)
                    taken.append(recall)
            axes.set_ylabel("Top-1 recall")
            axes.set_xlabel("Colour distance, steps of 0 to 255")
        return figure


def reliability(calibrations: Mapping[str, Calibration], width: float = WIDTH) -> Figure:
    """Accuracy against probability, in bins of as many books, for each network; below the diagonal, too sure."""
    highest = max(max(each.high, each.accuracy.high) for found in calibrations.values() for each in found.bins)
    top = min(1.0, ceil(5 * highest) / 5)
    with figure_style.panels(width, calibrations, 2.7) as (figure, panels):
        for position, (axes, (name, found)) in enumerate(zip(panels, calibrations.items(), strict=True)):
            colour, marker = figure_style.colour(position), figure_style.marker(position)
            axes.plot([0, 1], [0, 1], color=figure_style.MUTED, linewidth=0.8, linestyle=figure_style.DOTTED)
            for each in found.bins:
                axes.hlines(each.accuracy.value, each.low, each.high, color=colour, linewidth=0.8, alpha=0.5)
                axes.vlines(each.confidence, *each.accuracy.ends, color=colour, linewidth=1.0, alpha=0.6)
            points = [(each.confidence, each.accuracy.value) for each in found.bins]
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, marker=marker, markersize=3.6)
            axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
            axes.grid(axis="x")
            for axis in (axes.xaxis, axes.yaxis):
                figure_style.percent_axis(axis)
            error = f"error {100 * found.ece:.1f} %, by luck {100 * found.ece_by_luck:.1f} %"
            figure_style.panel_title(axes, name, error)
            axes.set(ylabel="Accuracy", xlabel="Probability of the named genre")
        return figure


def confusion_heat_map(network: Scores, order: Sequence[int] | None = None) -> Figure:
    """Where the books of each genre (rows) were put (columns), as shares of the genre's test books, which are counted.

    Rows and columns stand in the order of labels that `order` gives; none: from 0.
    """
    labels = list(range(len(network.genres)) if order is None else order)
    confusion = np.array(network.confusion, dtype=float)[np.ix_(labels, labels)]
    books = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, books, out=np.zeros_like(confusion), where=books > 0)
    names = [network.genres[label].name for label in labels]
    counted = [f"{short_name(name)} ({count:,.0f})" for name, count in zip(names, books[:, 0], strict=True)]
    top = max(0.01, float(shares.max()))
    with _square(shares, top, names, counted, "Share of the genre's test books") as (figure, axes):
        axes.set_xlabel("Predicted genre")
        axes.set_ylabel("True genre (test books)")
        for row, column in np.argwhere(confusion):
            told = {"model": network.model, "split": "test", "genre": names[row], "predicted": names[column]}
            figure_style.leads_to(axes, (column - 0.5, row - 0.5), (1, 1), **told)
        return figure


def overlap_heat_map(overlap: OverlapStudy, names: Sequence[str], order: Sequence[int]) -> Figure:
    """Figure 5.5 for one network: the mean class overlap of each pair of genres; those above the threshold are framed.

    Rows and columns stand in the `order` of labels.
    """
    lower = np.array(overlap.matrix, dtype=float)[np.ix_(list(order), list(order))]
    lower[np.triu_indices(len(order))] = np.nan
    shown = [names[label] for label in order]
    with _square(lower, 1.0, shown, [*map(short_name, shown)], "Mean class overlap") as (figure, axes):
        inside = 0.44 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])  # corners of a frame just inside of a cell
        squares = np.argwhere(lower > overlap.threshold)[:, None, ::-1] + inside
        edge = figure_style.colour(1)
        axes.add_collection(PolyCollection(list(squares), facecolors="none", edgecolors=edge, linewidths=0.8))
        return figure


@contextmanager
def _square(
    values: NDArray[np.float64], top: float, across: Sequence[str], down: Sequence[str], measure: str
) -> Iterator[tuple[Figure, Axes]]:
    """A figure with a square of cells from 0 to `top`, columns and rows named, and a scale; NaN stays empty."""
    count = len(across)
    room = _LETTER * max(map(len, map(short_name, down))) + _TITLES
    side = min(_CELL * count, WIDTH - room - _SCALE)
    with figure_style.drawn(side + room + _SCALE, side + room) as figure:
        axes = figure.subplots()
        # An image with lines on it: a tenth of the file that as many drawn cells make.
        cells = axes.imshow(values, cmap=figure_style.RAMP, vmin=0, vmax=top, interpolation="none")
        between, ends = np.arange(count + 1) - 0.5, (-0.5, count - 0.5)
        for lines in (axes.hlines, axes.vlines):
            lines(between, *ends, color=figure_style.PAPER, linewidth=0.6)
        axes.set(xlim=ends, ylim=ends[::-1])
        axes.set_xticks(range(count), map(short_name, across), rotation=90)
        axes.set_yticks(range(count), down)
        axes.tick_params(length=0, labelsize=6 if count > _MOST_LARGE_NAMES else 7)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for row, column in np.argwhere(~np.isnan(values)) if count <= _MOST_NUMBERED_GENRES else ():
            share = values[row, column]
            colour = figure_style.PAPER if share > top / 2 else figure_style.INK
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
        bar = figure.colorbar(cells, ax=axes, shrink=0.55, aspect=28, pad=0.02)
        bar.outline.set_visible(False)
        figure_style.percent_axis(bar.ax.yaxis)
        bar.ax.tick_params(length=0, labelsize=6.5)
        bar.set_label(measure, fontsize=7)
        yield figure, axes
