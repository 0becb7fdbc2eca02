"""The tables of results, Tables 1 to 3 of the dissertation among them, and of their analysis (section 5.2)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bookcover_core.evaluation import published_results as printed
from bookcover_core.evaluation.colour_and_shape import Correlation
from bookcover_core.evaluation.scores import Scores
from bookcover_core.genres import Genre
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.table import Cell, Table

PRINTED_DIGITS = 3
"""Shares are compared as Table 2 prints them: to a tenth of a per cent."""

COMPARED = "MobileNetV2"
"""The network whose preparations Table 1 of the dissertation compares."""

IWANA = {"LeNet": "LeNet", "AlexNet": "fine-tuned AlexNet"}
"""The networks of Table 2 that the dissertation takes from Iwana et al. 2016, as their list of results calls them."""


class _Source(NamedTuple):
    """A system, a publication or a baseline, which has columns of its own in a table by genre."""

    kind: str
    title: str
    name: str
    """In the CSV."""
    numbers: Any
    """`Scores`, or what is published."""

    @property
    def form(self) -> str:
        """What its columns hold."""
        return "share faint" if self.kind == "published" else "share interval"

    @property
    def heading(self) -> str:
        """Above its columns in Table 2."""
        if self.kind == "published" and self.title in IWANA:
            return f"{IWANA[self.title]}, Iwana 2016"
        return self.title + {"system": ", this study", "published": ", Hill 2020", "baseline": ""}[self.kind]


def _sources(findings: Findings, published: Mapping[str, Any]) -> list[_Source]:
    """All of them, in the order of their columns: what is published by the name of its network."""
    shown = published if findings.has_published else {}
    return [
        *(_Source("system", each.title, each.system.title, each.scores) for each in findings.systems),
        *(_Source("published", model, f"published {model}", each) for model, each in shown.items()),
        *(_Source("baseline", each.title, each.system.title, each.scores) for each in findings.baselines),
    ]


def preparation_table(findings: Findings) -> Table | None:
    """Table 1: the preparations in the short training; None where they were not compared."""
    published = printed.published_preparations()
    return Table.of(
        "table-1-preparations",
        findings.trials,
        findings=findings,
        several=len({trial.backbone for trial in findings.trials}) > 1,
        published=lambda trial: published.get(trial.preparation if trial.backbone == COMPARED else ""),
    )


def recall_table(findings: Findings) -> Table | None:
    """Table 2: top-1 and top-3 recall by genre, the study's systems and the published ones, and baselines."""
    if not findings.systems:
        return None
    ks, sources = findings.top(1, 3), _sources(findings, printed.published_recall())
    competing = {"system", "published"} if findings.comparable else {"system"}
    contenders = [place for place, each in enumerate(each for each in sources for _ in ks) if each.kind in competing]

    def recalls(genre: Genre | None) -> list[Cell]:
        """Of a genre, or of all together: every column, the best marked."""
        cells = [Cell.of(_recall(each.numbers, genre, k)) for each in sources for k in ks]
        return _mark_best(cells, len(ks), contenders)

    rows: list[list[Any]] = [[genre.name, *recalls(genre)] for genre in findings.genres]
    totals: list[list[Any]] = [["Total accuracy", *recalls(None)]]
    if len(contenders) > len(ks):
        wins = [str(sum(cell.best for cell in column)) for column in zip(*(row[1:] for row in rows), strict=True)]
        counted = [count if place in contenders else None for place, count in enumerate(wins)]
        totals.append(["Number of best genres", *counted])
    return Table.of(
        "table-2-recall",
        [*rows, *totals],
        foot=len(totals),
        groups=[("", 1), *((each.heading, len(ks)) for each in sources)],
        wide=True,
        findings=findings,
        sources=sources,
        ks=ks,
        is_contest=len(totals) > 1,
        printed=printed.PRINTED_BEST_TOP1,
    )


def _recall(numbers: Any, genre: Genre | None, k: int) -> Any:
    if isinstance(numbers, Scores):
        return numbers.genres[genre.label].recall.get(k) if genre else numbers.top(k)
    return numbers.recall[k][genre.name] if genre else numbers.total[k]


