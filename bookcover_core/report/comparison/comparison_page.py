"""Two studies side by side, as one page that can be mailed, with its figure, tables and numbers as files beside it."""

import logging
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bookcover_core.errors import WorkspaceError
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, write_json, write_text
from bookcover_core.report.comparison.comparison_tables import comparison_tables
from bookcover_core.report.comparison.study_comparison import StudyComparison, compare_studies
from bookcover_core.report.figure_spec import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.summary import result_rows
from bookcover_core.report.words import environment, passage, sentences
from bookcover_core.visualisation.interval_charts import recall_comparison

logger = logging.getLogger(__name__)

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
    tables = comparison_tables(compared)
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
