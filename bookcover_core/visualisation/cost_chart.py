"""What accuracy costs: the accuracy of networks against their multiply-adds, after Figure 1 of Bianco et al. 2018.

S. Bianco, R. Cadene, L. Celona, P. Napoletano: "Benchmark analysis of representative deep neural network
architectures", IEEE Access 6. Section 4.1 of the dissertation chose its networks by that figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.models.architecture import Architecture
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme

# Area of a bubble in square points, for each million parameters, and at least.
_AREA, _LEAST_AREA = 11.0, 30.0

# Millions of parameters that the key shows.
_KEY = (5, 25, 50)

# How published numbers are marked.
_HOLLOW: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 6, "markerfacecolor": "none"}


@dataclass(frozen=True)
class NetworkCost:
    """The cost and the accuracy of a network."""

    name: str
    architecture: Architecture
    accuracy: Estimate
    published: float | None = None
    """What the dissertation or Iwana et al. give for it."""


def accuracy_against_cost(
    networks: Sequence[NetworkCost], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """Top-1 accuracy with intervals against multiply-adds; areas stand for parameters, hollow is what is published.

    Args:
        networks: At least one.
        theme: Colours.
        width: In inches.
    """
    with figure_style.drawn(theme, width, min(3.2, 0.95 * width)) as figure:
        axes = figure.subplots()
        for place, network in enumerate(networks):
            _draw(axes, network, theme, theme.colour(place))
        axes.set_xscale("log")
        costs = [network.architecture.multiply_adds for network in networks]
        axes.set_xlim(min(costs) / 2.2, max(costs) * 2.2)
        values = [value for each in networks for value in (each.accuracy.high, each.published or 0.0)]
        axes.set_ylim(0, min(1.0, max(values) * 1.2 + 0.01))
        narrow = width <= figure_style.NARROW
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if narrow else (1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _amount(value)))
        axes.grid(visible=True, axis="both")
        axes.set_xlabel("Multiply-adds for one cover")
        axes.set_ylabel("Top-1 accuracy on test books")
        figure_style.percent_axis(axes.yaxis)
        _draw_key(figure, axes, theme, any(each.published is not None for each in networks), narrow)
        return figure


def _draw(axes: Axes, network: NetworkCost, theme: Theme, colour: str) -> None:
    cost, estimate = network.architecture.multiply_adds, network.accuracy
    axes.scatter(cost, estimate.value, s=_area(network.architecture.parameters), color=colour, alpha=0.35, linewidth=0)
    axes.vlines(cost, estimate.low, estimate.high, color=colour, linewidth=1.4)
    axes.plot(cost, estimate.value, marker="o", markersize=3, color=colour)
    if network.published is not None:
        axes.plot(cost, network.published, **_HOLLOW, markeredgecolor=colour)
    axes.annotate(
        network.name,
        (cost, estimate.high),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=6.8,
        color=theme.ink,
    )


def _draw_key(figure: Figure, axes: Axes, theme: Theme, published: bool, below: bool) -> None:
    for millions in _KEY:
        axes.scatter([], [], s=_area(1e6 * millions), color=theme.muted, alpha=0.35, linewidth=0, label=f"{millions} M")
    axes.plot([], [], marker="o", linestyle="none", markersize=3, color=theme.muted, label="this study")
    if published:
        axes.plot([], [], **_HOLLOW, markeredgecolor=theme.muted, label="published")
    where = (
        {"loc": "outside lower center", "ncols": len(_KEY) + 1 + published} if below else {"loc": "outside right upper"}
    )
    figure.legend(**where, title="Parameters", title_fontsize=7, labelspacing=2.2, columnspacing=1.0, handletextpad=0.6)


def _area(parameters: float) -> float:
    return float(np.maximum(_LEAST_AREA, _AREA * parameters / 1e6))


def _amount(number: float) -> str:
    """A number of multiply-adds for people: "300 M", "4 G"."""
    return f"{number / 1e9:g} G" if number >= 1e9 else f"{number / 1e6:g} M"
