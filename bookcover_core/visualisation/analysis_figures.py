"""Figures of section 5.2: shape and colour by genre (5.2, 5.3), colour against recall (5.4), and reliability.

`names` of the genres are by label, widths in inches.
"""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.evaluation.colour_analysis import ColourStudy, GenreColour
from bookcover_core.evaluation.distributions import MEASURES, Measure, Spread
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH

# The two rows of panels: measures that share an order of the genres.
_ROWS = (("red", "green", "blue"), ("width", "height", "aspect_ratio"))

# Position of each measure's colour among the series of the theme.
_SERIES = {"red": 1, "green": 2, "blue": 0, "width": 3, "height": 3, "aspect_ratio": 3}

# Height of a genre's row in inches, how far its shape reaches up, in rows, and room beside it, as a share of its width.
_ROW, _REACH, _MARGIN = 0.14, 0.85, 0.03

# Steps by which a shape is smoothed: the standard deviation of a Gaussian.
_SMOOTHING = 1.2


def measure_distributions(measures: Sequence[Measure], names: Sequence[str]) -> Figure:
    """Figure 5.2: the shape of every measure's distribution in each genre, with its median, middle half and covers.

    Colours above, the genres from dark to bright; shapes below, from narrow to wide. `names` are by label.
    """
    by_name = {measure.name: measure for measure in measures}
    orders = [_ordered([by_name[name] for name in _ROWS[0]]), _ordered([by_name["aspect_ratio"]])]
    with figure_style.drawn(WIDTH, 2 * (0.55 + _ROW * (len(orders[0]) + 1))) as figure:
        panels = figure.subplots(2, 3)
        for row, (row_names, order) in enumerate(zip(_ROWS, orders, strict=True)):
            for column, name in enumerate(row_names):
                axes = panels[row][column]
                _draw(axes, by_name[name], order)
                figure_style.panel_title(axes, MEASURES[name].split(",")[0])
                axes.set_xlabel(_unit(name))
                if column == 0:
                    books = {spread.label: spread.books for spread in by_name[name].genres}
                    shown = [f"{figure_style.short_name(names[label])} ({books[label]:,})" for label in order]
                    axes.set_yticks(range(len(order)), shown, fontsize=6.4)
                else:
                    axes.set_yticks([])
                axes.tick_params(axis="x", labelsize=6.6)
                axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        return figure


def _ordered(measures: Sequence[Measure]) -> list[int]:
    """Labels in the order of their medians, added over `measures`; the least stands at the bottom."""
    medians: dict[int, float] = {}
    for measure in measures:
        for spread in measure.genres:
            medians[spread.label] = medians.get(spread.label, 0.0) + spread.quantiles[2]
    return sorted(medians, key=lambda label: (medians[label], label))


def _draw(axes: Axes, measure: Measure, order: Sequence[int]) -> None:
    """A row for each genre, the first at the bottom."""
    spreads = {spread.label: spread for spread in measure.genres}
    ordered = [spreads[label] for label in order]
    places = np.arange(len(ordered))
    # Collections, not a shape at a time: a third of the time, and half of the file.
    axes.add_collection(
        PolyCollection(
            [_shape(measure, spread, place) for place, spread in enumerate(ordered)],
            facecolors=to_rgba(figure_style.colour(_SERIES[measure.name]), 0.5),
            edgecolors=figure_style.colour(_SERIES[measure.name]),
            linewidths=0.5,
        )
    )
    lower, median, upper = (np.array([spread.quantiles[which] for spread in ordered]) for which in (1, 2, 3))
    axes.hlines(places, lower, upper, color=figure_style.INK, linewidth=1.0)
    axes.plot(median, places, linestyle="none", marker="o", markersize=2.2, color=figure_style.INK, clip_on=False)
    margin = _MARGIN * (measure.high - measure.low)
    axes.set_xlim(measure.low - margin, measure.high + margin)
    axes.set_ylim(-0.6, len(order) + 0.2)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _shape(measure: Measure, spread: Spread, place: int) -> np.ndarray:
    """The corners of a distribution's shape on the line at `place`."""
    edges = np.linspace(measure.low, measure.high, len(spread.density) + 1)
    reach = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (reach / _SMOOTHING) ** 2)
    heights = np.convolve(spread.density, kernel / kernel.sum(), mode="same")
    along = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    up = np.concatenate([[0], heights / max(float(heights.max()), 1e-12), [0]])
    return np.round(np.column_stack([along, place + _REACH * up]), 4)


def _unit(name: str) -> str:
    if name in _ROWS[0]:
        return "0 to 255"
    return "pixels" if name in {"width", "height"} else "width / height"


# Height of a row of swatches in inches.
_SWATCH = 0.42


