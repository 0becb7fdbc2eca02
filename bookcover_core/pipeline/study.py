"""A study at work: its settings, its folder, and the stage that is running.

Every stage is a function that takes a `Study` and returns a `Manifest`, and all of them have this form:

    def split(study: Study) -> Manifest:
        run = study.stage("split", after=["curate"])
        if run.done:
            return run.done
        ...
        return run.finish(outputs=[study.workspace.splits], counts={...})
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.manifests import Manifest, Output, digest_of, digest_outputs, read_manifest
from bookcover_core.pipeline.stages import Stage, code_digest, find_stage
from bookcover_core.pipeline.workspace import Workspace, write_json, write_text
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)


def _no_progress(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Study:
    """One study: what is wanted, where it lies, and who is told how far a stage is."""

    settings: StudySettings
    progress: Callable[[int, int], None] = _no_progress
    """Called with (done, total) while a stage works."""
    only_plans: bool = False
    """Whether a stage ends where its work would begin: see `plan`."""

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

    def stage(
        self, name: str, part: str = "", *, after: Iterable[str] = (), given: Mapping[str, str] | None = None
    ) -> "StageRun":
        """The stage `name`, about to run.

        Args:
            name: A stage of `bookcover_core.pipeline.stages`.
            part: Which part of it: "chunk-0003", "MobileNetV2-padded".
            after: Labels of the stages (or parts) that it builds on: "split", "download/chunk-0003".
            given: Further inputs by name: digests of files from outside, values that decide the part.

        Raises:
            StageOrderError: A stage that it builds on has not been run.
        """
        inputs = {label: self.manifest(label).digest for label in after}
        return StageRun(self, find_stage(name), part, inputs | dict(given or {}))

    def plan(self, stage: Callable[["Study"], Manifest]) -> "StageRun":
        """The run that `stage` would be: its label, and whether it stands already. None of its work is done.

        Raises:
            BookcoverError: What the stage itself would raise before it asks whether it is done.
        """
        try:
            stage(replace(self, only_plans=True))
        except _PlannedError as planned:
            return planned.run
        raise AssertionError(f"{stage} never asks whether it is done")

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


class _PlannedError(Exception):
    """A stage has come to where its work would begin."""

    def __init__(self, run: "StageRun") -> None:
        self.run = run
        super().__init__(run.label)


class StageRun:
    """One stage, or part of it, about to run: what it hangs on, and whether it is done already."""

    def __init__(self, study: Study, stage: Stage, part: str, inputs: dict[str, str]) -> None:
        self.study = study
        self.stage = stage
        self.part = part
        self.inputs = inputs
        self.label = f"{stage.name}/{part}" if part else stage.name
        self.settings: dict[str, Any] = {path: study.settings.part(path) for path in stage.settings}
        self.code = code_digest(stage.code)
        self.key = digest_of([stage.name, part, self.settings, inputs, self.code])
        self._started = time.perf_counter()

    @cached_property
    def earlier(self) -> Manifest | None:
        """The manifest of an earlier run with the same key, whether or not its files still stand."""
        manifest = read_manifest(self.study.manifest_file(self.label))
        return manifest if manifest is not None and manifest.key == self.key else None

    @property
    def done(self) -> Manifest | None:
        """The manifest of an earlier run, if it still stands: what a stage asks before it begins to work."""
        if self.study.only_plans:
            raise _PlannedError(self)
        return self.standing

    @cached_property
    def standing(self) -> Manifest | None:
        """The manifest of an earlier run, if nothing that it hangs on and none of its files has changed."""
        if self.earlier is None or not self.earlier.stands(self.study.workspace.root):
            return None
        logger.info("%s: unchanged since %s", self.label, f"{self.earlier.finished:%Y-%m-%d %H:%M}")
        return self.earlier.model_copy(update={"reused": True})

    def finish(
        self,
        *,
        outputs: Iterable[Path] = (),
        indexes: Iterable[Path] = (),
        counts: Mapping[str, Any] | None = None,
        digest: str | None = None,
    ) -> Manifest:
        """Write the manifest; the stage is done from now on.

        Args:
            outputs: Files that it wrote.
            indexes: Files that it wrote and that list further files (`manifests.INDEX_COLUMNS` among their columns).
            counts: What it counted.
            digest: What the stages behind it see, where that is not simply all bytes of its outputs.
        """
        listing = list(indexes)
        written = [Output.of(file, self.study.workspace.root) for file in [*outputs, *listing]]
        manifest = Manifest(
            stage=self.stage.name,
            part=self.part,
            key=self.key,
            code=self.code,
            settings=self.settings,
            inputs=self.inputs,
            counts=dict(counts or {}),
            outputs=written,
            indexes=[self.study.workspace.relative(file) for file in listing],
            digest=digest or digest_outputs(written),
            seconds=round(time.perf_counter() - self._started, 3),
            finished=datetime.now(UTC),
        )
        write_json(self.study.manifest_file(self.label), manifest.model_dump(mode="json"))
        logger.info("%s: done in %.1f s %s", self.label, manifest.seconds, _in_words(manifest.counts))
        return manifest


def _in_words(counts: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in counts.items() if isinstance(value, int | float | str)}
    return "(" + ", ".join(f"{name} {value}" for name, value in plain.items()) + ")" if plain else ""
