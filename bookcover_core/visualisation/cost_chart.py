"""What accuracy costs: the accuracy of networks against their multiply-adds, after Figure 1 of Bianco et al. 2018.

S. Bianco, R. Cadene, L. Celona, P. Napoletano: "Benchmark analysis of representative deep neural network
architectures", IEEE Access 6. Section 4.1 of the dissertation chose its networks by that figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.models.architecture import Architecture
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import NARROW

# Area of a bubble in square points, for each million parameters, and at least.
_AREA, _LEAST_AREA = 11.0, 30.0


@dataclass(frozen=True)
class NetworkCost:
    """The cost and the accuracy of a network."""

    name: str
    architecture: Architecture
    accuracy: Estimate
    published: float | None = None
    """What the dissertation or Iwana et al. give for it."""


def accuracy_against_cost(networks: Sequence[NetworkCost], width: float = figure_style.WIDTH) -> Figure:
    """Top-1 accuracy with intervals against multiply-adds of at least one network; areas stand for parameters."""
    is_narrow = width <= NARROW
    lines = len(networks) if is_narrow else -(-len(networks) // 2)
    with figure_style.drawn(width, min(3.0, 0.9 * width) + 0.19 * (lines + 1)) as figure:
        axes = figure.subplots()
        # Networks of one architecture cost the same: they stand a little apart, so that their intervals do not overlap.
        taken: dict[int, int] = {}
        for place, network in enumerate(networks):
            cost = network.architecture.multiply_adds
            taken[cost] = taken.get(cost, -1) + 1
            _draw(axes, network, cost * 1.09 ** taken[cost], place)
        axes.set_xscale("log")
        axes.set_xlim(min(taken) / 2.2, max(taken) * 2.2)
        axes.set_ylim(0, min(1.0, 1.15 * max(max(each.accuracy.high, each.published or 0) for each in networks) + 0.01))
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if is_narrow else (1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost / 1e9:g} G"))
        axes.grid(visible=True, axis="both")
        axes.set_xlabel("Multiply-adds for one cover")
        axes.set_ylabel("Top-1 accuracy on test books")
        figure_style.percent_axis(axes.yaxis)
        figure_style.legend_below(figure, axes, 1 if is_narrow else 2)
        return figure


def _draw(axes: Axes, network: NetworkCost, cost: float, place: int) -> None:
    colour, marker, estimate = figure_style.colour(place), figure_style.marker(place), network.accuracy
    millions = network.architecture.parameters / 1e6
    axes.scatter(cost, estimate.value, s=max(_LEAST_AREA, _AREA * millions), color=colour, alpha=0.25, linewidth=0)
    axes.vlines(cost, estimate.low, estimate.high, color=colour, linewidth=1.4)
    label = f"{network.name}: {millions:.1f} M parameters"
    axes.plot(cost, estimate.value, marker=marker, linestyle="none", color=colour, label=label)
    if network.published is not None:
        hollow: Any = {"markersize": 6, "markerfacecolor": "none", "markeredgecolor": colour}
        axes.plot(cost, network.published, marker=marker, linestyle="none", **hollow)
