"""Figures of training: Figure 3.1 (the preparations) and Figure 4.1 (the networks).

comparison/<preparation>/history.csv, models/<model>/history.csv  ->  TrainingCurve  ->  a figure
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bookcover_core.errors import WorkspaceError
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


@dataclass(frozen=True)
class TrainingCurve:
    """One training: values by epoch, from epoch 1, or 0 where it started from a trained network."""

    epochs: list[int]
    loss: list[float]
    accuracy: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    kept: int | None = None
    """The epoch whose weights were kept; none: the one with the best validation accuracy."""

    @property
    def best(self) -> int:
        """Position of the epoch that was kept: the first with the best validation accuracy, if nothing else is said."""
        if self.kept is not None and self.kept in self.epochs:
            return self.epochs.index(self.kept)
        return max(range(len(self.epochs)), key=lambda position: (self.val_accuracy[position], -position))

    @property
    def best_epoch(self) -> int:
        """The epoch that was kept."""
        return self.epochs[self.best]


def read_curve(file: Path) -> TrainingCurve:
    """The training in a `history.csv`; further columns are ignored.

    Raises:
        WorkspaceError: It is missing, empty or altered.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        curve = TrainingCurve(
            epochs=[int(row["epoch"]) for row in rows],
            loss=[float(row["loss"]) for row in rows],
            accuracy=[float(row["accuracy"]) for row in rows],
            val_loss=[float(row["val_loss"]) for row in rows],
            val_accuracy=[float(row["val_accuracy"]) for row in rows],
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(
            "the course of the training cannot be read", where=file, advice="Train again: delete the file and rerun."
        ) from error
    if not curve.epochs:
        raise WorkspaceError("the course of the training is empty", where=file, advice="Delete the file and rerun.")
    return curve


def training_curves(curves: Mapping[str, TrainingCurve], theme: Theme = LIGHT) -> Figure:
    """Figure 4.1: accuracy above, loss below, a column for each network; the best epoch is marked.

    Args:
        curves: At least one training, by the name that its column bears.
        theme: Colours.
    """
    single = len(curves) == 1
    with figure_style.drawn(theme, figure_style.WIDTH, 2.5 if single else 4.2) as figure:
        grid = figure.subplots(1 if single else 2, 2 if single else len(curves), squeeze=False)
        for position, (name, curve) in enumerate(curves.items()):
            upper = grid[0][position]
            lower = grid[0][1] if single else grid[1][position]
            _draw(upper, curve, "accuracy", theme, theme.colour(position))
            _draw(lower, curve, "loss", theme, theme.colour(position))
            figure_style.panel_title(upper, name)
            if single:
                figure_style.panel_title(lower, "Loss")
            if position == 0:
                upper.set_ylabel("Accuracy")
                lower.set_ylabel("Loss")
            lower.set_xlabel("Epoch")
            upper.set_xlabel("Epoch" if single else "")
        _share_scale([grid[0][position] for position in range(len(curves))], bottom=0)
        _share_scale([grid[0][1]] if single else list(grid[1]))
        figure_style.legend_below(figure, grid[0][0])
        return figure


def preparation_curves(curves: Mapping[str, TrainingCurve], chosen: str = "", theme: Theme = LIGHT) -> Figure:
    """Figure 3.1: validation (strong) and training (faint) accuracy and loss of each preparation.

    Args:
        curves: At least one training, by preparation.
        chosen: The preparation that the study goes on with.
        theme: Colours.
    """
    with figure_style.drawn(theme, figure_style.WIDTH, 2.7) as figure:
        left, right = figure.subplots(1, 2)
        for position, (name, curve) in enumerate(curves.items()):
            colour = theme.colour(position)
            label = f"{name} (chosen)" if name == chosen else name
            for axes, train, validation in (
                (left, curve.accuracy, curve.val_accuracy),
                (right, curve.loss, curve.val_loss),
            ):
                axes.plot(
                    curve.epochs, train, color=colour, linewidth=0.8, alpha=0.45, linestyle=figure_style.line(position)
                )
                axes.plot(curve.epochs, validation, color=colour, label=label, linestyle=figure_style.line(position))
                axes.plot(
                    curve.best_epoch,
                    validation[curve.best],
                    marker=figure_style.marker(position),
                    markerfacecolor=theme.paper,
                    markeredgecolor=colour,
                    markeredgewidth=1.2,
                    markersize=5.5,
                )
                _epoch_axis(axes, curve)
        figure_style.panel_title(left, "Accuracy")
        figure_style.panel_title(right, "Loss")
        figure_style.percent_axis(left.yaxis)
        left.set_ylim(bottom=0)
        figure_style.legend_below(figure, left)
        return figure


def _draw(axes: Axes, curve: TrainingCurve, measure: str, theme: Theme, colour: str) -> None:
    train = curve.accuracy if measure == "accuracy" else curve.loss
    validation = curve.val_accuracy if measure == "accuracy" else curve.val_loss
    axes.plot(curve.epochs, train, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 1.5)), label="training")
    axes.plot(curve.epochs, validation, color=colour, label="validation")
    axes.plot(
        curve.best_epoch,
        validation[curve.best],
        marker="o",
        linestyle="none",
        markerfacecolor=theme.paper,
        markeredgecolor=colour,
        markeredgewidth=1.3,
        markersize=5.5,
        label="best epoch (kept)",
    )
    _epoch_axis(axes, curve)
    if measure == "accuracy":
        figure_style.percent_axis(axes.yaxis)
        axes.annotate(
            f"epoch {curve.best_epoch}",
            (curve.best_epoch, validation[curve.best]),
            textcoords="offset points",
            xytext=(0, 7),
            ha="left" if curve.best < len(curve.epochs) / 2 else "right",
            fontsize=6.5,
        )


def _epoch_axis(axes: Axes, curve: TrainingCurve) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(curve.epochs) == 1:
        axes.set_xlim(curve.epochs[0] - 1, curve.epochs[0] + 1)


def _share_scale(panels: Sequence[Axes], bottom: float | None = None) -> None:
    """Give panels of one measure one scale."""
    limits = [panel.get_ylim() for panel in panels]
    low = min(limit[0] for limit in limits) if bottom is None else bottom
    high = max(limit[1] for limit in limits)
    for position, panel in enumerate(panels):
        panel.set_ylim(low, high + 0.06 * (high - low))
        if position:
            panel.tick_params(labelleft=False)
