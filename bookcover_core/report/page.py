"""The page: findings, figures, tables and covers, put into the template `templates/report.html`, which escapes them."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.report import gallery
from bookcover_core.report.chapters import CHAPTERS, chapter_words
from bookcover_core.report.figure_spec import ReportFigure
from bookcover_core.report.findings import Findings
from bookcover_core.report.formats import without_paths
from bookcover_core.report.near_duplicate_section import torn_covers
from bookcover_core.report.record_tables import split_counts
from bookcover_core.report.replacement_tables import exchanged_covers, exchanges
from bookcover_core.report.summary import headline
from bookcover_core.report.table import Table
from bookcover_core.report.words import environment
from bookcover_core.settings import StudySettings
from bookcover_core.settings.dissertation import differing_settings
from bookcover_core.settings.toml_file import to_toml


def render(
    findings: Findings,
    figures: Mapping[str, ReportFigure],
    tables: Mapping[str, Table],
    folder: Path,
) -> tuple[str, list[Path]]:
    """The page, and the contact sheets that were written to `folder` for it; figures and tables are by name."""
    best, books = findings.best, gallery.books_with_covers(findings)
    study, done = findings.study, findings.manifests
    galleries = {
        "samples": gallery.samples(findings, books, folder),
        "twins": gallery.pairs(torn_covers(study) if "twins" in done else [], folder / "twins-of-different-genres.png"),
        "doubtful": gallery.doubtful(findings, books, folder),
        "replaced": gallery.pairs(
            exchanged_covers(study, exchanges(study)) if "curate" in done else [], folder / "replaced.png"
        ),
    } | {
        name: gallery.confident(findings, best, books, folder, right=right) if best else gallery.Gallery()
        for name, right in (("mistakes", False), ("successes", True))
    }
    galleries |= gallery.told_apart(findings, books, folder)
    settings = study.settings
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
            **{name: each.tiles for name, each in galleries.items()},
            strip=gallery.strip(findings, books),
            prepared=gallery.prepared(findings, books),
            insight=findings.insight,
            seen_rightly=gallery.seen(findings, right=True),
            seen_wrongly=gallery.seen(findings, right=False),
            changed=list(differing_settings(settings)),
            toml=to_toml(_mailed(settings)),
            chapters=CHAPTERS,
            **chapter_words(findings),
        )
    )
    # Reasons for what is missing may name files of the study: where it lies is nobody's business.
    page = page.replace(f"{study.workspace.root}/", "")
    return page, [each.file for each in galleries.values() if each.file is not None]


def _mailed(settings: StudySettings) -> StudySettings:
    """The settings without any folder of this machine."""
    values = settings.model_dump(mode="json") | {"workspace": StudySettings().workspace}
    return StudySettings.model_validate(without_paths(values))


def templates_digest() -> str:
    """SHA-256 over the templates and the style of figures: a report is written anew when they change."""
    style = files("bookcover_core.visualisation") / "figures.mplstyle"
    found = [style, *(files("bookcover_core.report") / "templates").iterdir()]
    return digest_of(sorted((each.name, each.read_text("utf-8")) for each in found))
