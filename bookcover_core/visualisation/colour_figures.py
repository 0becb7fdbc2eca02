"""Figures of colour: the mean colour of each genre (Figure 5.3), and colour distance against recall (Figure 5.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bookcover_core.evaluation.colour_analysis import ColourPoint, ColourStudy, GenreColour
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme

# Height of a row of swatches in inches.
_SWATCH = 0.42

# Names of genres in Figure 5.4: their size in points, how many letters they keep, and the share of a panel's width that
# a letter takes at that size.
_NAME_SIZE = 5.6
_LONGEST = 18
_LETTER = 0.024


def colour_swatches(
    colours: Sequence[GenreColour], names: Sequence[str], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """Figure 5.3: the mean colour of each genre's covers, from dark to bright, with its name and its value.

    Args:
        colours: At least one.
        names: Of the genres, by label.
        theme: Colours of the type; the swatches are the same on all.
        width: In inches.
    """
    ordered = sorted(colours, key=lambda colour: (colour.brightness.value, colour.label))
    columns = 3 if width >= figure_style.WIDTH else 2
    rows = -(-len(ordered) // columns)
    with figure_style.drawn(theme, width, 0.1 + _SWATCH * rows) as figure:
        axes = figure.subplots()
        for place, colour in enumerate(ordered):
            column, row = divmod(place, rows)
            axes.add_patch(
                Rectangle((column + 0.01, row + 0.08), 0.2, 0.84, facecolor=colour.rgb, edgecolor=theme.grid, lw=0.5)
            )
            name = figure_style.short_name(names[colour.label])
            axes.text(column + 0.235, row + 0.36, name, fontsize=6.4, va="center")
            value = "#" + "".join(f"{round(255 * part):02x}" for part in colour.rgb)
            axes.text(column + 0.235, row + 0.7, value, fontsize=5.6, va="center", color=theme.muted)
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        axes.set_axis_off()
        return figure


def colour_distance(
    studies: Mapping[str, ColourStudy], names: Sequence[str], theme: Theme = LIGHT, width: float = figure_style.WIDTH
) -> Figure:
    """Figure 5.4: each genre's colour distance (equation 5.1) against its recall, a panel for each network.

    Args:
        studies: At least one, by the network's name.
        names: Of the genres, by label.
        theme: Colours.
        width: In inches.
    """
    columns = min(len(studies), 3) if width >= figure_style.WIDTH else 1
    rows = -(-len(studies) // columns)
    furthest = max((point.distance or 0 for study in studies.values() for point in study.points), default=1) or 1
    best = max(point.recall for study in studies.values() for point in study.points) or 1
    with figure_style.drawn(theme, width, 0.25 + 2.35 * rows) as figure:
        panels = figure_style.panels(figure, len(studies), columns)
        for position, ((axes, at_left, at_bottom), (name, study)) in enumerate(
            zip(panels, studies.items(), strict=True)
        ):
            points = [point for point in study.points if point.distance is not None]
            axes.plot(
                [point.distance or 0.0 for point in points],
                [point.recall for point in points],
                linestyle="none",
                marker=figure_style.marker(position),
                markersize=3.4,
                color=theme.colour(position),
                alpha=0.85,
            )
            axes.set_xlim(0, 1.08 * furthest)
            axes.set_ylim(-0.04 * best, 1.2 * best)
            figure_style.percent_axis(axes.yaxis)
            figure_style.panel_title(axes, name)
            _correlation(axes, study, theme)
            _name_points(axes, points, names, (furthest, best))
            if at_left:
                axes.set_ylabel("Top-1 recall")
            else:
                axes.tick_params(labelleft=False)
            if at_bottom:
                axes.set_xlabel("Colour distance")
        return figure


def _correlation(axes: Axes, study: ColourStudy, theme: Theme) -> None:
    """Write Pearson's correlation, and where it lies when colours are shuffled, into the panel."""
    found = study.pearson
    text = (
        "too few genres to tell"
        if found is None
        else f"r = {found.value:.2f} (shuffled {found.low:.2f} to {found.high:.2f})"
    )
    axes.annotate(
        text.replace("-", "\N{MINUS SIGN}"),
        (1, 0.99),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=6.2,
        color=theme.muted,
    )


def _name_points(axes: Axes, points: Sequence[ColourPoint], names: Sequence[str], ends: tuple[float, float]) -> None:
    """Name the points that stand out, where there is room beside them."""
    places = np.array([[(point.distance or 0) / ends[0], point.recall / ends[1]] for point in points]).reshape(-1, 2)
    # The two best, the two furthest in colour, and the one nearest, each once.
    wanted = dict.fromkeys(
        [*np.argsort(-places[:, 1])[:2], *np.argsort(-places[:, 0])[:2], *np.argsort(places[:, 0])[:1]]
    )
    taken = [_Box(x - 0.015, y - 0.02, x + 0.015, y + 0.02) for x, y in places]
    for place in wanted:
        others = [box for index, box in enumerate(taken) if index != place]
        name = names[points[place].label]
        places_for_it = (
            (text, *beside)
            for text in dict.fromkeys((figure_style.short_name(name), _cut(name)))
            for beside in _beside(float(places[place][0]), float(places[place][1]), len(text))
        )
        for text, box, horizontal, vertical, offset in places_for_it:
            if box.is_inside and not any(box.meets(other) for other in others):
                axes.annotate(
                    text,
                    tuple(places[place] * ends),
                    xytext=offset,
                    textcoords="offset points",
                    ha=horizontal,
                    va=vertical,
                    fontsize=_NAME_SIZE,
                )
                taken.append(box)
                break


@dataclass(frozen=True)
class _Box:
    """A rectangle in shares of a panel."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def is_inside(self) -> bool:
        return self.left >= 0 and self.right <= 1.08 and self.bottom >= 0 and self.top <= 1.08

    def meets(self, other: "_Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )


def _beside(x: float, y: float, letters: int) -> Iterator[tuple[_Box, str, str, tuple[int, int]]]:
    """Places for a name beside a point, the best first: its box, how it is aligned, and its offset in points."""
    wide, high = letters * _LETTER, 0.06
    yield _Box(x + 0.02, y - high / 2, x + 0.03 + wide, y + high / 2), "left", "center", (4, 0)
    yield _Box(x - 0.03 - wide, y - high / 2, x - 0.02, y + high / 2), "right", "center", (-4, 0)
    yield _Box(x - wide / 2, y + 0.02, x + wide / 2, y + 0.03 + high), "center", "bottom", (0, 3)
    yield _Box(x - wide / 2, y - 0.03 - high, x + wide / 2, y - 0.02), "center", "top", (0, -3)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1].rstrip(" ,&") + "…"
