"""Two studies side by side, as one page, with its figure, tables and numbers as files. Neither study is touched.

two studies  ->  <folder>/index.html         opens from disk, can be mailed: nothing is fetched
                          comparison.json    all numbers
                          tables/            CSV, full numbers
                          figures/           SVG and PNG
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookcover_core.errors import WorkspaceError
from bookcover_core.families.family import title_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, write_json, write_text
from bookcover_core.report.comparison.comparison_tables import comparison_tables
from bookcover_core.report.comparison.comparison_text import answer, notices, sentence, signed
from bookcover_core.report.comparison.study_comparison import StudyComparison, compare_studies
from bookcover_core.report.figure_spec import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.page import environment
from bookcover_core.report.summary import result_rows
from bookcover_core.report.table import Table, percent
from bookcover_core.visualisation.recall_comparison import GenreRecalls, recall_comparison

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WrittenComparison:
    """What was written."""

    page: Path
    headline: str
    """The most important line of it."""


def usual_folder(first: Study, second: Study) -> Path:
    """Where two studies stand side by side unless told otherwise: beside the first, under both names."""
    return first.workspace.root.with_name(f"{first.settings.name}-{second.settings.name}")


def write_side_by_side(first: Study, second: Study, folder: Path | None = None) -> WrittenComparison:
    """The page on two studies, and its headline, after it was written.

    Args:
        first: A study with results.
        second: Another.
        folder: Where to write; none: `usual_folder`.

    Raises:
        SettingsError: The two are one study.
        StageOrderError: One of them has no evaluated network.
        WorkspaceError: A file of results is missing or altered, or the folder is a study's or cannot be written.
        DiskFullError: No space is left.
    """
    target = (folder.expanduser() if folder else usual_folder(first, second)).resolve()
    _refuse_studies(target, first, second)
    compared = compare_studies(first, second)
    figure = _figure(compared, target / "figures")
    tables = comparison_tables(compared)
    for table in tables.values():
        table.write(target / "tables")
    write_json(target / "comparison.json", comparison_results(compared))
    write_text(target / "index.html", _render(compared, figure, tables))
    logger.info("%s and %s stand side by side in %s", *compared.names, target)
    return WrittenComparison(target / "index.html", f"{answer(compared)} {sentence(compared)}")


def _refuse_studies(target: Path, *studies: Study) -> None:
    inside = any(target.is_relative_to(study.workspace.root) for study in studies)
    if inside or Workspace(target).settings.exists():
        raise WorkspaceError(
            "this folder belongs to a study, which is not touched", where=target, advice="Name another with --output."
        )


def comparison_results(compared: StudyComparison) -> dict[str, Any]:
    """All numbers, as JSON values: shares from 0 to 1; differences are the first study's less the second's."""
    return {
        "headline": answer(compared),
        "sentence": sentence(compared),
        "notices": [{"title": notice.title, "text": notice.text} for notice in notices(compared)],
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
        "books": [
            {"first": first or None, "second": second or None, "books": count}
            for (first, second), count in sorted(compared.shared.counts.items())
        ],
        "shared_test_books": compared.shared.test,
        "pairs": [{"best": pair is compared.best} | pair.model_dump(mode="json") for pair in compared.pairs],
        "settings": [{"name": name, "first": first, "second": second} for name, first, second in compared.settings],
        "other_code": compared.other_code,
        "seconds": [
            {"stage": stage, "first": first, "second": second} for stage, (first, second) in compared.seconds.items()
        ],
    }


def _figure(compared: StudyComparison, folder: Path) -> ReportFigure | None:
    """Recall by genre of the best systems of both; None where no genre was tested in both."""
    best = compared.best
    genres = [
        GenreRecalls(each.name, each.first.value, each.second.value, each.difference)
        for each in best.genres
        if each.first and each.second and each.difference
    ]
    if not genres:
        return None
    one, other = compared.names
    names = (f"{one}: {title_of(best.first)}", f"{other}: {title_of(best.second)}")
    ties = sum(genre.difference.holds_zero for genre in genres)
    values = "; ".join(f"{genre.name} {percent(genre.first)} and {percent(genre.second)}" for genre in genres)
    return draw_figure(
        FigureSpec(
            name="recall",
            caption=f"Top-1 recall by genre of the best of both studies, and the difference, {one} less {other}, with "
            f"{100 * compared.confidence:.0f} % intervals. Grey: ties, {ties} of {len(genres)} genres.",
            alt=f"Top-1 recall in per cent, {names[0]} and {names[1]}: {values}.",
            draw=lambda theme, width: recall_comparison(genres, names, theme, width),
        ),
        folder,
    )


def _render(compared: StudyComparison, figure: ReportFigure | None, tables: dict[str, Table]) -> str:
    return (
        environment()
        .get_template("side_by_side.html")
        .render(
            comparison=compared,
            names=compared.names,
            best=compared.best,
            answer=answer(compared),
            sentence=sentence(compared),
            notices=notices(compared),
            figure=figure,
            tables=tables,
            signed=signed,
            title_of=title_of,
            finished=max(
                manifest.finished
                for findings in compared.both
                for manifests in findings.manifests.values()
                for manifest in manifests
            ),
        )
    )
