"""Figure 5.6: the ideal pictures of genres, each above the course of its score.

visualisation/<model>/insight.json, ideal/  ->  a figure
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme
from bookcover_core.visualisation.network_insight import COURSE, IdealPicture, NetworkInsight

# Pictures beside each other.
_COLUMNS = 3

# Inches: the height of a course under its picture.
_COURSE = 1.35


def ideal_pictures(insight: NetworkInsight, root: Path, theme: Theme = LIGHT) -> Figure:
    """The ideal pictures with their courses; dashed and dotted, what test covers of the genre score.

    Args:
        insight: With at least one ideal picture.
        root: The study's folder.
        theme: Colours.

    Raises:
        WorkspaceError: A picture or course is missing or altered.
    """
    columns = min(len(insight.ideals), _COLUMNS)
    rows = -(-len(insight.ideals) // columns)
    side = figure_style.WIDTH / max(columns, 2)
    with figure_style.drawn(theme, side * columns, rows * (side + _COURSE)) as figure:
        grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, _COURSE] * rows)
        for place, ideal in enumerate(insight.ideals):
            row, column = divmod(place, columns)
            _show(grid[2 * row][column], ideal, root)
            _draw_course(grid[2 * row + 1][column], ideal, root, theme, named=column == 0)
        for place in range(len(insight.ideals), rows * columns):
            row, column = divmod(place, columns)
            for axes in (grid[2 * row][column], grid[2 * row + 1][column]):
                axes.set_axis_off()
        figure_style.legend_below(figure, grid[1][0])
        return figure


def _show(axes: Axes, ideal: IdealPicture, root: Path) -> None:
    file = root / ideal.picture
    try:
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise _unreadable(file) from error
    axes.imshow(pixels, interpolation="none")
    axes.set_axis_off()
    figure_style.panel_title(axes, figure_style.short_name(ideal.genre.name))


def _draw_course(axes: Axes, ideal: IdealPicture, root: Path, theme: Theme, *, named: bool) -> None:
    file = root / ideal.course
    try:
        course = read_table(file, **dict.fromkeys(COURSE, "float64"))
        steps, score = course[COURSE[0]], course[COURSE[1]]
        penalties = course[COURSE[2]] + course[COURSE[3]]
    except (OSError, KeyError, ValueError) as error:
        raise _unreadable(file) from error
    axes.plot(steps, score, color=theme.colour(0), label="score")
    axes.plot(steps, score - penalties, color=theme.muted, linewidth=0.8, label="score less penalties")
    if ideal.best_cover is not None and ideal.median_cover is not None:
        axes.axhline(ideal.best_cover, color=theme.ink, linewidth=0.8, linestyle=(0, (5, 1.5)), label="best test cover")
        axes.axhline(
            ideal.median_cover, color=theme.ink, linewidth=0.8, linestyle=figure_style.DOTTED, label="median test cover"
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    axes.set_xlabel("Step")
    if named:
        axes.set_ylabel("Score (logit)")


def _unreadable(file: Path) -> WorkspaceError:
    return WorkspaceError("this cannot be read", where=file, advice="Run the stage `visualise` again.")
