"""Charts of numbers with their intervals: named rows, one panel or several beside each other, series told by colour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.metrics import TOP
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedResult
from bookcover_core.evaluation.scores import GenreScore, Scores
from bookcover_core.evaluation.significance import PairComparison, Standing
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import WIDTH

# Best and worst genres that are singled out, of each as many.
_EXTREMES = 5

# Inches: a row, a line of its name, each series in it, the frame around the rows, and a line of the legend.
_ROW, _LINE, _SERIES, _FRAME, _LEGEND = 0.19, 0.13, 0.06, 0.5, 0.2

# The share of a row over which its series are spread.
_SPREAD = 0.56


@dataclass(frozen=True)
class Series:
    """Numbers of one colour, one for each row of a chart; None where a row has none."""

    values: Sequence[Estimate | None]
    colour: int | None = 0
    """Position among the series of the style; None: muted, and hollow."""
    name: str = ""
    """In the legend; empty: not there."""
    labels: Sequence[str] = ()
    """What stands beside each interval."""


@dataclass(frozen=True)
class Panel:
    """Series over the same rows."""

    series: Sequence[Series]
    title: str = ""
    axis: str = ""
    marks: Sequence[float] = ()
    """Where dotted lines stand: chance, or no difference."""
    ends: tuple[float | None, float | None] = (0, None)
    """Of the axis; None: as far as the intervals reach."""

    def known(self, row: int) -> list[int]:
        """Positions of the series that have a number in a row."""
        return [place for place, series in enumerate(self.series) if series.values[row] is not None]


def interval_chart(
    rows: Sequence[str],
    panels: Sequence[Panel],
    width: float = WIDTH,
    *,
    books: Sequence[Mapping[str, str] | None] = (),
) -> Figure:
    """A chart of at least one row and panel; rows without any number are headings, or room where they have no name.

    `books` are those that a row tells of, as the page of covers takes them.
    """
    columns = 3 if width >= WIDTH else 1
    most = max(len(panel.known(row)) for panel in panels for row in range(len(rows)))
    named = {series.name for panel in panels for series in panel.series} - {""}
    row_height = max(_ROW, _LINE * max(name.count("\n") + 1 for name in rows), _SERIES * most + 0.05)
    height = row_height * len(rows) + _FRAME + _LEGEND * -(-len(named) // columns)
    with figure_style.drawn(width, height) as figure:
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        headings = [not any(panel.known(row) for panel in panels) for row in range(len(rows))]
        for axes, panel in zip(grid, panels, strict=True):
            _draw(axes, panel)
            # Every other row is shaded, so that an eye finds its way along them.
            for row in [row for row, empty in enumerate(headings) if not empty][::2] if len(panels) > 1 else ():
                axes.axhspan(row - 0.5, row + 0.5, color=figure_style.GRID, alpha=0.45, linewidth=0, zorder=0)
        grid[0].set_yticks(range(len(rows)), rows)
        grid[0].set_ylim(len(rows) - 0.4, -0.6)
        for label, heading in zip(grid[0].get_yticklabels(), headings, strict=True):
            label.set_fontweight("bold" if heading else "normal")
        for row, told in enumerate(books):
            if told is not None:
                figure_style.leads_to(grid[-1], (0, row - 0.5), (1, 1), rows=True, **told)
        if named:
            figure_style.legend_below(figure, grid[0], columns)
        return figure


def _draw(axes: Axes, panel: Panel) -> None:
    tips = []
    for place, series in enumerate(panel.series):
        colour = figure_style.MUTED if series.colour is None else figure_style.colour(series.colour)
        marked = {} if series.colour is None else {"marker": figure_style.marker(series.colour)}
        rows = [row for row, value in enumerate(series.values) if value is not None]
        values = [value for value in series.values if value is not None]
        if not values:
            continue  # an empty line that is not cut off at its axes has no bounds, and the layout fails
        tips += values
        places = [row + _offset(panel.known(row), place) for row in rows]
        axes.hlines(places, [each.low for each in values], [each.high for each in values], color=colour, linewidth=1.3)
        style: Any = {"marker": "o", "linestyle": "none", "color": colour, "clip_on": False} | marked
        hollow: Any = {"markerfacecolor": figure_style.PAPER} if series.colour is None else {}
        axes.plot([each.value for each in values], places, **style, **hollow, label=series.name or "_")
        for row, value in zip(rows if series.labels else (), values, strict=False):
            beside: Any = {"xytext": (5, 0), "textcoords": "offset points", "va": "center", "fontsize": 6.8}
            axes.annotate(series.labels[row], (value.high, row), **beside, color=figure_style.MUTED)
    for mark in panel.marks:
        axes.axvline(mark, color=figure_style.INK, linewidth=0.8, linestyle=figure_style.DOTTED)
    low, high = panel.ends
    room = 1.16 if any(series.labels for series in panel.series) else 1.04
    axes.set_xlim(
        min(-0.01, 1.1 * min(tip.low for tip in tips)) if low is None else low,
        max(0.02, room * max(tip.high for tip in tips)) if high is None else high,
    )
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    figure_style.percent_axis(axes.xaxis)
    figure_style.panel_title(axes, panel.title)
    axes.set_xlabel(panel.axis, loc="right")  # on phones it is longer than the axis


def _offset(known: Sequence[int], place: int) -> float:
    """How far a series stands from the middle of a row that it shares with others."""
    return 0.0 if len(known) == 1 else (known.index(place) / (len(known) - 1) - 0.5) * _SPREAD


def _where(values: Iterable[Estimate | None], wanted: Iterable[bool]) -> list[Estimate | None]:
    return [value if here else None for value, here in zip(values, wanted, strict=True)]


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
    names, values, colours = zip(*rows, strict=True)
    labels = [f"{100 * value.value:.1f}" if value else "" for value in values]
    series = [Series(_where(values, [own == each for own in colours]), each, labels=labels) for each in (0, 1, None)]
    theirs = {round(each.chance, 3) for each in published if each.chance and each.official_split} - {round(chance, 3)}
    beside = "".join(f"; published {100 * each:.1f} %" for each in theirs)
    models = {title: each.model for title, each in {**systems, **baselines}.items()}
    books = [{"model": models[name], "split": "test", "right": "yes"} if name in models else None for name in names]
    axis = f"Top-1 accuracy (dotted: chance, {100 * chance:.1f} %{beside})"
    return interval_chart(names, [Panel(series, axis=axis, marks=[chance, *theirs])], width, books=books)


def recall_extremes(network: Scores, width: float = WIDTH) -> Figure:
    """Top-1 recall of the genres that a network does best and worst on, with their numbers of test books."""
    genres = sorted((genre for genre in network.genres if genre.books), key=lambda genre: -genre.recall[1].value)
    is_split = len(genres) > 2 * _EXTREMES
    shown = [*genres[:_EXTREMES], None, *genres[-_EXTREMES:]] if is_split else [*genres]
    values = [genre.recall[1] if genre else None for genre in shown]
    labels = [f"{100 * value.value:.0f}" if value else "" for value in values]
    best = [not is_split or row < _EXTREMES for row in range(len(shown))]
    series = [
        Series(_where(values, best), labels=labels),
        Series(_where(values, [not each for each in best]), 1, labels=labels),
    ]
    panel = Panel(series, axis="Top-1 recall (dotted: chance; in brackets: books)", marks=[network.chance])
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

    def recalls(scores: Scores, k: int) -> list[Estimate | None]:
        return [scores.top(k), None, *(scores.genres[label].recall[k] for label in order)]

    panels = [
        Panel(
            [Series(recalls(each, k), place, title) for place, (title, each) in enumerate(systems.items())],
            f"Top-{k} recall",
            marks=[first.chances[k]],
            ends=(0, 1),
        )
        for k in [k for k in TOP if k < len(genres)] or [1]
    ]
    names = ["All genres", "", *(_with_books(genres[label]) for label in order)]
    books = [{"split": "test"}, None, *({"split": "test", "genre": genres[label].name} for label in order)]
    return interval_chart(names, panels, books=books)


def pair_differences(pairs: Sequence[PairComparison], titles: Mapping[str, str], width: float = WIDTH) -> Figure:
    """The difference of each of at least one pair's accuracies, the better system first, and how often they agree."""
    turned = sorted(map(_better_first, pairs), key=lambda pair: -pair.difference.value)
    differences = [pair.difference for pair in turned]
    clear = [pair.standing in {Standing.AHEAD, Standing.BEHIND} for pair in turned]
    words = [pair.standing.value for pair in turned]
    apart = [
        Series(_where(differences, clear)),
        Series(_where(differences, [not each for each in clear]), None, labels=words),
    ]
    between, heads = (" over ", ("Difference of accuracies", "Same genre named"))
    if width < WIDTH:
        between, heads = ("\nover ", ("Difference", "Agreement"))
    panels = [
        Panel(apart, heads[0], marks=[0], ends=(None, None)),
        Panel([Series([pair.same for pair in turned], 3)], heads[1], ends=(0, 1)),
    ]
    names = [f"{titles[pair.first]}{between}{titles[pair.second]}" for pair in turned]
    return interval_chart(names, panels, width)


