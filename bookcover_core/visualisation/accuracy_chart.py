"""The figure of where a study stands: its accuracy, chance, and what others have published."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import wilson
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedResult
from bookcover_core.evaluation.scores import Scores
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, Theme


@dataclass(frozen=True)
class _Row:
    """A line of the figure."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    series: int | None = None


def accuracy_standing(
    networks: Sequence[Scores],
    published: Sequence[PublishedResult] = (),
    theme: Theme = LIGHT,
    width: float = figure_style.WIDTH,
) -> Figure:
    """Top-1 accuracy of the study's networks with intervals, above published results on covers alone.

    Published results on the official split get Wilson's interval for its 5,700 test books, faint, since their authors
    give none; others get none.

    Args:
        networks: Scores of at least one network.
        published: Results to set beside; none: only the study's own.
        theme: Colours.
        width: In inches.
    """
    confidence = networks[0].confidence
    blocks = [
        (
            "This study",
            [
                _Row(each.title, each.accuracy.value, each.accuracy.low, each.accuracy.high, series)
                for series, each in enumerate(networks)
            ],
        )
    ]
    pictures = [result for result in published if result.input == "image"]
    official = [result for result in pictures if result.official_split]
    others = [result for result in pictures if not result.official_split]
    if official:
        blocks.append(("Published, official split", [_official(result, confidence) for result in official]))
    if others:
        blocks.append(
            (
                "Published, other splits",
                [_Row(_name(result), result.top1) for result in others],
            )
        )
    with figure_style.applied(theme):
        lines = sum(len(rows) + 1.2 for _, rows in blocks)
        figure = figure_style.new_figure(width, 0.55 + 0.19 * lines)
        axes = figure.subplots()
        ticks: list[tuple[float, str, bool]] = []
        place = 0.0
        for title, rows in blocks:
            ticks.append((place, title, True))
            for row in rows:
                place += 1
                ticks.append((place, row.name, False))
                _draw(axes, row, place, theme)
            place += 1.4
        highest = max(row.high or row.value for _, rows in blocks for row in rows)
        chance = networks[0].chance
        axes.axvline(chance, color=theme.ink, linewidth=0.8, linestyle=(0, (1, 1.6)))
        axes.annotate(
            f"chance {100 * chance:.1f} %",
            (chance, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=6.5,
            color=theme.muted,
            va="bottom",
        )
        axes.set_xlim(0, min(1.0, highest * 1.12 + 0.01))
        axes.set_ylim(place - 0.7, -0.7)
        axes.set_yticks([tick[0] for tick in ticks], [tick[1] for tick in ticks])
        for label, (_, _, heading) in zip(axes.get_yticklabels(), ticks, strict=True):
            label.set_fontweight("bold" if heading else "normal")
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 accuracy on test books")
        return figure


def _official(result: PublishedResult, confidence: float) -> _Row:
    interval = wilson(round(result.top1 * PUBLISHED_TEST_BOOKS), PUBLISHED_TEST_BOOKS, confidence)
    assert interval is not None
    return _Row(_name(result), result.top1, interval.low, interval.high)


def _name(result: PublishedResult) -> str:
    """Network, first author and year."""
    return f"{result.model} ({result.study.split()[0]} {result.year})"


def _draw(axes: Axes, row: _Row, place: float, theme: Theme) -> None:
    own = row.series is not None
    colour = theme.colour(row.series) if row.series is not None else theme.muted
    if row.low is not None and row.high is not None:
        axes.hlines(place, row.low, row.high, color=colour, linewidth=2.0 if own else 1.0, alpha=1 if own else 0.6)
    axes.plot(
        row.value,
        place,
        linestyle="none",
        marker=figure_style.marker(row.series) if row.series is not None else "o",
        markersize=5.5 if own else 3.6,
        markerfacecolor=colour if own else theme.paper,
        markeredgecolor=colour,
        markeredgewidth=1.0,
    )
    axes.annotate(
        f"{100 * row.value:.1f}",
        (max(row.value, row.high or 0), place),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.8,
        fontweight="bold" if own else "normal",
        color=theme.ink if own else theme.muted,
    )
