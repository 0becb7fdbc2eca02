"""A study: its settings, its folder, and the manifests of what was done in it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.manifests import Manifest, read_manifest
from bookcover_core.pipeline.workspace import Workspace, write_text
from bookcover_core.settings import StudySettings


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
        """Make the study's folder and store the settings in it.

        Raises:
            WorkspaceError, DiskFullError: The folder cannot be written.
        """
        write_text(self.workspace.settings, self.settings.model_dump_json(indent=2) + "\n")

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
