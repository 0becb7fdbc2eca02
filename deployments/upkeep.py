"""Care of a study that is done: is every file as it was left, what can be freed, and how to take a study away."""

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.store import LEAVING, existing, files_below, releasing, store_folder
from bookcover_core.pipeline.study import Study

_MADE_AGAIN = ("prepare", "features")  # stages whose files are large, and are made again from the covers


@dataclass(frozen=True)
class Wrong:
    """A file that is not as a stage left it."""

    label: str
    path: str
    """Relative to the study's folder."""
    is_missing: bool


@dataclass(frozen=True)
class Spare:
    """What can be freed of a study, as it can be made again."""

    files: list[Path]
    bytes: int
    seconds: float
    """Time that it took to make them."""


def verify(study: Study) -> Iterator[Wrong]:
    """The files that are missing, or whose content is not what the manifests say: every one is read.

    A file that is wrong gets a new time of change, so that the next run looks at its content, and makes it anew.
    """
    root = study.workspace.root
    for label, file in ((manifest.label, file) for manifest in study.all_manifests for file in manifest.files(root)):
        try:
            if file_digest(root / file.path) != file.sha256:
                os.utime(root / file.path)
                yield Wrong(label, file.path, is_missing=False)
        except OSError:
            yield Wrong(label, file.path, is_missing=True)


def spare(study: Study) -> Spare:
    """The prepared pictures and features of a study, and the states from which trainings would go on."""
    workspace = study.workspace
    files = [*files_below(workspace.prepared), *files_below(workspace.features)]
    files += [file for folder in (workspace.models, workspace.comparison) for file in folder.rglob("checkpoint.npz")]
    seconds = sum(manifest.seconds for stage in _MADE_AGAIN for manifest in study.manifests(stage))
    return Spare(files, sum(file.stat().st_size for file in files), seconds)


def shrink(study: Study, given_up: Spare) -> None:
    """Remove what `spare` found, from the study and, where no other study holds it, from the store."""
    with releasing(study.workspace.root.parent, given_up.files):
        for file in given_up.files:
            file.unlink(missing_ok=True)


def delete(study: Study) -> None:
    """Remove a study, and what it alone held from the store. One that is cut off leaves no half study."""
    root = study.workspace.root
    leaving = store_folder(root.parent) / f"{LEAVING}{secrets.token_hex(8)}"
    with releasing(root.parent, files_below(root)):
        leaving.parent.mkdir(exist_ok=True)
        root.rename(leaving)
        shutil.rmtree(leaving)


def size_of(folder: Path) -> int:
    """Bytes that the files in a folder take, each counted once however many names it has."""
    sizes = {(status.st_dev, status.st_ino): status.st_size for _, status in existing(files_below(folder))}
    return sum(sizes.values())
