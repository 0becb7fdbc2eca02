"""The commands `bookcover store`, `verify`, `shrink` and `delete`: what a home keeps, and the care of its studies."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import typer

from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.store import kept, prune, store_folder
from bookcover_core.pipeline.study import Study
from bookcover_core.report.formats import duration
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import load_settings
from deployments import upkeep
from deployments.terminal import print_table, say

# Files of a study that are named as wrong; of more, their number is said.
_NAMED = 20


def find_study(given: Path) -> Study:
    """The study of a settings file or folder.

    Raises:
        SettingsError: It has not been begun.
    """
    study = Study(load_settings(given))
    if not study.workspace.settings.is_file():
        raise SettingsError(
            "this study has not been begun",
            where=study.workspace.root,
            advice="`bookcover status` lists those that are.",
        )
    return study


def show_store() -> None:
    """Print what the store of this home keeps."""
    workspace = StudySettings().root.parent
    rows = [
        (
            each.stage,
            f"{each.records:,}",
            size(each.bytes),
            size(each.shared),
            size(each.unused),
            ", ".join(sorted(each.studies)) or "-",
            f"{datetime.fromtimestamp(each.used).astimezone():%Y-%m-%d %H:%M}",
        )
        for each in kept(workspace)
    ]
    if not rows:
        say(f"Nothing is kept in {store_folder(workspace)} yet.")
        return
    columns = ("stage", "results", "size", "shared", "held by no study", "studies", "last used")
    print_table(f"Kept in {store_folder(workspace)}", columns, rows)
    say(
        "What is shared takes no disk here: a study has the same file. A study that was copied has files of its own,"
        " which take disk in both places. `bookcover store --prune` frees what no study holds."
    )


def prune_store(days: float, most: float | None) -> None:
    """Remove what no study holds from the store of this home, and print what that freed."""
    workspace = StudySettings().root.parent
    freed = prune(workspace, days=days, most=None if most is None else int(most * 1e9))
    say(f"{size(freed)} freed. {_free(workspace)}")


def verify_study(study: Study) -> int:
    """How many files of a study are wrong, after each was read and those were named."""
    wrong = list(upkeep.verify(study))
    for each in wrong[:_NAMED]:
        say(f"{each.path} {'is missing' if each.is_missing else 'is altered'} ({each.label})")
    if len(wrong) > _NAMED:
        say(f"... and {len(wrong) - _NAMED:,} more.")
    root = study.workspace.root
    if wrong:
        say(f"`bookcover run {root}` makes anew what is wrong, and what was made from it.")
    else:
        say(f"Every file of {study.settings.name} is as it was left.")
    return len(wrong)


def shrink_study(study: Study, *, yes: bool) -> None:
    """Free what can be made again of a study, when a person has agreed."""
    found = upkeep.spare(study)
    if not found.files:
        say(f"There is nothing to free in {study.workspace.root}.")
        return
    say(
        f"{len(found.files):,} files, {size(found.bytes)}, can be made again: prepared pictures, features, and states"
        f" of trainings. To make them took {duration(found.seconds)}; the next run does so. Covers, models, results and"
        " report stay."
    )
    if not yes:
        typer.confirm(f"Remove them from {study.workspace.root}?", abort=True)
    _tell_disk(study, lambda: upkeep.shrink(study, found))


def delete_study(study: Study, *, yes: bool) -> None:
    """Delete a study, when a person has agreed."""
    root = study.workspace.root
    say(f"{root} takes {size(upkeep.size_of(root))}, with its covers, models and report.")
    if not yes:
        typer.confirm("Delete all of it, for good?", abort=True)
    _tell_disk(study, lambda: upkeep.delete(study))


def _tell_disk(study: Study, work: Callable[[], None]) -> None:
    workspace = study.workspace.root.parent
    before = _free(workspace)
    with study.unused():
        work()
    say(f"Before: {before} Now: {_free(workspace)}")


def _free(folder: Path) -> str:
    return f"{size(shutil.disk_usage(folder).free)} are free on the disk."


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
