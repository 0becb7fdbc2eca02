"""The store of a home: results by the key of what they were made from, which every study of the home finds.

    <workspace>/.store/
        objects/ab/<sha256>         contents of files; hard links share them with the studies that use them
        records/<stage>/<key>.json  what has a key: the manifest of a part of a stage, or a prepared cover

A record is written last, and an object is held against its digest before it is given out. Without hard links files are
copied; where the store cannot be written, studies go on without it. Shared files are replaced, never written in place.
"""

import errno
import json
import logging
import os
import secrets
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from bookcover_core.errors import BookcoverError, warn_once
from bookcover_core.pipeline.manifests import Manifest, Output, file_digest, read_manifest
from bookcover_core.pipeline.study import Study, studies_in
from bookcover_core.pipeline.workspace import write_text

logger = logging.getLogger(__name__)

LEAVING = "leaving-"
"""How the names of studies that are being deleted begin, below the store."""

# What the system says where two names cannot have one file.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}

# Seconds for which an object that no record names is left alone: its record may be about to be written.
_SETTLED = 3_600.0


class Store:
    """The store in one folder, in which it lies or will lie; without one, it keeps nothing and has nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, study: Study) -> "Store":
        """The store of the home of a study."""
        return cls(store_folder(study.workspace.root.parent) if study.settings.store else None)

    def has(self, stage: str, key: str) -> bool:
        """Whether there is a record of a key."""
        return self.folder is not None and _record(self.folder, stage, key).is_file()

    def read(self, stage: str, key: str) -> bytes | None:
        """The record of a key, which counts as used now; None where there is none."""
        content = None
        with suppress(OSError):
            if self.folder is not None:
                file = _record(self.folder, stage, key)
                content = file.read_bytes()
                os.utime(file)
        return content

    def give(self, output: Output, root: Path) -> Output | None:
        """The file of `output` below `root`, put there from the store; None where the store has it no more."""
        if self.folder is None:
            return None
        held, file = _object(self.folder, output.sha256), root / output.path
        try:
            if file_digest(held) != output.sha256:
                logger.warning("the store's %s is damaged, and is made again", output.path)
                held.unlink()
                return None
            if not (file.exists() and file.samefile(held)):
                _share(held, file)
            return output.model_copy(update={"mtime_ns": file.stat().st_mtime_ns})
        except OSError:
            return None

    def keep(self, stage: str, key: str, content: str, outputs: Collection[Output], root: Path) -> None:
        """Keep the record of a key, and the files that it names, as they lie below `root`."""
        if self.folder is None:
            return
        try:
            for output in outputs:
                held = _object(self.folder, output.sha256)
                if not held.exists():
                    _share(root / output.path, held)
            write_text(_record(self.folder, stage, key), content)
        except (OSError, BookcoverError) as error:
            warn_once(logger, f"the store {self.folder} cannot be written, and keeps nothing of this run ({error})")

    def keep_result(self, manifest: Manifest, root: Path) -> None:
        """Keep what a part of a stage came to, as its manifest says and as it lies below `root`."""
        self.keep(manifest.stage, manifest.key, manifest.model_dump_json(indent=2), manifest.outputs, root)

    def give_result(self, stage: str, key: str, root: Path) -> Manifest | None:
        """The manifest of a part that was made before, with its files put in their places below `root`."""
        try:
            manifest = Manifest.model_validate_json(self.read(stage, key) or b"")
        except ValidationError:
            return None
        outputs = [given for each in manifest.outputs if (given := self.give(each, root))]
        return manifest.model_copy(update={"outputs": outputs}) if len(outputs) == len(manifest.outputs) else None

    def results(self, stage: str) -> Iterator[Manifest]:
        """The manifests of a stage's parts that are kept, in no order."""
        files = self.folder.glob(f"records/{stage}/*.json") if self.folder else ()
        yield from filter(None, map(read_manifest, files))

    def object(self, output: Output) -> Path | None:
        """Where the contents of a file are kept, if they are and are sound."""
        held = _object(self.folder, output.sha256) if self.folder else None
        return held if held and held.is_file() and file_digest(held) == output.sha256 else None


def store_folder(workspace: Path) -> Path:
    """Where the store of the studies in `workspace` lies."""
    return workspace / ".store"


@dataclass
class Kept:
    """What a store holds of one stage, or of what no record names."""

    stage: str
    records: int = 0
    bytes: int = 0
    """Of its objects; one that several stages share counts for each."""
    shared: int = 0
    """Bytes of objects that a study has as the same file, rather than as a copy."""
    unused: int = 0
    """Bytes that no study holds."""
    studies: set[str] = field(default_factory=set)
    used: float = 0.0
    """When a record of it was last written or asked for, in seconds since 1970."""


@dataclass
class _Item:
    """A record with its objects, or an object that no record names."""

    stage: str
    file: Path | None
    used: float
    objects: list[Path]
    holders: set[str]
    bytes: int
    shared: int


