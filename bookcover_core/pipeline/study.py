"""A study: its settings, its folder, and the manifests of what was done in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bookcover_core.errors import BookcoverError, SettingsError, StageOrderError, WorkspaceError, from_os_error
from bookcover_core.pipeline.file_lock import turn
from bookcover_core.pipeline.manifests import Manifest, read_manifest
from bookcover_core.pipeline.workspace import Workspace, write_text
from bookcover_core.settings import SETTINGS_FILE, StudySettings
from bookcover_core.settings.toml_file import load_settings

# Seconds for which a run that was cancelled or killed just now may take to end.
_PATIENCE = 10.0


def _no_progress(done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Study:
    """A study: settings, folder, progress callback."""

    settings: StudySettings
    progress: Callable[[int, int], None] = _no_progress
    """Called with (done, total) while a stage works."""

    @cached_property
    def workspace(self) -> Workspace:
        """The folder of the study."""
        return Workspace(self.settings.root)

    def begin(self) -> None:
        """Make the study's folder and store the settings in it."""
        write_text(self.workspace.settings, self.settings.model_dump_json(indent=2) + "\n")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within this block, no other run takes this study through its stages.

        Raises:
            WorkspaceError: Another run does, or the folder cannot be written.
        """

        def refuse() -> None:
            raise WorkspaceError(
                "another run of this study is under way",
                where=self.workspace.root,
                advice="Wait for it, or end it, and start this one again: what is done is kept.",
            )

        with turn(self.workspace.root / "run", refuse, patience=_PATIENCE):
            yield

    def manifest(self, label: str) -> Manifest:
        """What the stage (or part) called `label` did.

        Raises:
            StageOrderError: It has not been run.
        """
        manifest = read_manifest(self.manifest_file(label))
        if manifest is None:
            error = StageOrderError(
                f"the stage {label!r} has not been run",
                where=self.workspace.root,
                advice="Run the stages in order, or the whole study with `bookcover run`.",
            )
            error.stage = label.partition("/")[0]
            raise error
        return manifest

    def manifests(self, stage: str) -> list[Manifest]:
        """What the parts of a stage did, in the order of their names; empty where none has been run."""
        files = [self.manifest_file(stage), *sorted((self.workspace.manifests / stage).glob("*.json"))]
        return [manifest for file in files if (manifest := read_manifest(file))]

    def manifest_file(self, label: str) -> Path:
        """Where the manifest of a stage (or part) lies."""
        return self.workspace.manifests / f"{label}.json"


def studies_in(folder: Path) -> dict[str, Study | SettingsError]:
    """The studies in `folder` by name, sorted; of one whose settings cannot be read, the error."""
    found: dict[str, Study | SettingsError] = {}
    for file in sorted(folder.glob(f"*/{SETTINGS_FILE}")):
        try:
            found[file.parent.name] = Study(load_settings(file.parent))
        except SettingsError as error:
            found[file.parent.name] = error
    return found


def in_our_words(error: OSError) -> BookcoverError | None:
    """The error of ours for one of the system's: for a file that a study has lost, and what `from_os_error` knows."""
    path = Path(error.filename or ".").absolute()
    if isinstance(error, FileNotFoundError):
        for folder in path.parents:
            if (folder / SETTINGS_FILE).is_file():
                return StageOrderError(
                    f"{path.relative_to(folder)} is missing from this study",
                    where=folder,
                    advice=f"`bookcover run {folder}` makes anew what is missing.",
                )
    return from_os_error(error, path)


@contextmanager
def telling_of_wrong_files(study: Study) -> Iterator[None]:
    """Within this block, a file that the study has lost, or that is not as a stage left it, is told of in our words."""
    try:
        yield
    except FileNotFoundError as error:
        raise in_our_words(error) or error from error
    except BookcoverError:
        raise
    except (ValueError, LookupError, StopIteration) as error:
        root = study.workspace.root
        for manifest in filter(None, map(read_manifest, sorted(study.workspace.manifests.rglob("*.json")))):
            if wrong := next((output for output in manifest.outputs if not output.stands(root)), None):
                raise WorkspaceError(
                    f"this is not as the stage {manifest.label!r} left it",
                    where=root / wrong.path,
                    advice=f"`bookcover run {root}` makes it anew.",
                ) from error
        raise