def recall_comparison(
    genres: Iterable[tuple[str, Estimate, Estimate, Estimate]],
    names: Sequence[str],
    width: float = WIDTH,
) -> Figure:
    """Name, recall in two studies, and difference of at least one genre; on phones without the differences."""
    rows, *recalls, apart = zip(*genres, strict=True)
    ahead = [None if each.holds_zero else int(each.value < 0) for each in apart]
    recall = [Series(values, place, names[place]) for place, values in enumerate(recalls)]
    difference = [Series(_where(apart, [own == place for own in ahead]), place) for place in (0, 1, None)]
    panels = [
        Panel(recall, "Top-1 recall"),
        Panel(difference, "Difference, with interval", marks=[0], ends=(None, None)),
    ]
    return interval_chart(list(map(figure_style.short_name, rows)), panels[: 2 if width >= WIDTH else 1], width)


def _with_books(genre: GenreScore) -> str:
    return f"{figure_style.short_name(genre.name)} ({genre.books:,})"


def _better_first(pair: PairComparison) -> PairComparison:
    """The pair with the better of the two first; counts are left as they are, for the chart shows none."""
    if pair.difference.value >= 0:
        return pair
    turned = {"first": pair.second, "second": pair.first, "difference": pair.difference.reversed}
    return pair.model_copy(update=turned)
