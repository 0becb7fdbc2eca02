"""Figure 5.2: the distributions of colour and shape in each genre."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bookcover_core.evaluation.distributions import MEASURES, Measure, Spread
from bookcover_core.visualisation import figure_style

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
    with figure_style.drawn(figure_style.WIDTH, 2 * (0.55 + _ROW * (len(orders[0]) + 1))) as figure:
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
