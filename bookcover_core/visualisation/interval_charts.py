"""Charts of numbers with their intervals: named rows, one panel or several beside each other, series told by colour."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import Estimate, PairComparison, Standing
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedResult
from bookcover_core.evaluation.scores import GenreScore, Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH

# Best and worst genres that are singled out, of each as many.
_EXTREMES = 5

# Inches: a row, a line of its name, each series in it, the frame around the rows, and a line of the legend.
_ROW, _LINE, _SERIES, _FRAME, _LEGEND = 0.19, 0.13, 0.06, 0.5, 0.2


class Mark(NamedTuple):
    """A number with its interval in a row of a chart, and what stands beside it."""

    row: int
    value: Estimate
    series: int | None = 0
    """Position among the colours of the style; None: muted, and hollow."""
    label: str = ""


class Panel(NamedTuple):
    """Marks in the rows of a chart, those of a row in the order of their series."""

    marks: Sequence[Mark]
    title: str = ""
    axis: str = ""
    lines: Sequence[float] = ()
    """Where dotted lines stand: chance, or no difference."""
    ends: tuple[float | None, float | None] = (0, None)
    """Of the axis; None: as far as the intervals reach."""

    def series_in(self, row: int) -> list[int | None]:
        """The series that have a number in a row."""
        return [mark.series for mark in self.marks if mark.row == row]


def interval_chart(
    rows: Sequence[str],
    panels: Sequence[Panel],
    width: float = WIDTH,
    *,
    series: Sequence[str] = (),
    books: Sequence[Mapping[str, str] | None] = (),
) -> Figure:
    """A chart of at least one row and panel; rows without any number are headings, or room where they have no name.

    `series` are named in a legend. `books` are those that a row tells of, as the page of covers takes them.
    """
    columns = 3 if width >= WIDTH else 1
    most = max(len(panel.series_in(row)) for panel in panels for row in range(len(rows)))
    row_height = max(_ROW, _LINE * max(name.count("\n") + 1 for name in rows), _SERIES * most + 0.05)
    height = row_height * len(rows) + _FRAME + _LEGEND * -(-len(set(series)) // columns)
    filled = sorted({mark.row for panel in panels for mark in panel.marks})
    with figure_style.drawn(width, height) as figure:
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw(axes, panel, series)
            # Every other row is shaded, so that an eye finds its way along them.
            for row in filled[::2] if len(panels) > 1 else ():
                axes.axhspan(row - 0.5, row + 0.5, color=figure_style.GRID, alpha=0.45, linewidth=0, zorder=0)
        grid[0].set_yticks(range(len(rows)), rows)
        grid[0].set_ylim(len(rows) - 0.4, -0.6)
        for row, label in enumerate(grid[0].get_yticklabels()):
            label.set_fontweight("normal" if row in filled else "bold")
        for row, told in enumerate(books):
            if told is not None:
                figure_style.leads_to(grid[-1], (0, row - 0.5), (1, 1), rows=True, **told)
        if series:
            figure_style.legend_below(figure, grid[0], columns)
        return figure


def _draw(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    for series in sorted({mark.series for mark in panel.marks}, key=lambda series: (series is None, series)):
        marks = [mark for mark in panel.marks if mark.series == series]
        colour = figure_style.MUTED if series is None else figure_style.colour(series)
        style: Any = {"marker": "o", "markerfacecolor": figure_style.PAPER, "label": "_"}
        if series is not None:
            style = {"marker": figure_style.marker(series), "label": names[series] if names else "_"}
        shared = [panel.series_in(mark.row) for mark in marks]  # in a row its series stand apart, over 0.56 of it
        places = [
            mark.row + (found.index(series) / (len(found) - 1) - 0.5) * 0.56 if len(found) > 1 else mark.row
            for mark, found in zip(marks, shared, strict=True)
        ]
        values = [mark.value for mark in marks]
        axes.hlines(places, [each.low for each in values], [each.high for each in values], color=colour, linewidth=1.3)
        axes.plot([each.value for each in values], places, linestyle="none", color=colour, clip_on=False, **style)
        for mark in marks:
            if mark.label:
                beside: Any = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": 6.8}
                axes.annotate(mark.label, (mark.value.high, mark.row), **beside, color=figure_style.MUTED)
    for line in panel.lines:
        axes.axvline(line, color=figure_style.INK, linewidth=0.8, linestyle=figure_style.DOTTED)
    low, high = panel.ends
    room = 1.16 if any(mark.label for mark in panel.marks) else 1.04
    axes.set_xlim(
        min(-0.01, 1.1 * min(mark.value.low for mark in panel.marks)) if low is None else low,
        max(0.02, room * max(mark.value.high for mark in panel.marks)) if high is None else high,
    )
    axes.locator_params(axis="x", nbins=5)
    figure_style.row_axes(axes)
    figure_style.percent_axis(axes.xaxis)
    figure_style.panel_title(axes, panel.title)
    axes.set_xlabel(panel.axis, loc="right")  # on phones it is longer than the axis


def accuracy_chart(
    systems: Mapping[str, Scores],
    baselines: Mapping[str, Scores],
    published: Sequence[PublishedResult],
    width: float = WIDTH,
) -> Figure:
    """Top-1 accuracy of at least one system and of baselines, by title, and of published results on covers alone.

    Those on the official split get the interval for its 5,700 test books, since their authors give none; others none.
    """
    blocks: dict[str, list[tuple[str, Estimate | None, int | None]]] = {
        "This study": [(title, each.accuracy, 0) for title, each in systems.items()],
        "Baselines": [(title, each.accuracy, 1) for title, each in baselines.items()],
    }
    confidence, chance = next((each.confidence, each.chance) for each in systems.values())
    for result in published:
        if result.input == "image":
            found = Estimate(value=result.top1, low=result.top1, high=result.top1)
            if result.official_split:
                hits = round(result.top1 * PUBLISHED_TEST_BOOKS)
                found = Estimate.of_share(hits, PUBLISHED_TEST_BOOKS, confidence)
            block = f"Published, {'official split' if result.official_split else 'other splits'}"
            name = f"{result.model} ({result.study.split()[0]} {result.year})"
            blocks.setdefault(block, []).append((name, found, None))
    rows = [row for title, block in blocks.items() if block for row in ((title, None, None), *block)]
    marks = [
        Mark(row, value, series, f"{100 * value.value:.1f}") for row, (_, value, series) in enumerate(rows) if value
    ]
    theirs = {round(each.chance, 3) for each in published if each.chance and each.official_split} - {round(chance, 3)}
    beside = "".join(f"; published {100 * each:.1f} %" for each in theirs)
    panel = Panel(marks, axis=f"Top-1 accuracy (dotted: chance, {100 * chance:.1f} %{beside})", lines=[chance, *theirs])
    names = [name for name, *_ in rows]
    models = {title: each.model for title, each in {**systems, **baselines}.items()}
    books = [{"model": models[name], "split": "test", "right": "yes"} if name in models else None for name in names]
    return interval_chart(names, [panel], width, books=books)


def recall_extremes(network: Scores, width: float = WIDTH) -> Figure:
    """Top-1 recall of the genres that a network does best and worst on, with their numbers of test books."""
    genres = sorted((genre for genre in network.genres if genre.books), key=lambda genre: -genre.recall[1].value)
    is_split = len(genres) > 2 * _EXTREMES
    shown = [*genres[:_EXTREMES], None, *genres[-_EXTREMES:]] if is_split else [*genres]
    marks = [
        Mark(row, genre.recall[1], int(is_split and row > _EXTREMES), f"{100 * genre.recall[1].value:.0f}")
        for row, genre in enumerate(shown)
        if genre
    ]
    panel = Panel(marks, axis="Top-1 recall (dotted: chance; in brackets: books)", lines=[network.chance])
    books = [{"model": network.model, "split": "test", "genre": genre.name} if genre else None for genre in shown]
    return interval_chart([_with_books(genre) if genre else "" for genre in shown], [panel], width, books=books)


def recall_by_genre(systems: Mapping[str, Scores]) -> Figure:
    """Figure 5.1: top-1, top-3 and top-5 recall of at least one system, by title and genre; all genres together on top.

    Genres stand in the order of their mean top-1 recall. A k that takes in every genre is left out.
    """
    first, *_ = systems.values()
    genres = first.genres
    order = sorted(
        (genre.label for genre in genres if genre.books),
        key=lambda label: -float(np.mean([each.genres[label].recall[1].value for each in systems.values()])),
    )
    panels = [
        Panel(
            [
                Mark(row, value, series)
                for series, each in enumerate(systems.values())
                for row, value in [(0, each.top(k)), *enumerate((each.genres[label].recall[k] for label in order), 2)]
            ],
            f"Top-{k} recall",
            lines=[first.chances[k]],
            ends=(0, 1),
        )
        for k in [k for k in TOP if k < len(genres)] or [1]
    ]
    names = ["All genres", "", *(_with_books(genres[label]) for label in order)]
    books = [{"split": "test"}, None, *({"split": "test", "genre": genres[label].name} for label in order)]
    return interval_chart(names, panels, series=list(systems), books=books)


def pair_differences(pairs: Sequence[PairComparison], titles: Mapping[str, str], width: float = WIDTH) -> Figure:
    """The difference of each of at least one pair's accuracies, the better system first, and how often they agree."""
    turned = [
        (pair, pair.difference, pair.first, pair.second)
        if pair.difference.value >= 0
        else (pair, pair.difference.reversed, pair.second, pair.first)
        for pair in pairs
    ]
    turned.sort(key=lambda each: -each[1].value)
    apart = [
        Mark(row, difference)
        if pair.standing in {Standing.AHEAD, Standing.BEHIND}
        else Mark(row, difference, None, pair.standing.value)
        for row, (pair, difference, *_) in enumerate(turned)
    ]
    same = [Mark(row, pair.same, 3) for row, (pair, *_) in enumerate(turned)]
    between, heads = (" over ", ("Difference of accuracies", "Same genre named"))
    if width < WIDTH:
        between, heads = ("\nover ", ("Difference", "Agreement"))
    panels = [Panel(apart, heads[0], lines=[0], ends=(None, None)), Panel(same, heads[1], ends=(0, 1))]
    return interval_chart([f"{titles[one]}{between}{titles[other]}" for *_, one, other in turned], panels, width)


def recall_comparison(
    genres: Iterable[tuple[str, Estimate, Estimate, Estimate]], names: Sequence[str], width: float = WIDTH
) -> Figure:
    """Name, recall in two studies, and difference of at least one genre; on phones without the differences."""
    rows, *recalls, apart = zip(*genres, strict=True)
    recall = [Mark(row, value, place) for place, values in enumerate(recalls) for row, value in enumerate(values)]
    difference = [
        Mark(row, value, None if value.holds_zero else int(value.value < 0)) for row, value in enumerate(apart)
    ]
    panels = [
        Panel(recall, "Top-1 recall"),
        Panel(difference, "Difference, with interval", lines=[0], ends=(None, None)),
    ]
    shown = panels[: 2 if width >= WIDTH else 1]
    return interval_chart(list(map(figure_style.short_name, rows)), shown, width, series=names)


def _with_books(genre: GenreScore) -> str:
    return f"{figure_style.short_name(genre.name)} ({genre.books:,})"
