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
from bookcover_core.models.systems import title_of
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, write_json, write_text
from bookcover_core.report.comparison.comparison_tables import contrast_tables
from bookcover_core.report.comparison.comparison_text import answer, notices, sentence, signed
from bookcover_core.report.comparison.study_pair import Contrasts, contrast
from bookcover_core.report.figure_spec import Plan
from bookcover_core.report.page import environment
from bookcover_core.report.report_figures import Figure, draw_plan
from bookcover_core.report.summary import result_rows
from bookcover_core.report.table import Table, percent
from bookcover_core.visualisation import figure_style
from bookcover_core.visualisation.recall_comparison import Dumbbell, recall_dumbbells

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SideBySide:
    """What was written."""

    page: Path
    headline: str
    """The most important line of it."""


def usual_folder(first: Study, second: Study) -> Path:
    """Where two studies stand side by side unless told otherwise: beside the first, under both names."""
    return first.workspace.root.with_name(f"{first.settings.name}-{second.settings.name}")


def write_side_by_side(first: Study, second: Study, folder: Path | None = None) -> SideBySide:
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
    contrasts = contrast(first, second)
    figure = _figure(contrasts, target / "figures")
    tables = contrast_tables(contrasts)
    for table in tables.values():
        table.write(target / "tables")
    write_json(target / "comparison.json", comparison(contrasts))
    write_text(target / "index.html", _render(contrasts, figure, tables))
    logger.info("%s and %s stand side by side in %s", *contrasts.names, target)
    return SideBySide(target / "index.html", f"{answer(contrasts)} {sentence(contrasts)}")


def _refuse_studies(target: Path, *studies: Study) -> None:
    inside = any(target.is_relative_to(study.workspace.root) for study in studies)
    if inside or Workspace(target).settings.exists():
        raise WorkspaceError(
            "this folder belongs to a study, which is not touched",
            where=target,
            advice="Name another with --output.",
        )


def comparison(contrasts: Contrasts) -> dict[str, Any]:
    """All numbers, as JSON values: shares from 0 to 1; differences are the first study's less the second's."""
    return {
        "headline": answer(contrasts),
        "sentence": sentence(contrasts),
        "notices": [{"title": notice.title, "text": notice.text} for notice in notices(contrasts)],
        "confidence": contrasts.confidence,
        "studies": [
            {
                "name": name,
                "random_weights": findings.random_weights,
                "genres": [genre.name for genre in findings.genres],
                "best": findings.best.backbone if findings.best else None,
                "systems": result_rows(findings),
                "test_books_seen_by_the_other": contrasts.sharing.leaked(study),
            }
            for study, (name, findings) in enumerate(zip(contrasts.names, contrasts.both, strict=True))
        ],
        "books": [
            {"first": first or None, "second": second or None, "books": count}
            for (first, second), count in sorted(contrasts.sharing.counts.items())
        ],
        "shared_test_books": contrasts.sharing.test,
        "pairs": [{"best": pair is contrasts.best} | pair.model_dump(mode="json") for pair in contrasts.pairs],
        "settings": [{"name": name, "first": first, "second": second} for name, first, second in contrasts.settings],
        "other_code": contrasts.other_code,
        "seconds": [
            {"stage": stage.name, "first": contrasts.seconds(0, stage.name), "second": contrasts.seconds(1, stage.name)}
            for stage in stages()
            if any(contrasts.seconds(study, stage.name) is not None for study in (0, 1))
        ],
    }


def _figure(contrasts: Contrasts, folder: Path) -> Figure | None:
    """Recall by genre of the best systems of both; None where no genre was tested in both."""
    best = contrasts.best
    genres = [
        Dumbbell(each.name, each.first.value, each.second.value, each.difference)
        for each in best.genres
        if each.first and each.second and each.difference
    ]
    if not genres:
        return None
    one, other = contrasts.names
    names = (f"{one}: {title_of(best.first)}", f"{other}: {title_of(best.second)}")
    ties = sum(genre.is_tie for genre in genres)
    values = "; ".join(f"{genre.name} {percent(genre.first)} and {percent(genre.second)}" for genre in genres)
    return draw_plan(
        Plan(
            name="recall",
            caption=f"Top-1 recall by genre of the best of both studies, and the difference, {one} less {other}, with "
            f"{100 * contrasts.confidence:.0f} % intervals. Grey: ties, {ties} of {len(genres)} genres.",
            alt=f"Top-1 recall in per cent, {names[0]} and {names[1]}: {values}.",
            draw=lambda theme: recall_dumbbells(genres, names, theme),
            narrow=lambda theme: recall_dumbbells(genres, names, theme, figure_style.NARROW),
        ),
        folder,
    )


def _render(contrasts: Contrasts, figure: Figure | None, tables: dict[str, Table]) -> str:
    return (
        environment()
        .get_template("side_by_side.html")
        .render(
            contrasts=contrasts,
            names=contrasts.names,
            best=contrasts.best,
            answer=answer(contrasts),
            sentence=sentence(contrasts),
            notices=notices(contrasts),
            figure=figure,
            tables=tables,
            signed=signed,
            title_of=title_of,
            finished=max(
                manifest.finished
                for findings in contrasts.both
                for manifests in findings.manifests.values()
                for manifest in manifests
            ),
        )
    )
