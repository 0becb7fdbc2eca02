"""Figure 5.6: the ideal pictures of genres, each above the course of its score."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.network_insight import COURSE, NetworkInsight

# Pictures beside each other, and inches: the height of a course under its picture.
_COLUMNS, _COURSE = 3, 1.35


def ideal_pictures(insight: NetworkInsight, root: Path) -> Figure:
    """At least one ideal picture with its course; dashed and dotted, what test covers of the genre score."""
    columns = min(len(insight.ideals), _COLUMNS)
    rows = -(-len(insight.ideals) // columns)
    side = figure_style.WIDTH / max(columns, 2)
    with figure_style.drawn(side * columns, rows * (side + _COURSE)) as figure:
        grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[side, _COURSE] * rows)
        for axes in grid[::2].ravel():
            axes.set_axis_off()
        for axes in grid[1::2].ravel()[len(insight.ideals) :]:
            axes.set_axis_off()
        for place, ideal in enumerate(insight.ideals):
            row, column = divmod(place, columns)
            above, below = grid[2 * row][column], grid[2 * row + 1][column]
            try:
                with Image.open(file := root / ideal.picture) as picture:
                    above.imshow(np.asarray(picture.convert("RGB")), interpolation="none")
                course = read_table(file := root / ideal.course, **dict.fromkeys(COURSE, "float64"))
                steps, score, *penalties = (course[name] for name in COURSE)
            except (OSError, KeyError, ValueError) as error:
                advice = "Run the stage `visualise` again."
                raise WorkspaceError("this cannot be read", where=file, advice=advice) from error
            figure_style.panel_title(above, ideal.genre.name, f"score {ideal.score:.1f}, {ideal.course_words}")
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
