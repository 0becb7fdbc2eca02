"""The figure of what colour and shape alone tell of a genre: rules that see no picture, beside the networks that do."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from bookcover_core.evaluation.scores import Estimate
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


def accuracy_of_rules(
    rules: Mapping[str, Estimate],
    networks: Mapping[str, Estimate],
    chance: float,
    theme: Theme = LIGHT,
    width: float = figure_style.WIDTH,
) -> Figure:
    """Top-1 accuracy of the rules above, of the networks below, with intervals.

    Args:
        rules: By name; at least one.
        networks: By name.
        chance: Accuracy of always naming the commonest genre.
        theme: Colours.
        width: In inches.
    """
    entries = [(name, each, None) for name, each in rules.items()]
    places = [float(place) for place in range(len(rules))]
    places += [len(rules) + 0.5 + place for place in range(len(networks))]
    with figure_style.applied(theme):
        figure = figure_style.new_figure(width, 0.5 + 0.2 * (len(places) + 1))
        axes = figure.subplots()
        numbered = [*entries, *((name, each, place) for place, (name, each) in enumerate(networks.items()))]
        for place, (_, each, series) in zip(places, numbered, strict=True):
            colour = theme.muted if series is None else theme.colour(series)
            axes.hlines(place, each.low, each.high, color=colour, linewidth=1.5, alpha=0.7)
            axes.plot(each.value, place, marker="o" if series is None else figure_style.marker(series), color=colour)
            axes.annotate(
                f"{100 * each.value:.1f}",
                (each.high, place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.8,
            )
        axes.axvline(chance, color=theme.ink, linewidth=0.8, linestyle=(0, (1, 1.6)))
        axes.set_yticks(places, [name for name, _, _ in numbered])
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_xlim(0, min(1.0, 1.15 * max(each.high for _, each, _ in numbered) + 0.02))
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 accuracy (dotted: chance)")
        return figure
