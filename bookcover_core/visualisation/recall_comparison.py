"""The figure of recall by genre in two studies: two points a genre, and the way between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.scores import Estimate
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


@dataclass(frozen=True)
class Dumbbell:
    """A genre in two studies."""

    name: str
    first: float
    second: float
    difference: Estimate
    """The first less the second."""

    @property
    def is_tie(self) -> bool:
        """Whether the interval of the difference holds 0."""
        return self.difference.low <= 0 <= self.difference.high


def recall_dumbbells(
    genres: Sequence[Dumbbell], names: tuple[str, str], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """Recall of each genre in both studies, in the order given; beside it the difference with its interval.

    Ties are faint; on phones the differences are left to the table.

    Args:
        genres: At least one.
        names: What the first and the second points are called.
        theme: Colours.
        width: In inches.
    """
    is_narrow = width < figure_style.WIDTH
    with figure_style.applied(theme):
        figure = figure_style.new_figure(width, 0.95 + 0.2 * (len(genres) + 0.6))
        ratios = (1,) if is_narrow else (1.5, 1)
        panels = figure.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
        _recalls(panels[0], genres, names, theme)
        for right in panels[1:]:
            _differences(right, genres, theme)
        for axes in panels:
            for place in range(0, len(genres), 2):
                axes.axhspan(place - 0.5, place + 0.5, color=theme.grid, alpha=0.45, linewidth=0, zorder=0)
            figure_style.rows_of_shares(axes)
        panels[0].set_yticks(range(len(genres)), [figure_style.short_name(genre.name) for genre in genres])
        panels[0].set_ylim(len(genres) - 0.4, -0.6)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=1 if is_narrow else 2)
        return figure


def _recalls(axes: Axes, genres: Sequence[Dumbbell], names: tuple[str, str], theme: Theme) -> None:
    for place, genre in enumerate(genres):
        ahead = theme.colour(0 if genre.difference.value > 0 else 1)
        colour = theme.muted if genre.is_tie else ahead
        axes.hlines(place, genre.first, genre.second, color=colour, linewidth=1.0 if genre.is_tie else 2.2, alpha=0.7)
    for side, values in enumerate(([genre.first for genre in genres], [genre.second for genre in genres])):
        axes.plot(
            values,
            range(len(genres)),
            linestyle="none",
            marker=figure_style.marker(side),
            markersize=(5.6, 3.4)[side],
            color=theme.colour(side),
            label=figure_style.short_name(names[side]),
            clip_on=False,
            zorder=3,
        )
    axes.set_xlim(-0.015, min(1.0, max(max(genre.first, genre.second) for genre in genres) + 0.06))
    figure_style.panel_title(axes, "Top-1 recall")


def _differences(axes: Axes, genres: Sequence[Dumbbell], theme: Theme) -> None:
    for place, genre in enumerate(genres):
        ahead = theme.colour(0 if genre.difference.value > 0 else 1)
        colour = theme.muted if genre.is_tie else ahead
        axes.hlines(place, genre.difference.low, genre.difference.high, color=colour, linewidth=1.5, alpha=0.7)
        axes.plot(genre.difference.value, place, marker="D", markersize=3.4, color=colour)
    axes.locator_params(axis="x", nbins=5)
    axes.axvline(0, color=theme.ink, linewidth=0.8)
    figure_style.panel_title(axes, "Difference, with interval")
