"""The page: findings, figures, tables and covers, put into the template `templates/report.html`.

Everything that comes from outside (titles, genres, reasons, settings) is escaped by the template engine.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.report import gallery
from bookcover_core.report.count_tables import split_counts
from bookcover_core.report.figure_spec import ReportFigure
from bookcover_core.report.findings import Findings
from bookcover_core.report.repeat_section import curve_words
from bookcover_core.report.report_figures import ideal_words
from bookcover_core.report.summary import headline
from bookcover_core.report.table import Table, duration, percent, setting_text, show, show_interval, without_paths
from bookcover_core.report.training_section import training_words
from bookcover_core.settings import StudySettings
from bookcover_core.settings.dissertation import differing_settings
from bookcover_core.settings.toml_file import to_toml

# Digits of a digest that the page shows: enough to tell two apart.
_DIGEST_DIGITS = 12


def render(
    findings: Findings,
    figures: Mapping[str, ReportFigure],
    tables: Mapping[str, Table],
    books: pd.DataFrame,
    folder: Path,
) -> tuple[str, list[Path]]:
    """The page, and the contact sheets that were written to `folder` for it.

    `figures` and `tables` are those of `make_figures` and `make_tables`, `books` those of `gallery.books_with_covers`.
    """
    best = findings.best
    samples = gallery.samples(findings, books, folder)
    twins = gallery.twins(findings, folder)
    replaced = gallery.replaced(findings, folder)
    empty = gallery.Gallery(())
    mistakes = gallery.confident(findings, best, books, folder, right=False) if best else empty
    successes = gallery.confident(findings, best, books, folder, right=True) if best else empty
    settings = findings.study.settings
    page = (
        environment()
        .get_template("report.html")
        .render(
            findings=findings,
            settings=settings,
            headline=headline(findings),
            best=best,
            finished=max(manifest.finished for manifests in findings.manifests.values() for manifest in manifests),
            splits=split_counts(findings),
            figures=figures,
            tables=tables,
            strip=gallery.strip(findings, books),
            samples=samples.tiles,
            twins=twins.tiles,
            replaced=replaced.tiles,
            prepared=gallery.prepared(findings, books),
            mistakes=mistakes.tiles,
            successes=successes.tiles,
            insight=findings.insight,
            ideal_words=ideal_words(findings.insight) if findings.insight else "",
            seen_rightly=gallery.seen(findings, right=True),
            seen_wrongly=gallery.seen(findings, right=False),
            changed=list(differing_settings(settings)),
            training_words=training_words(findings),
            curve_words=curve_words(findings),
            toml=to_toml(_mailed(settings)),
        )
    )
    # Reasons for what is missing may name files of the study: where it lies is nobody's business.
    page = page.replace(f"{findings.study.workspace.root}/", "")
    return page, [each.file for each in (samples, twins, replaced, mistakes, successes) if each.file is not None]


def _mailed(settings: StudySettings) -> StudySettings:
    """The settings without any folder of this machine."""
    values = settings.model_dump(mode="json") | {"workspace": StudySettings().workspace}
    return StudySettings.model_validate(without_paths(values))


def templates_digest() -> str:
    """SHA-256 over the templates: a report is written anew when they change."""
    folder = files("bookcover_core.report") / "templates"
    return digest_of(sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir()))


def environment() -> Environment:
    """What fills the templates: it escapes everything, and refuses names that it does not know."""
    made = Environment(
        loader=PackageLoader("bookcover_core.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "duration": duration,
        "thousands": lambda number: f"{number:,}",
        "setting": setting_text,
        "parts": lambda name: re.split("(?<=[a-z])(?=[A-Z])", name),
        "short": lambda digest: digest[:_DIGEST_DIGITS],
    }
    made.globals |= {"show": show, "show_interval": show_interval}
    return made
