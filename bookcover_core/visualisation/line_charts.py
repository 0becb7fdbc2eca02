"""Charts of lines: trainings (Figures 3.1, 4.1), accuracy by books, setting and cost, and ascents (Figure 5.6)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from PIL import Image

from bookcover_core.errors import WorkspaceError
from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.repeats import LearningCurve
from bookcover_core.models.model_cards import Architecture
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.history import TrainingCurve
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import NARROW, WIDTH
from bookcover_core.visualisation.network_insight import COURSE, NetworkInsight

# Ideal pictures beside each other, and the height of a course under its picture in inches.
_COLUMNS, _COURSE = 3, 1.35


def training_curves(curves: Mapping[str, TrainingCurve]) -> Figure:
    """Accuracy above, loss below, a column for each of at least one training, by name; the best epoch is ringed."""
    across = min(len(curves), 4)
    down = -(-len(curves) // across)
    ring: Any = {"marker": "o", "linestyle": "none", "markersize": 5.5, "markerfacecolor": figure_style.PAPER}
    with figure_style.drawn(WIDTH, 2 * 1.9 * down + 0.4) as figure:
        grid = figure.subplots(2 * down, max(across, 2), squeeze=False, sharey="row")
        for axes in grid.ravel():
            axes.set_visible(False)
        for position, (name, curve) in enumerate(curves.items()):
            row, column = divmod(position, across)
            above, below = grid[2 * row : 2 * row + 2, column]
            for axes, measure, train, validation in (
                (above, "Accuracy", curve.accuracy, curve.val_accuracy),
                (below, "Loss", curve.loss, curve.val_loss),
            ):
                axes.set_visible(True)
                axes.plot(
                    curve.epochs, train, color=figure_style.MUTED, linewidth=0.9, linestyle="--", label="training"
                )
                axes.plot(curve.epochs, validation, color=figure_style.colour(0), label="validation")
                best, edge = validation[curve.best], figure_style.colour(1)
                axes.plot(curve.best_epoch, best, markeredgecolor=edge, label="best epoch (kept)", **ring)
                axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
                if len(curve.epochs) == 1:
                    axes.set_xlim(curve.epochs[0] - 1, curve.epochs[0] + 1)
                if column == 0:
                    axes.set_ylabel(measure)
            figure_style.panel_title(above, name, f"best: epoch {curve.best_epoch}")
            below.set_xlabel("Epoch")
            if column == 0:
                figure_style.percent_axis(above.yaxis)
        figure_style.legend_below(figure, grid[0][0])
        return figure


@contextmanager
def _accuracy_axes(width: float, height: float, across: str, columns: int) -> Iterator[tuple[Figure, Axes]]:
    """A figure of top-1 accuracies, from 0, with a legend of so many columns."""
    with figure_style.drawn(width, height) as figure:
        axes = figure.subplots()
        yield figure, axes
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, axis="both")
        axes.set_xlabel(across)
        axes.set_ylabel("Top-1 accuracy on test books")
        figure_style.percent_axis(axes.yaxis)
        figure_style.legend_below(figure, axes, columns)


def learning_curves(curves: Mapping[str, LearningCurve], width: float = WIDTH) -> Figure:
    """A dot for each training, the fitted line with its interval, dashed to twice the books, by network."""
    columns = 2 if width <= NARROW else 4
    with _accuracy_axes(width, min(3.2, 0.95 * width), "Training books", columns) as (figure, axes):
        for place, (name, curve) in enumerate(curves.items()):
            colour, books = figure_style.colour(place), [point.books for point in curve.points]
            reach = [*books, 2 * books[-1]]
            for point in curve.points:
                axes.plot([point.books] * len(point.accuracies), point.accuracies, "o", markersize=2.5, color=colour)
            values = [each.value for each in curve.fitted]
            axes.plot(books, values[:-1], color=colour, linewidth=1.4, label=name)
            axes.plot(reach[-2:], values[-2:], color=colour, linewidth=1.4, linestyle="--")
            _fill(axes, reach, curve.fitted, colour)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(reach))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        return figure


def setting_curves(
    setting: str, values: Sequence[Any], curves: Mapping[str, Sequence[Estimate | None]], width: float = WIDTH
) -> Figure:
    """Accuracy and its interval over the values of a setting, by system: numbers to scale, others in their order."""
    to_scale = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    places = [float(value) for value in values] if to_scale else list(range(len(values)))
    columns = 2 if width <= NARROW else 4
    with _accuracy_axes(width, min(3.2, 0.95 * width), setting, columns) as (figure, axes):
        for position, (name, found) in enumerate(curves.items()):
            known = [(at, each) for at, each in sorted(zip(places, found, strict=True), key=itemgetter(0)) if each]
            x, estimates, colour = [at for at, _ in known], [each for _, each in known], figure_style.colour(position)
            style: Any = {"marker": figure_style.marker(position), "color": colour, "label": name}
            axes.plot(x, [each.value for each in estimates], linewidth=1.4, **style)
            _fill(axes, x, estimates, colour)
            lows, highs = [each.low for each in estimates], [each.high for each in estimates]
            axes.vlines(x, lows, highs, color=colour, linewidth=0.8, alpha=0.6)
        axes.set_xticks(places, [str(value) for value in values])
        return figure


def _fill(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], colour: str) -> None:
    """Shade the intervals along a line."""
    lows, highs = [each.low for each in estimates], [each.high for each in estimates]
    axes.fill_between(x, lows, highs, color=colour, alpha=0.15, linewidth=0)


class NetworkCost(NamedTuple):
    """The cost and the accuracy of a network."""

    name: str
    architecture: Architecture
    accuracy: Estimate
    published: float | None = None
    """What the dissertation or Iwana et al. give for it."""


def accuracy_against_cost(networks: Sequence[NetworkCost], width: float = WIDTH) -> Figure:
    """Top-1 accuracy with intervals against multiply-adds of at least one network; areas stand for parameters.

    After Figure 1 of Bianco et al. 2018, "Benchmark analysis of representative deep neural network architectures", IEEE
    Access 6, by which section 4.1 of the dissertation chose its networks.
    """
    columns = 1 if width <= NARROW else 2
    height = min(3.0, 0.9 * width) + 0.19 * (-(-len(networks) // columns) + 1)
    with _accuracy_axes(width, height, "Multiply-adds for one cover", columns) as (figure, axes):
        # Networks of one architecture cost the same: they stand a little apart, so that their intervals do not overlap.
        taken: dict[int, int] = {}
        for place, (name, architecture, accuracy, published) in enumerate(networks):
            cost, millions = architecture.multiply_adds, architecture.parameters / 1e6
            taken[cost] = taken.get(cost, -1) + 1
            x, colour = cost * 1.09 ** taken[cost], figure_style.colour(place)
            style: Any = {"marker": figure_style.marker(place), "linestyle": "none", "color": colour}
            area = max(30.0, 11.0 * millions)  # square points
            axes.scatter(x, accuracy.value, s=area, color=colour, alpha=0.25, linewidth=0)
            axes.vlines(x, accuracy.low, accuracy.high, color=colour, linewidth=1.4)
            axes.plot(x, accuracy.value, **style, label=f"{name}: {millions:.1f} M parameters")
            if published is not None:
                axes.plot(x, published, **style, markersize=6, markerfacecolor="none", markeredgecolor=colour)
        axes.set_xscale("log")
        axes.set_xlim(min(taken) / 2.2, max(taken) * 2.2)
        highest = max(max(each.accuracy.high, each.published or 0) for each in networks)
        axes.set_ylim(0, min(1.0, 1.15 * highest + 0.01))
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if columns == 1 else (1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost / 1e9:g} G"))
        return figure


def ideal_pictures(insight: NetworkInsight, root: Path) -> Figure:
    """Figure 5.6: at least one ideal picture above the course of its score, and what test covers of the genre score."""
    columns = min(len(insight.ideals), _COLUMNS)
    rows = -(-len(insight.ideals) // columns)
    side = WIDTH / max(columns, 2)
    with figure_style.drawn(side * columns, rows * (side + _COURSE)) as figure:
        grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, _COURSE] * rows)
        for axes in (*grid[::2].ravel(), *grid[1::2].ravel()[len(insight.ideals) :]):
            axes.set_axis_off()
        for place, ideal in enumerate(insight.ideals):
            row, column = divmod(place, columns)
            above, below = grid[2 * row : 2 * row + 2, column]
            try:
                with Image.open(file := root / ideal.picture) as picture:
                    above.imshow(np.asarray(picture.convert("RGB")), interpolation="none")
                course = read_table(file := root / ideal.course, **dict.fromkeys(COURSE, "float64"))
                steps, score, *penalties = (course[name] for name in COURSE)
            except (OSError, KeyError, ValueError) as error:
                advice = "Run the stage `visualise` again."
                raise WorkspaceError("this cannot be read", where=file, advice=advice) from error
            ended = f"{'' if ideal.converged else 'not '}converged after {ideal.steps:,} steps"
            figure_style.panel_title(above, ideal.genre.name, f"score {ideal.score:.1f}, {ended}")
            below.plot(steps, score, color=figure_style.colour(0), label="score")
            objective = score - sum(penalties)
            below.plot(steps, objective, color=figure_style.MUTED, linewidth=0.8, label="score less penalties")
            for cover, line, name in ((ideal.best_cover, "--", "best"), (ideal.median_cover, ":", "median")):
                if cover is not None:
                    label = f"{name} test cover"
                    below.axhline(cover, color=figure_style.INK, linewidth=0.8, linestyle=line, label=label)
            below.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
            below.set_xlabel("Step")
            below.set_ylabel("Score (logit)" if column == 0 else "")
        figure_style.legend_below(figure, grid[1][0])
        return figure
