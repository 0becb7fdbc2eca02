"""Figure 5.1: top-1, top-3 and top-5 recall of each network by genre."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.scores import Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


def recall_by_genre(networks: Sequence[Scores], theme: Theme = LIGHT) -> Figure:
    """Figure 5.1: top-1, top-3 and top-5 recall of each network by genre, with intervals; all genres together on top.

    Genres stand in the order of their mean top-1 recall. A k that takes in every genre is left out.

    Args:
        networks: Scores of at least one network, all of the same genres.
        theme: Colours.
    """
    genres = networks[0].genres
    ks = [k for k in TOP if k < len(genres)] or [1]
    tested = [genre.label for genre in genres if genre.books]
    order = sorted(
        tested, key=lambda label: -float(np.mean([network.genres[label].recall[1].value for network in networks]))
    )
    row = max(0.19, 0.075 * len(networks) + 0.055)
    with figure_style.drawn(theme, figure_style.WIDTH, 0.95 + row * (len(order) + 1.4)) as figure:
        panels = figure.subplots(1, len(ks), sharey=True, squeeze=False)[0]
        for axes, k in zip(panels, ks, strict=True):
            for position, network in enumerate(networks):
                offset = 0.0 if len(networks) == 1 else (position / (len(networks) - 1) - 0.5) * 0.56
                estimates = [network.top(k), *(network.genres[label].recall[k] for label in order)]
                places = np.array([-0.4, *range(1, len(order) + 1)]) + offset
                _intervals(axes, places, estimates, position, theme, label=network.title)
            figure_style.chance_line(axes, networks[0].chances[k], theme, linewidth=0.7)
            axes.axhline(0.35, color=theme.muted, linewidth=0.5)
            axes.set_xlim(0, 1)
            axes.set_ylim(len(order) + 0.6, -0.95)
            axes.grid(axis="x")
            axes.grid(axis="y", visible=False)
            figure_style.bands(axes, range(1, len(order) + 1, 2), theme)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
            figure_style.percent_axis(axes.xaxis)
            axes.tick_params(axis="y", length=0)
            figure_style.panel_title(axes, f"Top-{k}")
        panels[0].set_yticks(
            [-0.4, *range(1, len(order) + 1)],
            ["All genres", *(figure_style.short_name(genres[label].name) for label in order)],
        )
        panels[0].get_yticklabels()[0].set_fontweight("bold")
        figure_style.legend_below(figure, panels[0], 3)
        return figure


def _intervals(
    axes: Axes, places: np.ndarray, estimates: Sequence[Estimate], position: int, theme: Theme, label: str
) -> None:
    """Points with their intervals, one row each."""
    colour = theme.colour(position)
    axes.hlines(
        places,
        [estimate.low for estimate in estimates],
        [estimate.high for estimate in estimates],
        color=colour,
        linewidth=0.9,
        alpha=0.55,
    )
    axes.plot(
        [estimate.value for estimate in estimates],
        places,
        linestyle="none",
        marker=figure_style.marker(position),
        markersize=3.2,
        color=colour,
        label=label,
        clip_on=False,
    )