def colour_swatches(colours: Sequence[GenreColour], names: Sequence[str], width: float = WIDTH) -> Figure:
    """Figure 5.3: the mean colour of each genre's covers (one at least), from dark to bright, with name and value."""
    ordered = sorted(colours, key=lambda colour: (colour.brightness.value, colour.label))
    columns = 3 if width >= WIDTH else 2
    rows = -(-len(ordered) // columns)
    with figure_style.drawn(width, 0.1 + _SWATCH * rows) as figure:
        axes = figure.subplots()
        for place, colour in enumerate(ordered):
            column, row = divmod(place, rows)
            axes.add_patch(
                Rectangle(
                    (column + 0.01, row + 0.08), 0.2, 0.84, facecolor=colour.rgb, edgecolor=figure_style.GRID, lw=0.5
                )
            )
            name = figure_style.short_name(names[colour.label])
            axes.text(column + 0.235, row + 0.36, name, fontsize=6.4, va="center")
            value = "#" + "".join(f"{round(255 * part):02x}" for part in colour.rgb) + f", {colour.books:,} covers"
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
            points = {
                point.label: (point.distance, point.recall) for point in study.points if point.distance is not None
            }
            axes.plot(
                [distance for distance, _ in points.values()],
                [recall for _, recall in points.values()],
                linestyle="none",
                marker=figure_style.marker(position),
                markersize=3.4,
                color=figure_style.colour(position),
                alpha=0.85,
            )
            axes.set_xlim(0, 1.08 * furthest)
            axes.set_ylim(-0.04 * best, 1.2 * best)
            figure_style.percent_axis(axes.yaxis)
            found = study.pearson
            text = "too few genres to tell"
            if found:
                text = f"r = {found.value:.2f} (shuffled {found.low:.2f} to {found.high:.2f})"
            figure_style.panel_title(axes, name, text.replace("-", "\N{MINUS SIGN}"))
            _name_extremes(axes, points, names, furthest)
            axes.set_ylabel("Top-1 recall")
            axes.set_xlabel("Colour distance, steps of 0 to 255")
        return figure


def _name_extremes(
    axes: Axes, points: Mapping[int, tuple[float, float]], names: Sequence[str], furthest: float
) -> None:
    """Name the genres of the best recall, the greatest distance and the least, where their names do not meet."""
    if not points:
        return
    wanted = dict.fromkeys(
        [
            max(points, key=lambda label: points[label][1]),
            max(points, key=lambda label: points[label][0]),
            min(points, key=lambda label: points[label][0]),
        ]
    )
    taken: list[float] = []
    for label in wanted:
        distance, recall = points[label]
        if all(abs(recall - other) > 0.06 * axes.get_ylim()[1] for other in taken):
            is_left = distance < furthest / 2
            axes.annotate(
                figure_style.short_name(names[label], 24),
                points[label],
                xytext=(4 if is_left else -4, 4),
                textcoords="offset points",
                ha="left" if is_left else "right",
                fontsize=5.6,
            )
            taken.append(recall)


def reliability(calibrations: Mapping[str, Calibration], width: float = WIDTH) -> Figure:
    """Accuracy against probability, in bins of as many books, for each network; below the diagonal, too sure."""
    highest = max(max(each.high, each.accuracy.high) for found in calibrations.values() for each in found.bins)
    top = min(1.0, ceil(5 * highest) / 5)
    with figure_style.panels(width, calibrations, 2.7) as (figure, panels):
        for position, (axes, (name, found)) in enumerate(zip(panels, calibrations.items(), strict=True)):
            colour = figure_style.colour(position)
            axes.plot([0, 1], [0, 1], color=figure_style.MUTED, linewidth=0.8, linestyle=figure_style.DOTTED)
            for each in found.bins:
                axes.hlines(each.accuracy.value, each.low, each.high, color=colour, linewidth=0.8, alpha=0.5)
                ends = each.accuracy.low, each.accuracy.high
                axes.vlines(each.confidence, *ends, color=colour, linewidth=1.0, alpha=0.6)
            axes.plot(
                [each.confidence for each in found.bins],
                [each.accuracy.value for each in found.bins],
                color=colour,
                linewidth=0.8,
                marker=figure_style.marker(position),
                markersize=3.6,
            )
            axes.set_xlim(0, top)
            axes.set_ylim(0, top)
            axes.set_aspect("equal")
            axes.grid(axis="x")
            for axis in (axes.xaxis, axes.yaxis):
                figure_style.percent_axis(axis)
            figure_style.panel_title(
                axes, name, f"error {100 * found.ece:.1f} %, by luck {100 * found.ece_by_luck:.1f} %"
            )
            axes.set_ylabel("Accuracy")
            axes.set_xlabel("Probability of the named genre")
        return figure
