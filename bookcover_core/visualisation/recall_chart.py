"""Figures of recall by genre: all of them (Figure 5.1), and the best and worst."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.scores import Estimate, Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme

# Best and worst genres that are singled out, of each as many.
_EXTREMES = 5


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
    with figure_style.applied(theme):
        row = max(0.19, 0.075 * len(networks) + 0.055)
        figure = figure_style.new_figure(figure_style.WIDTH, 0.95 + row * (len(order) + 1.4))
        panels = figure.subplots(1, len(ks), sharey=True, squeeze=False)[0]
        for axes, k in zip(panels, ks, strict=True):
            for position, network in enumerate(networks):
                offset = 0.0 if len(networks) == 1 else (position / (len(networks) - 1) - 0.5) * 0.56
                estimates = [network.top(k), *(network.genres[label].recall[k] for label in order)]
                places = np.array([-0.4, *range(1, len(order) + 1)]) + offset
                _intervals(axes, places, estimates, position, theme, label=network.title)
            chance = networks[0].chance if k == 1 else k / len(genres)
            axes.axvline(chance, color=theme.ink, linewidth=0.7, linestyle=(0, (1, 1.6)))
            axes.axhline(0.35, color=theme.muted, linewidth=0.5)
            axes.set_xlim(0, 1)
            axes.set_ylim(len(order) + 0.6, -0.95)
            axes.grid(axis="x")
            axes.grid(axis="y", visible=False)
            for place in range(1, len(order) + 1, 2):
                axes.axhspan(place - 0.5, place + 0.5, color=theme.grid, alpha=0.45, linewidth=0, zorder=0)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
            figure_style.percent_axis(axes.xaxis)
            axes.tick_params(axis="y", length=0)
            figure_style.panel_title(axes, f"Top-{k}")
        panels[0].set_yticks(
            [-0.4, *range(1, len(order) + 1)],
            ["All genres", *(figure_style.short_name(genres[label].name) for label in order)],
        )
        panels[0].get_yticklabels()[0].set_fontweight("bold")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3))
        return figure


def recall_extremes(network: Scores, theme: Theme = LIGHT, width: float = figure_style.WIDTH) -> Figure:
    """Top-1 recall of the genres that a network does best and worst on, with intervals; `width` in inches."""
    ordered = sorted((genre for genre in network.genres if genre.books), key=lambda genre: -genre.recall[1].value)
    split = len(ordered) > 2 * _EXTREMES
    best, worst = (ordered[:_EXTREMES], ordered[-_EXTREMES:]) if split else (ordered, [])
    places = [*range(len(best)), *(len(best) + 0.6 + place for place in range(len(worst)))]
    with figure_style.applied(theme):
        figure = figure_style.new_figure(width, 0.5 + 0.21 * (len(places) + split))
        axes = figure.subplots()
        for place, genre in zip(places, [*best, *worst], strict=True):
            estimate = genre.recall[1]
            colour = theme.colour(0 if genre in best else 1)
            axes.hlines(place, estimate.low, estimate.high, color=colour, linewidth=1.6, alpha=0.6)
            axes.plot(
                estimate.value, place, marker="o" if genre in best else "s", color=colour, markersize=5, clip_on=False
            )
            axes.annotate(
                f"{100 * estimate.value:.0f}",
                (estimate.high, place),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.8,
            )
        if split:
            axes.axhline(len(best) - 0.2, color=theme.muted, linewidth=0.5, linestyle=(0, (1, 2)))
        axes.axvline(network.chance, color=theme.ink, linewidth=0.8, linestyle=(0, (1, 1.6)))
        axes.set_yticks(places, [figure_style.short_name(genre.name) for genre in [*best, *worst]])
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_xlim(0, min(1.0, max(genre.recall[1].high for genre in best) + 0.08))
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 recall (dotted: chance)")
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
