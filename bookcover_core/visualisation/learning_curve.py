"""The learning curve: accuracy against the number of training books, and where it may go with more."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bookcover_core.evaluation.repeats import LearningCurve
from bookcover_core.visualisation import figure_style


def learning_curves(curves: Mapping[str, LearningCurve], width: float = figure_style.WIDTH) -> Figure:
    """A dot for each training, the fitted line with its interval, dashed to twice the books, for each network.

    Args:
        curves: By the name of the network; all of the same numbers of books.
        width: In inches.
    """
    with figure_style.drawn(width, min(3.2, 0.95 * width)) as figure:
        axes = figure.subplots()
        for place, (name, curve) in enumerate(curves.items()):
            colour, books = figure_style.colour(place), [point.books for point in curve.points]
            reach = [*books, 2 * books[-1]]
            for point in curve.points:
                axes.plot([point.books] * len(point.accuracies), point.accuracies, "o", markersize=2.5, color=colour)
            values = [each.value for each in curve.fitted]
            axes.plot(books, values[:-1], color=colour, linewidth=1.4, label=name)
            axes.plot(reach[-2:], values[-2:], color=colour, linewidth=1.4, linestyle="--")
            lows, highs = [each.low for each in curve.fitted], [each.high for each in curve.fitted]
            axes.fill_between(reach, lows, highs, color=colour, alpha=0.15, linewidth=0)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(reach))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, axis="both")
        axes.set_xlabel("Training books")
        axes.set_ylabel("Top-1 accuracy on test books")
        figure_style.percent_axis(axes.yaxis)
        figure_style.legend_below(figure, axes, 2 if width <= figure_style.NARROW else 4)
        return figure
