"""The commands `bookcover report`, on one study, and `bookcover compare`, on several. No Prefect is needed."""

from collections.abc import Sequence
from pathlib import Path

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import load_settings
from deployments.review_command import run_command
from deployments.terminal import print_results, say

COMPARED = "comparison.json"
"""What marks the folder of studies side by side."""


def report_study(source: Path | None, overrides: Sequence[str]) -> None:
    """Write the report of a study, or refresh it, and print its results and where it is.

    Raises:
        SettingsError: There are no such settings.
        StageOrderError: The study has not begun.
        WorkspaceError, DiskFullError: Its results are altered, or its folder cannot be written.
    """
    study = Study(load_settings(source, overrides))
    if not study.manifest_file("listings").exists():
        raise StageOrderError(
            f"the study {study.settings.name!r} has nothing to report on yet",
            where=study.workspace.root,
            advice=f"Run it first: `{run_command(source, overrides)}`.",
        )
    from bookcover_core.report.write_report import write_report  # noqa: PLC0415 - imports matplotlib

    write_report(study)
    print_results(study.settings)


def compare(sources: Sequence[Path], overrides: Sequence[str], output: Path | None) -> None:
    """Write studies side by side, and print the most important line and where the page is.

    Raises:
        SettingsError: There is one study alone.
        WorkspaceError: The folder has a page of another kind, which would be lost.
    """
    if len(sources) == 1:
        raise SettingsError(
            "there is nothing to compare the study with", where=sources[0], advice="Name two studies or more."
        )
    if output and (page := output.expanduser() / "index.html").exists() and not page.with_name(COMPARED).exists():
        raise WorkspaceError(
            "a page lies there that is no comparison of studies, and is not replaced",
            where=page,
            advice="Name another folder with --output, or move the page away.",
        )
    tell_comparison([Study(load_settings(source, overrides)) for source in sources], output)


def tell_comparison(studies: Sequence[Study], output: Path | None = None) -> None:
    """The same of studies that are known."""
    from bookcover_core.report.comparison_page import write_comparison  # noqa: PLC0415 - imports matplotlib

    written = write_comparison(*studies, folder=output)
    say(written.headline)
    say(f"Side by side: {written.page}")
