"""The stage `report`: everything that a study found, as one page, with its figures, tables and numbers as files.

every stage before it  ->  report/index.html     opens from disk, can be mailed: nothing is fetched
                           report/figures/       SVG and PNG
                           report/tables/        CSV, full numbers
                           report/results.json   all numbers
"""

import logging
from collections.abc import Mapping

from bookcover_core.evaluation.published_results import published_results
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_text
from bookcover_core.report.analysis_lookup import found_analysis
from bookcover_core.report.analysis_tables import analysis_tables
from bookcover_core.report.architecture_table import architecture_table
from bookcover_core.report.count_tables import funnel_table, split_counts, time_table
from bookcover_core.report.findings import Findings, gather
from bookcover_core.report.gallery import books_with_covers
from bookcover_core.report.insights import found_insight
from bookcover_core.report.link_rot import cover_table
from bookcover_core.report.near_duplicate_section import genres_table, twin_results, twins_table
from bookcover_core.report.overview_tables import network_table, published_table
from bookcover_core.report.page import render, templates_digest
from bookcover_core.report.provenance import machine_table, software_table
from bookcover_core.report.replacement_tables import replaced_table
from bookcover_core.report.report_figures import make_figures
from bookcover_core.report.result_tables import precision_table, preparation_table, recall_table
from bookcover_core.report.statements import statement_verdicts
from bookcover_core.report.summary import result_rows, verdict
from bookcover_core.report.table import Table
from bookcover_core.report.training_section import ensemble_table, training_table
from bookcover_core.report.verdict_tables import (
    count_table,
    statement_table,
    total_table,
    verdict_results,
    verdict_table,
)
from bookcover_core.report.verdicts import number_verdicts

logger = logging.getLogger(__name__)


def _telling_settings() -> list[str]:
    """Paths of the settings that a report depends on: those that an outcome hangs on, and which networks there are."""
    return ["name", "training", "models", *(path for each in stages() for path in each.settings)]


def _inputs(study: Study, failures: Mapping[str, str] | None = None) -> Inputs:
    findings = gather(study, failures)
    behind = [manifest for manifests in findings.manifests.values() for manifest in manifests]
    return Inputs(
        after=[manifest.label for manifest in behind],
        given={
            "settings": digest_of([study.settings.part(path) for path in _telling_settings()]),
            "counts and times": digest_of([[each.label, each.counts, each.seconds] for each in behind]),
            "templates": templates_digest(),
            "missing": digest_of([[each.backbone, each.reason] for each in findings.missing]),
        },
    )


@stage("report", "Write the report", inputs=_inputs)
def write_report(study: Study, _: StageRun, failures: Mapping[str, str] | None = None) -> Result:
    """What was written: the report on everything that the study has done so far.

    Args:
        study: The study; at least its listings have been read.
        failures: Why systems could not be trained, by name, where that is known: the report says so.

    Raises:
        StageOrderError: The listings have not been read.
        WorkspaceError: A file of results is missing or altered, or the folder cannot be written.
        DiskFullError: No space is left.
    """
    findings = gather(study, failures)
    folder = study.workspace.report
    books = books_with_covers(findings)
    figures = make_figures(findings, folder / "figures")
    logger.info("report: %d figures drawn", len(figures))
    tables = make_tables(findings)
    page, pictures = render(findings, figures, tables, books, folder / "figures")
    files = [file for figure in figures.values() for file in figure.files] + pictures
    files += [table.write(folder / "tables") for table in tables.values()]
    write_json(folder / "results.json", results(findings))
    write_text(folder / "index.html", page)
    return Result(
        outputs=[folder / "index.html", folder / "results.json", *files],
        counts={
            "networks": len(findings.networks),
            "missing": [each.backbone for each in findings.missing],
            "figures": len(figures),
            "tables": len(tables),
            "bytes": len(page.encode()),
        },
    )


def make_tables(findings: Findings) -> dict[str, Table]:
    """The tables that the findings allow, by name."""
    analysis = found_analysis(findings)
    verdicts = number_verdicts(findings)
    tables = [
        cover_table(findings),
        twins_table(findings),
        genres_table(findings),
        replaced_table(findings),
        preparation_table(findings),
        training_table(findings),
        ensemble_table(findings),
        network_table(findings),
        recall_table(findings),
        precision_table(findings),
        published_table() if findings.has_published else None,
        *(analysis_tables(findings, analysis) if analysis else ()),
        count_table(verdicts),
        statement_table(statement_verdicts(findings, analysis)),
        total_table(verdicts),
        verdict_table(verdicts),
        funnel_table(findings),
        time_table(findings),
        architecture_table(findings),
        machine_table(findings),
        software_table(findings),
    ]
    return {table.name: table for table in tables if table is not None}


def results(findings: Findings) -> dict[str, object]:
    """All numbers of the study, as JSON values."""
    told = verdict(findings)
    return {
        "study": findings.study.settings.name,
        "verdict": f"{told.answer} {told.sentence} {told.standing}".strip(),
        "random_weights": findings.random_weights,
        "comparable_with_published": findings.comparable,
        "not_comparable_because": findings.obstacles,
        "preparation": findings.preparation,
        "books": split_counts(findings),
        "twins": twin_results(findings),
        "networks": result_rows(findings),
        "missing": [{"backbone": each.backbone, "reason": each.reason} for each in findings.missing],
        "scores": [scores.model_dump(mode="json") for scores in findings.scores],
        "preparations": [
            {
                "backbone": trial.backbone,
                "preparation": trial.preparation,
                "best_epoch": trial.best_epoch,
                "validation_accuracy": trial.validation_accuracy,
                "test_accuracy": trial.test_accuracy,
            }
            for trial in findings.trials
        ],
        "analysis": None if (analysis := found_analysis(findings)) is None else analysis.summary(),
        "verdicts": verdict_results(number_verdicts(findings), statement_verdicts(findings, analysis)),
        "published": [
            {
                "study": result.study,
                "year": result.year,
                "input": result.input,
                "model": result.model,
                "top1": result.top1,
                "top3": result.top3,
                "protocol": result.protocol,
                "source": result.source,
            }
            for result in (published_results() if findings.has_published else ())
        ],
        "stages": [
            {
                "label": manifest.label,
                "seconds": manifest.seconds,
                "finished": manifest.finished.isoformat(),
                "digest": manifest.digest,
                "counts": manifest.counts,
            }
            for manifests in findings.manifests.values()
            for manifest in manifests
        ],
        "architectures": {
            network.backbone: network.card.architecture.model_dump(mode="json")
            for network in findings.networks
            if network.card is not None and network.card.architecture is not None
        },
        "insight": None if (insight := found_insight(findings)) is None else insight.model_dump(mode="json"),
        "settings": findings.study.settings.model_dump(mode="json"),
    }
