"""Charts of numbers with their intervals, one row each: accuracies, the best and worst genres, pairs of systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, PublishedResult
from bookcover_core.evaluation.scores import Scores
from bookcover_core.evaluation.significance import PairComparison, Standing
from bookcover_core.families.family import title_of
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.figure_style import LIGHT, WIDTH, Theme

# Best and worst genres that are singled out, of each as many.
_EXTREMES = 5


@dataclass(frozen=True)
class _Row:
    """A line of the chart of accuracies: of the study, with the position of its series, or published."""

    name: str
    value: float
    interval: Estimate | None = None
    series: int | None = None


def accuracy_beside_published(
    networks: Sequence[Scores], published: Sequence[PublishedResult] = (), theme: Theme = LIGHT, width: float = WIDTH
) -> Figure:
    """Top-1 accuracy of the study's networks with intervals, above published results on covers alone.

    Published results on the official split get the interval of its 5,700 test books, faint, since their authors
    give none; others get none.

    Args:
        networks: Scores of at least one network.
        published: Results to set beside; none: only the study's own.
        theme: Colours.
        width: In inches.
    """
    blocks = {
        "This study": [
            _Row(each.title, each.accuracy.value, each.accuracy, series) for series, each in enumerate(networks)
        ],
        "Published, official split": [],
        "Published, other splits": [],
    }
    for result in published:
        if result.input == "image":
            hits = round(result.top1 * PUBLISHED_TEST_BOOKS)
            estimate = Estimate.of_share(hits, PUBLISHED_TEST_BOOKS, networks[0].confidence)
            name = f"{result.model} ({result.study.split()[0]} {result.year})"
            title = f"Published, {'official split' if result.official_split else 'other splits'}"
            blocks[title].append(_Row(name, result.top1, estimate if result.official_split else None))
    blocks = {title: rows for title, rows in blocks.items() if rows}
    tips = [row.interval.high if row.interval else row.value for rows in blocks.values() for row in rows]
    chance = networks[0].chance
    with figure_style.drawn(theme, width, 0.55 + 0.19 * sum(len(rows) + 1.2 for rows in blocks.values())) as figure:
        axes = figure.subplots()
        ticks: list[tuple[float, str, bool]] = []
        place = 0.0
        for title, rows in blocks.items():
            ticks.append((place, title, True))
            for row in rows:
                place += 1
                ticks.append((place, row.name, False))
                own = row.series is not None
                colour = theme.muted if row.series is None else theme.colour(row.series)
                if row.interval:
                    wide, alpha = (2.0, 1.0) if own else (1.0, 0.6)
                    axes.hlines(place, *row.interval.ends, color=colour, linewidth=wide, alpha=alpha)
                axes.plot(
                    row.value,
                    place,
                    linestyle="none",
                    marker="o" if row.series is None else figure_style.marker(row.series),
                    markersize=5.5 if own else 3.6,
                    markerfacecolor=colour if own else theme.paper,
                    markeredgecolor=colour,
                    markeredgewidth=1.0,
                )
                figure_style.label_beside(
                    axes,
                    f"{100 * row.value:.1f}",
                    (row.interval.high if row.interval else row.value, place),
                    gap=5,
                    fontweight="bold" if own else "normal",
                    color=theme.ink if own else theme.muted,
                )
            place += 1.4
        figure_style.chance_line(axes, chance, theme)
        theirs = [each.chance for each in published if each.chance and each.official_split]
        marks = dict.fromkeys(round(each, 3) for each in (chance, *theirs))
        for mark, drawn in zip(marks, ("chance", "theirs"), strict=False):
            if drawn == "theirs":
                figure_style.chance_line(axes, mark, theme, linewidth=0.5)
            axes.annotate(
                f"{drawn} {100 * mark:.1f} %",
                (mark, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3 if drawn == "chance" else -3, 0),
                textcoords="offset points",
                fontsize=6.5,
                color=theme.muted,
                ha="left" if drawn == "chance" else "right",
                va="bottom",
            )
        axes.set_xlim(0, min(1.0, max(tips) * 1.12 + 0.01))
        axes.set_ylim(place - 0.7, -0.7)
        axes.set_yticks([tick[0] for tick in ticks], [tick[1] for tick in ticks])
        for label, (_, _, heading) in zip(axes.get_yticklabels(), ticks, strict=True):
            label.set_fontweight("bold" if heading else "normal")
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 accuracy on test books")
        return figure


def baseline_accuracies(
    baselines: Mapping[str, Estimate],
    networks: Mapping[str, Estimate],
    chance: float,
    theme: Theme = LIGHT,
    width: float = WIDTH,
) -> Figure:
    """Top-1 accuracy of the baselines of colour and shape above, of the networks below, with intervals.

    Args:
        baselines: By name; at least one.
        networks: By name.
        chance: Accuracy of always naming the commonest genre.
        theme: Colours.
        width: In inches.
    """
    rows = {**baselines, **networks}
    places = [place + (0.5 if place >= len(baselines) else 0.0) for place in range(len(rows))]
    with figure_style.drawn(theme, width, 0.5 + 0.2 * (len(rows) + 1)) as figure:
        axes = figure.subplots()
        for number, (place, each) in enumerate(zip(places, rows.values(), strict=True)):
            series = number - len(baselines)
            colour, marker = (theme.muted, "o") if series < 0 else (theme.colour(series), figure_style.marker(series))
            figure_style.interval_row(axes, place, each, colour, marker=marker)
            figure_style.label_beside(axes, f"{100 * each.value:.1f}", (each.high, place))
        figure_style.chance_line(axes, chance, theme)
        axes.set_yticks(places, list(rows))
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_xlim(0, min(1.0, 1.15 * max(each.high for each in rows.values()) + 0.02))
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 accuracy (dotted: chance)")
        return figure


def recall_extremes(network: Scores, theme: Theme = LIGHT, width: float = WIDTH) -> Figure:
    """Top-1 recall of the genres that a network does best and worst on, with intervals; `width` in inches."""
    ordered = sorted((genre for genre in network.genres if genre.books), key=lambda genre: -genre.recall[1].value)
    split = len(ordered) > 2 * _EXTREMES
    best, worst = (ordered[:_EXTREMES], ordered[-_EXTREMES:]) if split else (ordered, [])
    places = [*range(len(best)), *(len(best) + 0.6 + place for place in range(len(worst)))]
    with figure_style.drawn(theme, width, 0.5 + 0.21 * (len(places) + split)) as figure:
        axes = figure.subplots()
        for place, genre in zip(places, [*best, *worst], strict=True):
            colour, marker = (theme.colour(0), "o") if genre in best else (theme.colour(1), "s")
            axes.hlines(place, genre.recall[1].low, genre.recall[1].high, color=colour, linewidth=1.6, alpha=0.6)
            axes.plot(genre.recall[1].value, place, marker=marker, color=colour, markersize=5, clip_on=False)
            figure_style.label_beside(axes, f"{100 * genre.recall[1].value:.0f}", (genre.recall[1].high, place), gap=5)
        if split:
            axes.axhline(len(best) - 0.2, color=theme.muted, linewidth=0.5, linestyle=(0, (1, 2)))
        figure_style.chance_line(axes, network.chance, theme)
        axes.set_yticks(places, [figure_style.short_name(genre.name) for genre in [*best, *worst]])
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.set_xlim(0, min(1.0, max(genre.recall[1].high for genre in best) + 0.08))
        figure_style.rows_of_shares(axes)
        axes.set_xlabel("Top-1 recall (dotted: chance)")
        return figure


def pair_differences(pairs: Sequence[PairComparison], theme: Theme = LIGHT, width: float = WIDTH) -> Figure:
    """The difference of each pair's accuracies, the better network first, and the share of books they agree on.

    Args:
        pairs: At least one.
        theme: Colours.
        width: In inches.
    """
    turned = sorted(map(_better_first, pairs), key=lambda pair: -pair.difference.value)
    lowest = min(pair.difference.low for pair in turned)
    is_narrow = width < WIDTH
    with figure_style.drawn(theme, width, 0.62 + (0.34 if is_narrow else 0.21) * (len(turned) + 0.6)) as figure:
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
        for place, pair in enumerate(turned):
            is_clear = pair.standing in {Standing.AHEAD, Standing.BEHIND}
            figure_style.interval_row(left, place, pair.difference, theme.colour(0) if is_clear else theme.muted)
            word = "" if is_clear else pair.standing.value
            figure_style.label_beside(left, word, (pair.difference.high, place), fontsize=6.2, color=theme.muted)
            figure_style.interval_row(right, place, pair.same, theme.colour(3), marker="s")
        left.axvline(0, color=theme.ink, linewidth=0.8)
        between = "\nover " if is_narrow else " over "
        names = [f"{title_of(pair.first)}{between}{title_of(pair.second)}" for pair in turned]
        left.set_yticks(range(len(turned)), names)
        left.set_ylim(len(turned) - 0.4, -0.6)
        left.set_xlim(left=min(-0.01, 1.1 * lowest))
        left.margins(x=0.12)
        right.set_xlim(0, 1)
        for axes in (left, right):
            figure_style.rows_of_shares(axes)
        figure_style.panel_title(left, "Difference" if is_narrow else "Difference of accuracies")
        figure_style.panel_title(right, "Agreement" if is_narrow else "Same genre named")
        return figure


def _better_first(pair: PairComparison) -> PairComparison:
    """The pair with the better of the two first; counts are left as they are, for the chart shows none."""
    apart = pair.difference
    if apart.value >= 0:
        return pair
    turned = Estimate(value=-apart.value, low=-apart.high, high=-apart.low)
    return pair.model_copy(update={"first": pair.second, "second": pair.first, "difference": turned})
