"""The files of a report: page, figures, tables, numbers and cards (`write_report` lists them)."""

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bookcover_core.evaluation.published_results import published_results
from bookcover_core.pipeline.workspace import write_json, write_text
from bookcover_core.report.cards import data_card, model_card
from bookcover_core.report.chapters import figure_specs, make_tables
from bookcover_core.report.figure_spec import ReportFigure, draw_figure
from bookcover_core.report.findings import Findings
from bookcover_core.report.near_duplicate_section import twin_results
from bookcover_core.report.number_verdicts import NumberVerdict, number_verdicts, verdict_counts
from bookcover_core.report.page import render
from bookcover_core.report.record_tables import split_counts
from bookcover_core.report.statements import StatementVerdict, statement_verdicts
from bookcover_core.report.summary import headline, result_rows, verdict_words

logger = logging.getLogger(__name__)


AREAS = "figures/areas.json"
"""By figure, and whether it is the one for phones: what in it leads to books, for whoever serves the page of covers."""


def write_files(findings: Findings, folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """The files that were written to `folder`, and the counts of the stage.

    Raises:
        WorkspaceError: A file of results is missing or altered, or the folder cannot be written.
    """
    figures = {spec.name: draw_figure(spec, folder / "figures") for spec in figure_specs(findings)}
    logger.info("report: %d figures drawn", len(figures))
    tables = make_tables(findings)
    page, pictures = render(findings, figures, tables, folder / "figures")
    files = [file for figure in figures.values() for file in figure.files] + pictures
    files += [table.write(folder / "tables") for table in tables.values()]
    write_json(folder / AREAS, {name: areas for name, figure in figures.items() if (areas := _areas(figure))})
    write_json(folder / "results.json", results(findings))
    write_text(folder / "index.html", page)
    cards = {"data-card.md": data_card(findings)}
    if findings.best is not None:
        cards["model-card.md"] = model_card(findings, findings.best)
    for name, card in cards.items():
        write_text(folder / name, card)
    counts = {
        "networks": len(findings.systems),
        "missing": [each.name for each in findings.missing],
        "figures": len(figures),
        "tables": len(tables),
        "bytes": len(page.encode()),
    }
    return [
        folder / "index.html",
        folder / "results.json",
        folder / AREAS,
        *(folder / name for name in cards),
        *files,
    ], counts


def _areas(figure: ReportFigure) -> dict[str, Any]:
    images = {"wide": figure.wide, "narrow": figure.narrow}
    return {name: image.areas for name, image in images.items() if image is not None and image.areas}


def results(findings: Findings) -> dict[str, object]:
    """All numbers of the study, as JSON values."""
    numbers, statements = number_verdicts(findings), statement_verdicts(findings, findings.analysis)
    return {
        "study": findings.study.settings.name,
        "verdict": str(headline(findings)),
        "verdicts_by_evidence": verdict_words(findings),
        "random_weights": findings.random_weights,
        "comparable_with_published": findings.comparable,
        "not_comparable_because": findings.obstacles,
        "preparation": findings.preparation,
        "books": split_counts(findings),
        "twins": twin_results(findings),
        "networks": result_rows(findings),
        "missing": [{"backbone": each.name, "reason": each.reason} for each in findings.missing],
        "scores": [each.scores.model_dump(mode="json") for each in findings.systems],
        "preparations": [_members(trial, "chosen", "curve") for trial in findings.trials],
        "analysis": findings.analysis and findings.analysis.summary(),
        "verdicts": {
            "counts": verdict_counts(numbers),
            "numbers": TypeAdapter(list[NumberVerdict]).dump_python(numbers, mode="json"),
            "statements": TypeAdapter(list[StatementVerdict]).dump_python(statements, mode="json"),
        },
        "published": [_members(result) for result in (published_results() if findings.has_published else ())],
        "stages": [
            {"label": each.label, "finished": each.finished.isoformat()}
            | each.model_dump(include={"seconds", "digest", "counts"})
            for manifests in findings.manifests.values()
            for each in manifests
        ],
        "architectures": {
            system.name: system.card.architecture.model_dump(mode="json")
            for system in findings.systems
            if system.card is not None and system.card.architecture is not None
        },
        "insight": findings.insight and findings.insight.model_dump(mode="json"),
        "settings": findings.study.settings.model_dump(mode="json"),
    }


def _members(record: Any, *left_out: str) -> dict[str, object]:
    """The members of a dataclass by name, but for those left out."""
    return {each.name: getattr(record, each.name) for each in fields(record) if each.name not in left_out}
