"""The reliability diagram: how sure each network is, against how often it is right."""

from collections.abc import Mapping
from math import ceil

from matplotlib.figure import Figure

from bookcover_core.evaluation.calibration import Calibration
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH


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
