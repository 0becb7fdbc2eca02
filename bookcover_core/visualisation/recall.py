"""Figures of results: recall by genre (Figure 5.1), the confusion matrix, and accuracy beside published results."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.scores import Estimate, Scores
from bookcover_core.visualisation import style
from bookcover_core.visualisation.style import LIGHT, Theme

# Beyond these the numbers in the cells of a confusion matrix would be too small to read.
_MOST_NUMBERED_GENRES = 12

# Best and worst genres that are singled out, of each as many.
_EXTREMES = 5

# Longer names of genres are cut on axes.
_LONGEST_NAME = 32


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
    with style.applied(theme):
        row = max(0.19, 0.075 * len(networks) + 0.055)
        figure = style.new_figure(style.WIDTH, 0.95 + row * (len(order) + 1.4))
        panels = figure.subplots(1, len(ks), sharey=True, squeeze=False)[0]
        for axes, k in zip(panels, ks, strict=True):
            for position, network in enumerate(networks):
                offset = 0.0 if len(networks) == 1 else (position / (len(networks) - 1) - 0.5) * 0.56
                estimates = [network.top(k), *(network.genres[label].recall[k] for label in order)]
                places = np.array([-0.4, *range(1, len(order) + 1)]) + offset
                _intervals(axes, places, estimates, position, theme, label=network.backbone)
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
            style.percent_axis(axes.xaxis)
            axes.tick_params(axis="y", length=0)
            style.panel_title(axes, f"Top-{k}")
        panels[0].set_yticks(
            [-0.4, *range(1, len(order) + 1)], ["All genres", *(_short(genres[label].name) for label in order)]
        )
        panels[0].get_yticklabels()[0].set_fontweight("bold")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3))
        return figure


def recall_extremes(network: Scores, theme: Theme = LIGHT, width: float = style.WIDTH) -> Figure:
    """Top-1 recall of the genres that a network does best and worst on, with intervals; `width` in inches."""
    ordered = sorted((genre for genre in network.genres if genre.books), key=lambda genre: -genre.recall[1].value)
    split = len(ordered) > 2 * _EXTREMES
    best, worst = (ordered[:_EXTREMES], ordered[-_EXTREMES:]) if split else (ordered, [])
    places = [*range(len(best)), *(len(best) + 0.6 + place for place in range(len(worst)))]
    with style.applied(theme):
        figure = style.new_figure(width, 0.5 + 0.21 * (len(places) + split))
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
        axes.set_yticks(places, [_short(genre.name) for genre in [*best, *worst]])
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_xlim(0, min(1.0, max(genre.recall[1].high for genre in best) + 0.08))
        style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 recall (dotted: chance)")
        return figure


def confusion_heat_map(network: Scores, theme: Theme = LIGHT) -> Figure:
    """Where the books of each genre (rows) were put (columns), as shares of the genre's test books."""
    confusion = np.array(network.confusion, dtype=float)
    books = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, books, out=np.zeros_like(confusion), where=books > 0)
    names = [_short(genre.name) for genre in network.genres]
    with style.applied(theme):
        side = min(style.WIDTH, 2.6 + 0.17 * len(names))
        figure = style.new_figure(side + 0.5, side)
        axes = figure.subplots()
        top = max(0.01, float(shares.max()))
        mesh = axes.pcolormesh(shares, cmap=theme.colormap, vmin=0, vmax=top, edgecolors=theme.paper, linewidth=0.4)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        centres = np.arange(len(names)) + 0.5
        axes.set_xticks(centres, names, rotation=90)
        axes.set_yticks(centres, names)
        axes.tick_params(length=0, labelsize=6 if len(names) > _MOST_NUMBERED_GENRES else 7)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xlabel("Predicted genre")
        axes.set_ylabel("True genre")
        if len(names) <= _MOST_NUMBERED_GENRES:
            for true, predicted in np.ndindex(shares.shape):
                strong = shares[true, predicted] > top / 2
                axes.text(
                    predicted + 0.5,
                    true + 0.5,
                    f"{100 * shares[true, predicted]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color=theme.paper if strong else theme.ink,
                )
        bar = figure.colorbar(mesh, ax=axes, shrink=0.55, aspect=28, pad=0.02)
        bar.outline.set_visible(False)
        style.percent_axis(bar.ax.yaxis)
        bar.ax.tick_params(length=0, labelsize=6.5)
        bar.set_label("Share of the genre's test books", fontsize=7)
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
        marker=style.marker(position),
        markersize=3.2,
        color=colour,
        label=label,
        clip_on=False,
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"
