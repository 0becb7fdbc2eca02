"""Two studies side by side, as one page that can be mailed, with its figure, tables and numbers as files beside it."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bookcover_core.errors import WorkspaceError
from bookcover_core.evaluation.significance import Standing
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, write_json, write_text
from bookcover_core.report.figure_spec import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.formats import setting_text
from bookcover_core.report.study_comparison import ABSENT, SPLITS, StudyComparison, SystemPair, compare_studies
from bookcover_core.report.summary import result_rows
from bookcover_core.report.table import Cell, Column, Format, Table, estimates, integers
from bookcover_core.report.words import environment, passage, sentences
from bookcover_core.visualisation.interval_charts import recall_comparison

logger = logging.getLogger(__name__)

# What the numbers that are compared are called.
_MEASURES = {"accuracy": "Accuracy", "top3": "Top 3", "macro_f1": "Macro F1"}


def comparison_tables(comparison: StudyComparison) -> Iterator[Table]:
    """All tables: differences, systems, genres, books, settings."""
    (one, other), best = comparison.names, comparison.best
    standings = {each: each.words(one, other) for each in Standing}

    def sides(at: str = "") -> list[Column]:
        """Columns of both numbers and their difference, of records or of what stands `at` a path of them."""
        return [
            estimates(one, f"{at}first", "first"),
            estimates(other, f"{at}second", "second"),
            estimates(f"{one} less {other}", f"{at}difference", "difference"),
            Column("Standing", lambda row: standings.get((row[2] if at else row).standing, ""), name="standing"),
        ]

    shown = best if len(comparison.pairs) > 1 else None
    yield Table.of(
        "differences",
        [
            Column("System", lambda row: Cell(_names(comparison, row[0]), best=row[0] is shown), name="system"),
            Column("Measure", lambda row: _MEASURES[row[1]], name="measure"),
            *sides("2."),
            Column("p, McNemar", "2.p", Format.P_VALUE, "McNemar p"),
            Column("p, Holm", "2.p_holm", Format.P_VALUE, "Holm p"),
            Column("Test books", lambda row: _basis(row[0]), name="test books"),
        ],
        [(pair, name, apart) for pair in comparison.pairs for name, apart in pair.measures.items()],
        comparison=comparison,
        best=shown,
    )
    systems = [
        (name, findings, system)
        for name, findings in zip(comparison.names, comparison.both, strict=True)
        for system in (*findings.systems, *findings.baselines)
    ]
    yield Table.of(
        "systems",
        [
            Column("System", "2.title", name="system"),
            Column("Study", "0", name="study"),
            Column("Preparation", "2.scores.preparation", name="preparation"),
            estimates("Accuracy", "2.scores.accuracy", "accuracy"),
            estimates("Top 3", lambda row: row[2].scores.top(3) if len(row[1].genres) > 3 else None, "top 3"),
            estimates("Macro F1", "2.scores.totals.macro_f1", "macro F1"),
            integers("Test books", "1.test_books", "test books"),
            integers("Genres", lambda row: len(row[1].genres), "genres"),
        ],
        sorted(systems, key=lambda row: -row[2].scores.accuracy.value),
    )
    yield Table.of(
        "genres",
        [
            Column("Genre", "name", name="genre"),
            *sides(),
            integers(f"Test books, {one}", "first_books", "first test books"),
            integers(f"Test books, {other}", "second_books", "second test books"),
        ],
        best.genres,
        comparison=comparison,
        compared=sum(each.difference is not None for each in best.genres),
    )
    counts, columns = comparison.shared.counts, (*SPLITS, ABSENT)
    titles = {"train": "Training", "validation": "Validation", "test": "Test", ABSENT: f"Not in {one}"}
    yield Table.of(
        "books",
        [
            Column(f"Books of {one}", name="first"),
            *(integers(titles[split], name=f"second {split}") for split in SPLITS),
            integers(f"Not in {other}", name="not in second"),
            integers("In all", name="all"),
        ],
        [
            [
                title,
                *(None if split == second == ABSENT else counts[split, second] for second in columns),
                comparison.shared.books(0, split),
            ]
            for split, title in titles.items()
        ]
        + [["In all", *(comparison.shared.books(1, split) for split in columns), counts.total()]],
        foot=1,
        groups=[("", 1), (f"Books of {other}", 3), ("", 2)],
    )
    yield Table.of(
        "settings",
        [Column("Setting", name="setting"), *(map(Column, comparison.names))],
        [[name, *map(setting_text, values)] for name, *values in comparison.settings],
    )


def _names(comparison: StudyComparison, pair: SystemPair) -> str:
    return " against ".join(dict.fromkeys(comparison.title(pair, study) for study in (0, 1)))


def _basis(pair: SystemPair) -> str:
    """Which books a pair is compared on, and so how."""
    if pair.paired:
        return f"paired, the same {pair.first_books:,}"
    return f"unpaired, {pair.first_books:,} and {pair.second_books:,}"


# Genres that a sentence names before it says how many more there are.
_MOST_NAMED = 6

# What the title of a notice begins with that says that the numbers mean something else than they seem to.
_STRONG = "! "


@dataclass(frozen=True)
class Notice:
    """Something to keep in mind."""

    title: str
    text: str
    strong: bool = False
    """Whether the numbers mean something else than they seem to."""


class WrittenComparison(NamedTuple):
    """What was written."""

    page: Path
    headline: str
    """The most important line of it."""


def write_side_by_side(first: Study, second: Study, folder: Path | None = None) -> WrittenComparison:
    """The page on two studies with results, and its headline; it is written to `folder`, or beside the first study.

    Raises:
        SettingsError: The two are one study.
        StageOrderError: One of them has no evaluated network.
        WorkspaceError: A file of results is missing or altered, or the folder is a study's or cannot be written.
    """
    usual = first.workspace.root.with_name(f"{first.settings.name}-{second.settings.name}")
    target = (folder.expanduser() if folder else usual).resolve()
    inside = any(target.is_relative_to(study.workspace.root) for study in (first, second))
    if inside or Workspace(target).settings.exists():
        raise WorkspaceError(
            "this folder belongs to a study, which is not touched", where=target, advice="Name another with --output."
        )
    compared = compare_studies(first, second)
    tables = {table.name: table for table in comparison_tables(compared)}
    for table in tables.values():
        table.write(target / "tables")
    write_json(target / "comparison.json", comparison_results(compared))
    finished = [
        manifest.finished for each in compared.both for manifests in each.manifests.values() for manifest in manifests
    ]
    page = environment().get_template("side_by_side.html")
    text = page.render(
        comparison=compared,
        names=compared.names,
        best=compared.best,
        answer=answer(compared),
        sentence=sentence(compared),
        notices=notices(compared),
        figure=_figure(compared, target / "figures"),
        tables=tables,
        finished=max(finished),
    )
    write_text(target / "index.html", text)
    logger.info("%s and %s stand side by side in %s", *compared.names, target)
    return WrittenComparison(target / "index.html", f"{answer(compared)} {sentence(compared)}")


def comparison_results(compared: StudyComparison) -> dict[str, Any]:
    """All numbers, as JSON values: shares from 0 to 1; differences are the first study's less the second's."""
    return {
        "headline": answer(compared),
        "sentence": sentence(compared),
        "notices": [asdict(notice) for notice in notices(compared)],
        "confidence": compared.confidence,
        "studies": [
            {
                "name": name,
                "random_weights": findings.random_weights,
                "genres": [genre.name for genre in findings.genres],
                "best": findings.best.name if findings.best else None,
                "systems": result_rows(findings),
                "test_books_seen_by_the_other": compared.shared.leaked(study),
            }
            for study, (name, findings) in enumerate(zip(compared.names, compared.both, strict=True))
        ],
        "shared_test_books": compared.shared.test,
        "pairs": [{"best": pair is compared.best} | pair.model_dump(mode="json") for pair in compared.pairs],
        "settings": [{"name": name, "first": first, "second": second} for name, first, second in compared.settings],
        "other_code": compared.other_code,
    }


def answer(comparison: StudyComparison) -> str:
    """The headline: who is ahead."""
    accuracy = comparison.best.accuracy
    return sentences(
        "comparison answer",
        comparison=comparison,
        standing=accuracy.standing.value,
        ahead=comparison.names[0 if accuracy.difference.value > 0 else 1],
        choice=", choosing among other genres" if comparison.own_genres(0) or comparison.own_genres(1) else "",
    )


def sentence(comparison: StudyComparison) -> str:
    """Best against best: both accuracies, their difference with its interval, and which books it rests on."""
    best = comparison.best
    return sentences("comparison sentence", comparison=comparison, best=best, accuracy=best.accuracy)


def notices(comparison: StudyComparison) -> list[Notice]:
    """What to keep in mind, the gravest first."""
    lines = passage("comparison notices", comparison=comparison, best=comparison.best, most_named=_MOST_NAMED)
    return [
        Notice(title.removeprefix(_STRONG), text, strong=title.startswith(_STRONG))
        for title, text in zip(lines[::2], lines[1::2], strict=True)
    ]


def _figure(compared: StudyComparison, folder: Path) -> ReportFigure | None:
    """Recall by genre of the best systems of both; None where no genre was tested in both."""
    best = compared.best
    genres = [
        (each.name, each.first, each.second, each.difference)
        for each in best.genres
        if each.first and each.second and each.difference
    ]
    if not genres:
        return None
    names = [f"{name}: {compared.title(best, study)}" for study, name in enumerate(compared.names)]
    words: Any = {"comparison": compared, "genres": genres, "names": names}
    ties = sum(apart.holds_zero for *_, apart in genres)
    draw = partial(recall_comparison, genres, names)
    return draw_figure(FigureSpec.of("recall-of-both", draw, ties=ties, **words), folder)
