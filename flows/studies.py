"""Studies by name: the parameter of every flow but those that begin a study, and how its settings are found.

The settings of a study are stored once, in its folder. A run reads them when it starts, and keeps to them until it
ends, whoever changes them meanwhile; a run that is retried reads them anew. So no form, schedule or earlier run holds a
copy of settings that could be out of date.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect.context import FlowRunContext

from bookcover_core.errors import SettingsError, WeightsError
from bookcover_core.families.systems import check_systems
from bookcover_core.pipeline.study import Study, studies_in
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import StudySettings
from bookcover_core.settings.short_form import study_name
from bookcover_core.settings.toml_file import load_settings

Changes = tuple[str, ...]
"""Lines of the form group.name=value, as `bookcover run --set` takes them."""

# Settings of the run that is under way, by the folder of the study.
_read: ContextVar[dict[Path, StudySettings] | None] = ContextVar("_read", default=None)


def settings_of(study: str, changes: Sequence[str] = ()) -> StudySettings:
    """The settings stored with a study, after `changes` have been stored too.

    Args:
        study: Name or folder of the study; empty: the only one of this home.
        changes: "group.name=value" each. A run that is retried does not store them again: what a person has changed
            since it first ran holds.

    Raises:
        SettingsError: There is no such study, or a change is unknown or impossible.
        WorkspaceError, DiskFullError: The study's folder cannot be written.
    """
    folder = find_study(study)
    known = _read.get()
    if known is not None and folder in known and not changes:
        return known[folder]
    settings = load_settings(folder, changes)
    if settings.root != folder:
        raise SettingsError(
            "`name` and `workspace` say where a study lies, and do not change",
            where="changes",
            advice="Begin a study of another name instead.",
        )
    if changes:
        settings = store(settings)
    if known is not None:
        known[folder] = settings
    return settings


def store(settings: StudySettings) -> StudySettings:
    """`settings`, stored with the study; in a run that is retried, those that were stored there since it began."""
    if _is_stored_since_this_run_began(Workspace(settings.root).settings):
        return load_settings(settings.root)
    with suppress(WeightsError):  # the study lists what it lacks, when all can be mended
        check_systems(settings)
    Study(settings).begin()
    return settings


def find_study(study: str) -> Path:
    """The folder of a study that has been begun.

    Args:
        study: Its name or folder; empty: the only study of this home.

    Raises:
        SettingsError: There is no such study, or none is named and there is not exactly one.
    """
    there = begun_studies()
    if not study and len(there) == 1:
        return studies_folder() / there[0]
    if study and Workspace(folder := _folder(study)).settings.is_file():
        return folder
    if not there:
        raise SettingsError(
            f"no study has been begun in {studies_folder()}",
            where=study or "study",
            advice="Run the deployment `study` first, or `bookcover run`.",
        )
    raise SettingsError(
        f"there is no study of this name in {studies_folder()}" if study else "the study is not named",
        where=study or "study",
        advice=f"Name one of these: {', '.join(there)}.",
    )


def begun_studies() -> list[str]:
    """Names of the studies of this home, sorted."""
    return [name for name, study in studies_in(studies_folder()).items() if isinstance(study, Study)]


def studies_folder() -> Path:
    """The folder that holds the studies of this home: `data/studies`, unless a study's own settings say otherwise."""
    return StudySettings().root.parent


def name_of(study: str) -> str:
    """Name of a study, for people; of an unnamed one, what can be said before it is looked for."""
    try:
        return find_study(study).name
    except SettingsError:
        return study or "an unnamed study"


def folder_of_run(parameters: Mapping[str, Any]) -> Path | None:
    """The folder of the study that a run with these parameters works on or is to begin; None if it cannot be told."""
    nested = parameters.get("settings")
    try:
        if isinstance(nested, Mapping):
            named = {key: nested[key] for key in ("name", "workspace") if key in nested}
            return StudySettings.model_validate(named).root
        if "books" in parameters:  # the short form
            return _folder(study_name(str(parameters.get("name") or ""), str(parameters["books"])))
        return find_study(str(parameters.get("study") or parameters.get("name") or ""))
    except (SettingsError, ValueError):
        return None


@contextmanager
def settings_read_once() -> Iterator[None]:
    """A block within which the settings of a study stay as they were when they were first read."""
    if _read.get() is not None:
        yield
        return
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def _folder(study: str) -> Path:
    """The folder that a study of this name or folder has, or would have."""
    return Path(study).expanduser().resolve() if "/" in study else studies_folder() / study


def _is_stored_since_this_run_began(file: Path) -> bool:
    """Whether the present run has been tried before, and settings have been stored since it was first."""
    context = FlowRunContext.get()
    began = context.flow_run.start_time if context is not None and context.flow_run is not None else None
    return began is not None and file.is_file() and file.stat().st_mtime >= began.timestamp()