def kept(workspace: Path) -> list[Kept]:
    """What the store of the studies in `workspace` holds, by stage."""
    found: dict[str, Kept] = {}
    for item in sorted(_items(workspace), key=lambda item: item.stage):
        total = found.setdefault(item.stage, Kept(item.stage))
        total.records += item.file is not None
        total.bytes += item.bytes
        total.shared += item.shared
        total.unused += 0 if item.holders else item.bytes
        total.studies |= item.holders
        total.used = max(total.used, item.used)
    return list(found.values())


def prune(workspace: Path, *, days: float = 0.0, most: int | None = None) -> int:
    """Remove from the store what no study holds, the longest unused first: the bytes that were freed.

    Only what was not used for `days` is removed, and only until what no study holds takes no more than `most` bytes.
    """
    for left_over in store_folder(workspace).glob(f"{LEAVING}*"):  # a study whose deletion was cut off
        shutil.rmtree(left_over, ignore_errors=True)
    items, now, freed = _items(workspace), time.time(), 0
    named = Counter(held for item in items for held in item.objects)
    unheld = sorted((item for item in items if not item.holders), key=lambda item: item.used)
    left = sum(item.bytes for item in unheld)
    for item in unheld:
        idle = now - item.used
        if (most is not None and left <= most) or idle < 86_400 * days:
            break
        if item.file is not None:
            item.file.unlink(missing_ok=True)
        elif idle < _SETTLED:
            continue
        left -= item.bytes
        named.subtract(item.objects)
        for held, status in existing(each for each in item.objects if not named[each]):
            freed += status.st_size
            held.unlink(missing_ok=True)
    return freed


@contextmanager
def releasing(workspace: Path, files: Iterable[Path]) -> Iterator[None]:
    """Within this block `files` are taken from a study; then the store lets go of those that no other study holds."""
    shared = {status.st_ino for _, status in existing(files) if status.st_nlink > 1}
    yield
    for held, status in existing(store_folder(workspace).glob("objects/*/*") if shared else ()):
        if status.st_ino in shared and status.st_nlink == 1:
            with suppress(OSError):
                held.unlink()


def existing(files: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """Those of `files` that are there, with what the system knows of each."""
    for file in files:
        with suppress(OSError):
            yield file, file.stat()


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder, however deep it lies."""
    return (Path(at) / name for at, _, names in os.walk(folder) for name in names)


# What is said of objects that no record names: those of a run that was cut off, or is under way.
_LOOSE = "of no record"


def _items(workspace: Path) -> list[_Item]:
    folder = store_folder(workspace)
    holders, keys = _holders(workspace)
    statuses = dict(existing(folder.glob("objects/*/*")))

    def item(stage: str, file: Path | None, used: float, objects: list[Path], key: str = "") -> _Item:
        found = [statuses[held] for held in objects]
        names = keys[key] if key else {name for each in found for name in holders[each.st_ino]}
        shared = sum(each.st_size for each in found if each.st_nlink > 1)
        return _Item(stage, file, used, objects, names, sum(each.st_size for each in found), shared)

    items, loose = [], set(statuses)
    for file, status in existing(folder.glob("records/*/*.json")):
        manifest = read_manifest(file)
        objects = [held for sha in _named(file, manifest) if (held := _object(folder, sha)) in statuses]
        loose.difference_update(objects)
        items.append(item(file.parent.name, file, status.st_mtime, objects, manifest.key if manifest else ""))
    return items + [item(_LOOSE, None, statuses[held].st_ctime, [held]) for held in loose]


def _holders(workspace: Path) -> tuple[dict[int, set[str]], dict[str, set[str]]]:
    """Names of the studies that hold each file, by its number on the disk, and each key."""
    inodes: dict[int, set[str]] = defaultdict(set)
    keys: dict[str, set[str]] = defaultdict(set)
    for name in studies_in(workspace):
        for _, status in existing(files_below(workspace / name)):
            if status.st_nlink > 1:
                inodes[status.st_ino].add(name)
        for file in (workspace / name / "manifests").rglob("*.json"):
            if manifest := read_manifest(file):
                keys[manifest.key].add(name)
    return inodes, keys


def _named(record: Path, manifest: Manifest | None) -> list[str]:
    """Digests of the objects that a record names: a manifest, or a prepared cover."""
    if manifest is not None:
        return [output.sha256 for output in manifest.outputs]
    try:
        return [Output.model_validate(each).sha256 for each in json.loads(record.read_bytes())["pictures"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _share(source: Path, target: Path) -> None:
    """Give the file at `source` the name `target` too, in place of what was there, or copy it there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{secrets.token_hex(8)}")
    try:
        try:
            os.link(source, new)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            warn_once(logger, f"studies and their store share no files here, but copy them ({error.strerror})")
            shutil.copy2(source, new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def _object(folder: Path, sha256: str) -> Path:
    return folder / "objects" / sha256[:2] / sha256


def _record(folder: Path, stage: str, key: str) -> Path:
    return folder / "records" / stage / f"{key}.json"
