"""A study: its settings, its folder, and the manifests of what was done in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from bookcover_core.errors import (
    BookcoverError,
    SettingsError,
    StageOrderError,
    StudyBusyError,
    WorkspaceError,
    from_os_error,
)
from bookcover_core.pipeline.file_lock import look, turn
from bookcover_core.pipeline.manifests import Manifest, read_manifest
from bookcover_core.pipeline.workspace import Workspace, write_text
from bookcover_core.settings import SETTINGS_FILE, StudySettings
from bookcover_core.settings.toml_file import load_settings

# Locks of a study, which end with their holders: on the whole of it, and on its parts, which many may share.
_WHOLE, _PART = "run", "part"

# Folders of the studies that are taken through their stages around this place in the program.
_held: ContextVar[frozenset[Path]] = ContextVar("_held", default=frozenset())


class RunMark(NamedTuple):
    """The run that takes a study through its stages, or that was killed while it did."""

    process: int
    began: datetime
    lives: bool

    def __str__(self) -> str:
        return f"process {self.process}, begun {self.began.astimezone():%Y-%m-%d %H:%M}"


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
    def alone(self, *, patience: float = 0.0, within: bool = False) -> Iterator[None]:
        """Within this block, no other run takes this study through its stages.

        Another one, which was cancelled just now, may take `patience` seconds to end; `within` a block that holds the
        study this one holds nothing. `StudyBusyError` where another does.
        """
        root = self.workspace.root
        if within and root in _held.get():
            yield
            return
        with turn(root / _WHOLE, self.refuse_if_run, patience=patience) as lock:
            with suppress(OSError):
                lock.truncate(0)
                lock.write(f"{os.getpid()} {datetime.now(UTC).isoformat()}".encode())
                lock.flush()
            token = _held.set(_held.get() | {root})
            try:
                yield
            finally:
                _held.reset(token)
                with suppress(OSError):
                    lock.truncate(0)  # a mark that is left tells of a run that was killed

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Within this block, nobody runs this study or a part of it. Raises as `alone`."""

        def refuse() -> None:
            what, advice = "a part of this study is being run", "Wait for it, or end it."
            raise StudyBusyError(what, where=self.workspace.root, advice=advice)

        with self.alone(), turn(self.workspace.root / _PART, refuse):
            yield

    @property
    def run_mark(self) -> RunMark | None:
        """The run that is under way, or was killed; None where the last one came to its end."""
        text, lives = look(self.workspace.root / _WHOLE)
        try:
            process, began = text.split()
            mark = RunMark(int(process), datetime.fromisoformat(began), bool(lives))
        except ValueError:  # it came to its end, or is about to write its mark
            return RunMark(0, datetime.now(UTC), lives=True) if lives else None
        return mark._replace(lives=_exists(mark.process)) if lives is None else mark

    def refuse_if_run(self) -> None:
        """Raise `StudyBusyError` where a run takes this study through its stages."""
        if (mark := self.run_mark) and mark.lives:
            advice = f"Wait for it, or end it ({mark}), and start this one again: what is done is kept."
            raise StudyBusyError("another run of this study is under way", where=self.workspace.root, advice=advice)

    def manifest(self, label: str) -> Manifest:
        """What the stage (or part) called `label` did; `StageOrderError` where it has not been run."""
        if manifest := read_manifest(self.manifest_file(label)):
            return manifest
        advice = "Run the stages in order, or the whole study with `bookcover run`."
        error = StageOrderError(f"the stage {label!r} has not been run", where=self.workspace.root, advice=advice)
        error.stage = label.partition("/")[0]
        raise error

    def manifests(self, stage: str) -> list[Manifest]:
        """What the parts of a stage did, in the order of their names; empty where none has been run."""
        files = [self.manifest_file(stage), *sorted((self.workspace.manifests / stage).glob("*.json"))]
        return list(filter(None, map(read_manifest, files)))

    @property
    def all_manifests(self) -> list[Manifest]:
        """What all stages and parts did, sorted by the paths of their manifests."""
        return list(filter(None, map(read_manifest, sorted(self.workspace.manifests.rglob("*.json")))))

    def manifest_file(self, label: str) -> Path:
        """Where the manifest of a stage (or part) lies."""
        return self.workspace.manifests / f"{label}.json"


def reference(settings: StudySettings) -> str:
    """How commands and flows name a study: by its name where it lies in this home, else by its folder."""
    return settings.name if settings.root.parent == StudySettings().root.parent else str(settings.root)


@contextmanager
def at_part(root: Path) -> Iterator[None]:
    """Within this block, others see that a part of the study in a folder is run; not where it cannot be written."""
    with ExitStack() as held:
        with suppress(BookcoverError):
            held.enter_context(turn(root / _PART, lambda: None, shared=True))
        yield


def is_being_run(root: Path, *, whole: bool) -> bool:
    """Whether a process is at the study in a folder, or at a part of it; without locks, one is taken to be."""
    return look(root / (_WHOLE if whole else _PART))[1] is not False


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


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
    folder = next((each for each in path.parents if (each / SETTINGS_FILE).is_file()), None)
    if folder is None or not isinstance(error, FileNotFoundError):
        return from_os_error(error, path)
    advice = f"`bookcover run {folder}` makes anew what is missing."
    return StageOrderError(f"{path.relative_to(folder)} is missing from this study", where=folder, advice=advice)


@contextmanager
def telling_of_wrong_files(study: Study) -> Iterator[None]:
    """Within this block, a file that the study has lost, or that is not as a stage left it, is told of in our words."""
    try:
        yield
    except FileNotFoundError as error:
        raise in_our_words(error) or error from error
    except BookcoverError:
        raise
    except (ValueError, TypeError, LookupError, StopIteration) as error:  # whatever a reader of tables meets
        root = study.workspace.root
        for manifest in study.all_manifests:
            if wrong := next((output for output in manifest.outputs if not output.stands(root)), None):
                what = f"this is not as the stage {manifest.label!r} left it"
                advice = f"`bookcover run {root}` makes it anew."
                raise WorkspaceError(what, where=root / wrong.path, advice=advice) from error
        raise
