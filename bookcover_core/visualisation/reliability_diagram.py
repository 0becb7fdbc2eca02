"""The reliability diagram: how sure each network is, against how often it is right."""

from collections.abc import Mapping
from math import ceil

from matplotlib.figure import Figure

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


def reliability(
    calibrations: Mapping[str, Calibration], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """A panel for each network: accuracy, with intervals, of books in bins of as many books each.

    On the diagonal a network is right as often as it says; below it, it is too sure.

    Args:
        calibrations: At least one, by the network's name.
        theme: Colours.
        width: In inches.
    """
    columns = min(len(calibrations), 3) if width >= figure_style.WIDTH else 1
    rows = -(-len(calibrations) // columns)
    side = width if columns > 1 else min(width, 4.2)
    height = 0.3 + rows * (side / max(columns, 2) if columns > 1 else 0.75 * side)
    with figure_style.drawn(theme, side, height) as figure:
        panels = figure_style.panels(figure, len(calibrations), columns)
        for position, ((axes, at_left, at_bottom), (name, found)) in enumerate(
            zip(panels, calibrations.items(), strict=True)
        ):
            colour = theme.colour(position)
            axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=0.8, linestyle=figure_style.DOTTED)
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
            top = _reach(found)
            axes.set_xlim(0, top)
            axes.set_ylim(0, top)
            axes.grid(axis="x")
            figure_style.percent_axis(axes.xaxis)
            figure_style.percent_axis(axes.yaxis)
            axes.set_title(name, loc="left", pad=14)
            axes.annotate(
                f"calibration error {100 * found.ece:.1f} %, by luck alone {100 * found.ece_by_luck:.1f} %",
                (0, 1.02),
                xycoords="axes fraction",
                fontsize=6,
                color=theme.muted,
            )
            if at_left:
                axes.set_ylabel("Accuracy")
            if at_bottom:
                axes.set_xlabel("Probability of the named genre")
        return figure


def _reach(found: Calibration) -> float:
    """Where the axes of a panel end: the next fifth above everything in it."""
    highest = max(max(each.high, each.accuracy.high) for each in found.bins)
    return min(1.0, ceil(5 * highest) / 5)
