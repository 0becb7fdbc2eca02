"""Training curves: Figure 3.1 (the preparations), Figure 4.1 (the networks), accuracy by books and by a setting."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.repeats import LearningCurve
from bookcover_core.training.history import TrainingCurve
from bookcover_core.visualisation import figure_style

# Trainings beside each other, and the height of a row of panels in inches.
_MOST_IN_A_ROW, _PANEL = 4, 1.9


def training_curves(curves: Mapping[str, TrainingCurve]) -> Figure:
    """Accuracy above, loss below, a column for each of at least one training, by name; the best epoch is ringed."""
    across = min(len(curves), _MOST_IN_A_ROW)
    down = -(-len(curves) // across)
    with figure_style.drawn(figure_style.WIDTH, 2 * _PANEL * down + 0.4) as figure:
        grid = figure.subplots(2 * down, max(across, 2), squeeze=False, sharey="row")
        for axes in grid.ravel():
            axes.set_visible(False)
        for position, (name, curve) in enumerate(curves.items()):
            row, column = divmod(position, across)
            for axes, measure, train, validation in (
                (grid[2 * row][column], "Accuracy", curve.accuracy, curve.val_accuracy),
                (grid[2 * row + 1][column], "Loss", curve.loss, curve.val_loss),
            ):
                axes.set_visible(True)
                axes.plot(
                    curve.epochs, train, color=figure_style.MUTED, linewidth=0.9, linestyle="--", label="training"
                )
                axes.plot(curve.epochs, validation, color=figure_style.colour(0), label="validation")
                axes.plot(
                    curve.best_epoch,
                    validation[curve.best],
                    marker="o",
                    linestyle="none",
                    markerfacecolor=figure_style.PAPER,
                    markeredgecolor=figure_style.colour(1),
                    markersize=5.5,
                    label="best epoch (kept)",
                )
                axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
                if len(curve.epochs) == 1:
                    axes.set_xlim(curve.epochs[0] - 1, curve.epochs[0] + 1)
                if column == 0:
                    axes.set_ylabel(measure)
            figure_style.panel_title(grid[2 * row][column], name, f"best: epoch {curve.best_epoch}")
            grid[2 * row + 1][column].set_xlabel("Epoch")
            if column == 0:
                figure_style.percent_axis(grid[2 * row][0].yaxis)
        figure_style.legend_below(figure, grid[0][0])
        return figure


def learning_curves(curves: Mapping[str, LearningCurve], width: float = figure_style.WIDTH) -> Figure:
    """A dot for each training, the fitted line with its interval, dashed to twice the books, by network."""
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


def setting_curves(
    setting: str,
    values: Sequence[Any],
    curves: Mapping[str, Sequence[Estimate | None]],
    width: float = figure_style.WIDTH,
) -> Figure:
    """Accuracy and its interval over the values of a setting, by system: numbers to scale, others in their order."""
    to_scale = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = [float(value) for value in values] if to_scale else list(range(len(values)))
    with figure_style.drawn(width, min(3.2, 0.95 * width)) as figure:
        axes = figure.subplots()
        for position, (name, found) in enumerate(curves.items()):
            known = [(at, each) for at, each in sorted(zip(places, found, strict=True), key=itemgetter(0)) if each]
            x, colour = [at for at, _ in known], figure_style.colour(position)
            lows, highs = [each.low for _, each in known], [each.high for _, each in known]
            style: Any = {"marker": figure_style.marker(position), "color": colour, "label": name}
            axes.plot(x, [each.value for _, each in known], linewidth=1.4, **style)
            axes.fill_between(x, lows, highs, color=colour, alpha=0.15, linewidth=0)
            axes.vlines(x, lows, highs, color=colour, linewidth=0.8, alpha=0.6)
        axes.set_xticks(places, [str(value) for value in values])
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, axis="both")
        axes.set_xlabel(setting)
        axes.set_ylabel("Top-1 accuracy on test books")
        figure_style.percent_axis(axes.yaxis)
        figure_style.legend_below(figure, axes, 2 if width <= figure_style.NARROW else 4)
        return figure
