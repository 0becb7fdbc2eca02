"""The command `bookcover report`: the report on a study, or two studies side by side. No Prefect is needed."""

from collections.abc import Sequence
from pathlib import Path

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import load_settings
from deployments.review_command import run_command
from deployments.terminal import print_results, say


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


def report_side_by_side(first: Path, second: Path, overrides: Sequence[str], output: Path | None) -> None:
    """Write two studies side by side, and print the most important line and where the page is."""
    studies = [Study(load_settings(source, overrides)) for source in (first, second)]

    from bookcover_core.report.comparison_page import write_side_by_side  # noqa: PLC0415 - imports matplotlib

    written = write_side_by_side(studies[0], studies[1], output)
    say(written.headline)
    say(f"Side by side: {written.page}")
