"""The figure of recall by genre in two studies: two points a genre, and the way between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


@dataclass(frozen=True)
class GenreRecalls:
    """The recall of a genre in two studies."""

    name: str
    first: float
    second: float
    difference: Estimate
    """The first less the second."""

    def colour(self, theme: Theme) -> str:
        """That of the study which is ahead; muted for a tie."""
        return theme.muted if self.difference.holds_zero else theme.colour(0 if self.difference.value > 0 else 1)


def recall_comparison(
    genres: Sequence[GenreRecalls], names: tuple[str, str], theme: Theme = LIGHT, width: float = figure_style.WIDTH
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
    with figure_style.drawn(theme, width, 0.95 + 0.2 * (len(genres) + 0.6)) as figure:
        ratios = (1,) if is_narrow else (1.5, 1)
        panels = figure.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
        _recalls(panels[0], genres, names, theme)
        for right in panels[1:]:
            for place, genre in enumerate(genres):
                figure_style.interval_row(
                    right, place, genre.difference, genre.colour(theme), marker="D", markersize=3.4
                )
            right.locator_params(axis="x", nbins=5)
            right.axvline(0, color=theme.ink, linewidth=0.8)
            figure_style.panel_title(right, "Difference, with interval")
        for axes in panels:
            figure_style.bands(axes, range(0, len(genres), 2), theme)
            figure_style.rows_of_shares(axes)
        panels[0].set_yticks(range(len(genres)), [figure_style.short_name(genre.name) for genre in genres])
        panels[0].set_ylim(len(genres) - 0.4, -0.6)
        figure_style.legend_below(figure, panels[0], 1 if is_narrow else 2)
        return figure


def _recalls(axes: Axes, genres: Sequence[GenreRecalls], names: tuple[str, str], theme: Theme) -> None:
    for place, genre in enumerate(genres):
        linewidth = 1.0 if genre.difference.holds_zero else 2.2
        axes.hlines(place, genre.first, genre.second, color=genre.colour(theme), linewidth=linewidth, alpha=0.7)
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
