"""Figures of colour: the mean colour of each genre (Figure 5.3), and colour distance against recall (Figure 5.4)."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bookcover_core.evaluation.colour_analysis import ColourStudy, GenreColour
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH

# Height of a row of swatches in inches.
_SWATCH = 0.42


def colour_swatches(colours: Sequence[GenreColour], names: Sequence[str], width: float = WIDTH) -> Figure:
    """Figure 5.3: the mean colour of each genre's covers (one at least), from dark to bright, with name and value."""
    ordered = sorted(colours, key=lambda colour: (colour.brightness.value, colour.label))
    columns = 3 if width >= WIDTH else 2
    rows = -(-len(ordered) // columns)
    with figure_style.drawn(width, 0.1 + _SWATCH * rows) as figure:
        axes = figure.subplots()
        for place, colour in enumerate(ordered):
            column, row = divmod(place, rows)
            axes.add_patch(
                Rectangle(
                    (column + 0.01, row + 0.08), 0.2, 0.84, facecolor=colour.rgb, edgecolor=figure_style.GRID, lw=0.5
                )
            )
            name = figure_style.short_name(names[colour.label])
            axes.text(column + 0.235, row + 0.36, name, fontsize=6.4, va="center")
            value = "#" + "".join(f"{round(255 * part):02x}" for part in colour.rgb) + f", {colour.books:,} covers"
            axes.text(column + 0.235, row + 0.7, value, fontsize=5.6, va="center", color=figure_style.MUTED)
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        axes.set_axis_off()
        return figure


def colour_distance(studies: Mapping[str, ColourStudy], names: Sequence[str], width: float = WIDTH) -> Figure:
    """Figure 5.4: each genre's colour distance (equation 5.1) against its recall, a panel for each of `studies`."""
    furthest = max((point.distance or 0 for study in studies.values() for point in study.points), default=1) or 1
    best = max(point.recall for study in studies.values() for point in study.points) or 1
    with figure_style.panels(width, studies, 2.6) as (figure, panels):
        for position, (axes, (name, study)) in enumerate(zip(panels, studies.items(), strict=True)):
            points = {
                point.label: (point.distance, point.recall) for point in study.points if point.distance is not None
            }
            axes.plot(
                [distance for distance, _ in points.values()],
                [recall for _, recall in points.values()],
                linestyle="none",
                marker=figure_style.marker(position),
                markersize=3.4,
                color=figure_style.colour(position),
                alpha=0.85,
            )
            axes.set_xlim(0, 1.08 * furthest)
            axes.set_ylim(-0.04 * best, 1.2 * best)
            figure_style.percent_axis(axes.yaxis)
            found = study.pearson
            text = "too few genres to tell"
            if found:
                text = f"r = {found.value:.2f} (shuffled {found.low:.2f} to {found.high:.2f})"
            figure_style.panel_title(axes, name, text.replace("-", "\N{MINUS SIGN}"))
            _name_extremes(axes, points, names, furthest)
            axes.set_ylabel("Top-1 recall")
            axes.set_xlabel("Colour distance, steps of 0 to 255")
        return figure


def _name_extremes(
    axes: Axes, points: Mapping[int, tuple[float, float]], names: Sequence[str], furthest: float
) -> None:
    """Name the genres of the best recall, the greatest distance and the least, where their names do not meet."""
    if not points:
        return
    wanted = dict.fromkeys(
        [
            max(points, key=lambda label: points[label][1]),
            max(points, key=lambda label: points[label][0]),
            min(points, key=lambda label: points[label][0]),
        ]
    )
    taken: list[float] = []
    for label in wanted:
        distance, recall = points[label]
        if all(abs(recall - other) > 0.06 * axes.get_ylim()[1] for other in taken):
            is_left = distance < furthest / 2
            axes.annotate(
                figure_style.short_name(names[label], 24),
                points[label],
                xytext=(4 if is_left else -4, 4),
                textcoords="offset points",
                ha="left" if is_left else "right",
                fontsize=5.6,
            )
            taken.append(recall)