def precision_table(findings: Findings) -> Table | None:
    """Table 3: top-1 precision by genre, the study's systems and the dissertation's, and baselines'."""
    if not findings.systems:
        return None
    sources = _sources(findings, printed.published_precision())

    def precision(numbers: Any, genre: Genre) -> Any:
        return numbers.genres[genre.label].precision if isinstance(numbers, Scores) else numbers.precision[genre.name]

    found = [each.numbers for each in sources]
    totals = [each.accuracy if isinstance(each, Scores) else each.total for each in found]
    macros = [each.totals["macro_precision"] if isinstance(each, Scores) else each.macro for each in found]
    titles = {"system": "This study", "published": "Hill 2020", "baseline": "Baselines"}
    return Table.of(
        "table-3-precision",
        [
            *([genre.name, *(precision(each, genre) for each in found)] for genre in findings.genres),
            ["Total precision (accuracy)", *totals],
            ["Mean over genres (macro)", *macros],
        ],
        foot=2,
        groups=[("", 1), *((titles[kind], count) for kind, count in Counter(each.kind for each in sources).items())],
        wide=True,
        findings=findings,
        sources=sources,
    )


def network_table(findings: Findings) -> Table | None:
    """A row for each system: totals with intervals, best epoch, and the published accuracy; None without systems."""
    return Table.of(
        "networks",
        [*findings.systems, *findings.baselines] if findings.systems else [],
        findings=findings,
        several=len(findings.systems) > 1,
        published=printed.published_recall(),
    )


def _mark_best(cells: Sequence[Cell], step: int, contenders: Sequence[int]) -> list[Cell]:
    """`cells` with the best of each k marked among those at the places of contenders; k goes round in steps."""
    marked = list(cells)
    for start in range(step if len(contenders) > step else 0):
        values = {
            place: round(float(cells[place].value or 0), PRINTED_DIGITS)
            for place in contenders
            if place % step == start and cells[place].value is not None
        }
        for place, value in values.items():
            if value == max(values.values()) > 0:
                marked[place] = replace(cells[place], best=True)
    return marked


# Pairs of genres that a table names: of each network, and of the best one's confusions.
_MOST_OVERLAPS, _MOST_CONFUSIONS = 8, 15


def analysis_tables(findings: Findings) -> Iterator[Table | None]:
    """The tables that the analysis allows; none without one, none of confusions without any, none of pairs of one."""
    analysis, called, best = findings.analysis, findings.titles, findings.best
    if analysis is None or best is None:
        return

    def by_itself(found: Correlation | None) -> Cell:
        return Cell(found.expected, found.low, found.high) if found else Cell()

    yield Table.of(
        "colour-correlation", analysis.systems.items(), analysis=analysis, called=called, by_itself=by_itself
    )
    overlaps = {called[name]: system.overlap for name, system in analysis.systems.items()}
    yield Table.of(
        "overlapping-pairs",
        [
            (title, pair)
            for title, overlap in overlaps.items()
            for pair in overlap.pairs[:_MOST_OVERLAPS] or filter(None, [overlap.highest])
        ],
        analysis=analysis,
        overlaps=overlaps,
        threshold=max((each.threshold for each in overlaps.values()), default=0.0),
        most=_MOST_OVERLAPS,
    )
    yield Table.of(
        "confused-pairs",
        analysis.systems[best.name].confused[:_MOST_CONFUSIONS],
        best=best,
        analysis=analysis,
        titles=read_table(findings.study.workspace.splits, ("key", "title")).set_index("key")["title"].to_dict(),
    )
    calibrations = {called[name]: system.calibration for name, system in analysis.systems.items()}
    yield Table.of(
        "calibration",
        calibrations.items(),
        first=next(iter(calibrations.values())),
        is_tempered=any(each.tempered for each in calibrations.values()),
    )
    yield Table.of("pairs", analysis.pairs, called=called)
    if joint := analysis.together:
        yield Table.of(
            "together",
            enumerate(joint.right_by),
            analysis=analysis,
            known=joint.any_right,
            called=[called[name] for name in joint.systems],
        )
