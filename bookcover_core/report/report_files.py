"""The files of a report: page, figures, tables, numbers and cards (`write_report` lists them)."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bookcover_core.evaluation.published_results import published_results
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.workspace import write_json, write_text
from bookcover_core.report import (
    curation_section,
    gallery,
    record_tables,
    report_figures,
    result_tables,
    training_section,
)
from bookcover_core.report.download_outcomes import cover_table
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import without_paths
from bookcover_core.report.number_verdicts import NumberVerdict, number_verdicts, verdict_counts, verdict_tables
from bookcover_core.report.reading_section import reading_tables
from bookcover_core.report.report_figures import FigureSpec, ReportFigure, draw_figure
from bookcover_core.report.statements import StatementVerdict, statement_verdicts
from bookcover_core.report.summary import headline, result_rows, verdict_words
from bookcover_core.report.table import Table
from bookcover_core.report.words import environment, passage
from bookcover_core.settings import StudySettings
from bookcover_core.settings.dissertation import differing_settings
from bookcover_core.settings.toml_file import to_toml
from bookcover_core.version import __version__

logger = logging.getLogger(__name__)

AREAS = "figures/areas.json"
"""By figure, and whether it is the one for phones: what in it leads to books, for whoever serves the page of covers."""


def make_tables(findings: Findings) -> dict[str, Table]:
    """The tables that the findings allow, by name."""
    statements = statement_verdicts(findings, findings.analysis)
    made = [
        cover_table(findings),
        curation_section.twins_table(findings),
        curation_section.genres_table(findings),
        curation_section.replaced_table(findings),
        result_tables.preparation_table(findings),
        training_section.training_table(findings),
        training_section.ensemble_table(findings),
        training_section.repeat_table(findings),
        result_tables.network_table(findings),
        result_tables.recall_table(findings),
        result_tables.precision_table(findings),
        Table.of("published-results", published_results() if findings.has_published else ()),
        *reading_tables(findings),
        *result_tables.analysis_tables(findings),
        *verdict_tables(number_verdicts(findings)),
        Table.of("statements", statements, verdicts=statements),
        record_tables.architecture_table(findings),
        record_tables.machine_table(findings),
        record_tables.software_table(findings),
        Table.of("counts", record_tables.funnel(findings)),
        record_tables.time_table(findings),
    ]
    return {table.name: table for table in made if table}


def figure_specs(findings: Findings) -> Iterator[FigureSpec]:
    """The figures that the findings allow."""
    yield from report_figures.result_figures(findings)
    yield from report_figures.trial_figures(findings)
    yield from training_section.curve_figures(findings)
    yield from report_figures.analysis_figures(findings)
    yield from report_figures.ideal_figures(findings)
    yield from report_figures.cost_figures(findings)


def write_files(findings: Findings, folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """The files that were written to `folder`, and the counts of the stage.

    `WorkspaceError` where a file of results is missing or altered, or the folder cannot be written.
    """
    figures = {spec.name: draw_figure(spec, folder / "figures") for spec in figure_specs(findings)}
    logger.info("report: %d figures drawn", len(figures))
    tables = make_tables(findings)
    page, pictures = render(findings, figures, tables, folder / "figures")
    write_json(folder / AREAS, {name: figure.areas for name, figure in figures.items() if figure.areas})
    write_json(folder / "results.json", results(findings))
    texts = {"index.html": page, **cards(findings)}
    for name, text in texts.items():
        write_text(folder / name, text)
    counts = {
        "networks": len(findings.systems),
        "missing": [each.name for each in findings.missing],
        "figures": len(figures),
        "tables": len(tables),
        "bytes": len(page.encode()),
    }
    files = [folder / name for name in (*texts, "results.json", AREAS)]
    files += [file for figure in figures.values() for file in figure.files] + pictures
    return [*files, *(table.write(folder / "tables") for table in tables.values())], counts


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
        "books": record_tables.split_counts(findings),
        "twins": curation_section.twin_results(findings),
        "networks": result_rows(findings),
        "missing": [{"backbone": each.name, "reason": each.reason} for each in findings.missing],
        "scores": [each.scores.model_dump(mode="json") for each in findings.systems],
        "preparations": [
            {name: value for name, value in vars(trial).items() if name not in {"chosen", "curve"}}
            for trial in findings.trials
        ],
        "analysis": findings.analysis and findings.analysis.summary(),
        "verdicts": {
            "counts": verdict_counts(numbers),
            "numbers": TypeAdapter(list[NumberVerdict]).dump_python(numbers, mode="json"),
            "statements": TypeAdapter(list[StatementVerdict]).dump_python(statements, mode="json"),
        },
        "published": [vars(each) for each in (published_results() if findings.has_published else ())],
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


def render(
    findings: Findings, figures: Mapping[str, ReportFigure], tables: Mapping[str, Table], folder: Path
) -> tuple[str, list[Path]]:
    """The page, and the contact sheets that were written to `folder` for it; figures and tables are by name."""
    best, books, insight = findings.best, gallery.books_with_covers(findings), findings.insight
    study, done, settings = findings.study, findings.manifests, findings.study.settings
    # The settings without any folder of this machine.
    mailed = without_paths(settings.model_dump(mode="json") | {"workspace": StudySettings().workspace})
    torn = curation_section.torn_covers(study) if "twins" in done else []
    replaced = curation_section.exchanged_covers(study)[: 2 * curation_section.MOST_PAIRS] if "curate" in done else []
    galleries = {
        "samples": gallery.samples(findings, books, folder),
        "twins": gallery.pairs(torn, folder / "twins-of-different-genres.png"),
        "doubtful": gallery.doubtful(findings, books, folder),
        "replaced": gallery.pairs(replaced, folder / "replaced.png"),
        "mistakes": gallery.confident(findings, best, books, folder, right=False),
        "successes": gallery.confident(findings, best, books, folder, right=True),
        **gallery.told_apart(findings, books, folder),
    }
    page = (
        environment()
        .get_template("report.html")
        .render(
            findings=findings,
            settings=settings,
            headline=headline(findings),
            three_verdicts=verdict_words(findings),
            best=best,
            finished=max(manifest.finished for manifests in done.values() for manifest in manifests),
            splits=record_tables.split_counts(findings),
            figures=figures,
            tables=tables,
            **{name: each.tiles for name, each in galleries.items()},
            strip=gallery.strip(findings, books),
            prepared=gallery.prepared(findings, books),
            training_words=training_section.training_words(findings),
            curve_words=training_section.curve_words(findings),
            doubt_words=passage("doubtful labels", noise=findings.label_noise),
            insight=insight,
            ideal_words=report_figures.ideal_words(insight) if insight else "",
            seen_rightly=gallery.seen(findings, right=True),
            seen_wrongly=gallery.seen(findings, right=False),
            changed=list(differing_settings(settings)),
            toml=to_toml(StudySettings.model_validate(mailed)),
        )
    )
    # Reasons for what is missing may name files of the study: where it lies is nobody's business.
    page = page.replace(f"{study.workspace.root}/", "")
    return page, [each.file for each in galleries.values() if each.file is not None]


def cards(findings: Findings) -> dict[str, str]:
    """The data card, and the model card of the best system, by file name: Markdown under a head of YAML.

    Their form is that of model hubs, their sections follow Gebru et al. 2021 ("Datasheets for datasets") and Mitchell
    et al. 2019 ("Model cards for model reporting").
    """
    books, splits = gallery.books_with_covers(findings), record_tables.split_counts(findings)
    values = {
        "findings": findings,
        "settings": findings.study.settings,
        "version": __version__,
        "splits": splits,
        "by_genre": Counter(zip(books["genre"], books["split"], strict=True)) if splits else Counter(),
        "excluded": next((each.counts.get("reasons", {}) for each in findings.manifests.get("curate", [])), {}),
        "system": findings.best,
    }
    plain = environment().overlay(autoescape=False)
    names = ["data-card.md", "model-card.md"] if findings.best else ["data-card.md"]
    return {name: f"{plain.get_template(name).render(values)}\n" for name in names}


def templates_digest() -> str:
    """SHA-256 over the templates and the style of figures: a report is written anew when they change."""
    style = files("bookcover_core.visualisation") / "figures.mplstyle"
    found = [style, *(files("bookcover_core.report") / "templates").iterdir()]
    return digest_of(sorted((each.name, each.read_text("utf-8")) for each in found))
