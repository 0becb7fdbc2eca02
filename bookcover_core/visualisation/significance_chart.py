"""The figure of networks against each other: how much better one is, and how far two agree."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from bookcover_core.evaluation.scores import Estimate
from bookcover_core.evaluation.significance import PairComparison, Standing
from bookcover_core.models.systems import title_of
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


def pair_differences(
    pairs: Sequence[PairComparison], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """The difference of each pair's accuracies, the better network first, and the share of books they agree on.

    Args:
        pairs: At least one.
        theme: Colours.
        width: In inches.
    """
    turned = sorted((_better_first(pair) for pair in pairs), key=lambda row: -row[2].value)
    lowest = min(row[2].low for row in turned)
    with figure_style.applied(theme):
        is_narrow = width < figure_style.WIDTH
        row_height = 0.34 if is_narrow else 0.21
        figure = figure_style.new_figure(width, 0.62 + row_height * (len(turned) + 0.6))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
        for place, (_, _, difference, standing, same) in enumerate(turned):
            colour = theme.colour(0) if standing in {Standing.AHEAD, Standing.BEHIND} else theme.muted
            left.hlines(place, difference.low, difference.high, color=colour, linewidth=1.5, alpha=0.7)
            left.plot(difference.value, place, marker="o", color=colour)
            left.annotate(
                "tie" if standing is Standing.TIE else "open" if standing is Standing.OPEN else "",
                (difference.high, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.2,
                color=theme.muted,
            )
            right.hlines(place, same.low, same.high, color=theme.colour(3), linewidth=1.5, alpha=0.7)
            right.plot(same.value, place, marker="s", color=theme.colour(3))
        left.axvline(0, color=theme.ink, linewidth=0.8)
        between = "\nover " if is_narrow else " over "
        left.set_yticks(range(len(turned)), [f"{better}{between}{worse}" for better, worse, *_ in turned])
        left.set_ylim(len(turned) - 0.4, -0.6)
        left.set_xlim(left=min(-0.01, 1.1 * lowest))
        left.margins(x=0.12)
        right.set_xlim(0, 1)
        for axes in (left, right):
            figure_style.rows_of_shares(axes)
        figure_style.panel_title(left, "Difference" if is_narrow else "Difference of accuracies")
        figure_style.panel_title(right, "Agreement" if is_narrow else "Same genre named")
        return figure


def _better_first(pair: PairComparison) -> tuple[str, str, Estimate, Standing, Estimate]:
    """The names with the better first, and the difference that way round."""
    difference = pair.difference
    if difference.value >= 0:
        return title_of(pair.first), title_of(pair.second), difference, pair.standing, pair.same
    turned = Estimate(value=-difference.value, low=-difference.high, high=-difference.low)
    return title_of(pair.second), title_of(pair.first), turned, pair.standing, pair.same
