"""Manifests: what a stage took in, what it gave out, and whether that still stands.

A manifest is written last, whole or not at all. Files are known by size and time of change; one whose time differs (of
a study that was copied, say) is read and compared by SHA-256.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bookcover_core.pipeline.workspace import file_stamp

# Columns of an index: a CSV that lists the many files of an output, one row each.
INDEX_COLUMNS = ("path", "bytes", "mtime_ns", "sha256")


class Output(BaseModel):
    """A file that a stage wrote."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="Relative to the study's folder, with forward slashes.")
    bytes: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, file: Path, root: Path) -> "Output":
        """The file as it is now."""
        path, status = file.relative_to(root).as_posix(), file.stat()
        return cls(path=path, bytes=status.st_size, mtime_ns=status.st_mtime_ns, sha256=file_digest(file))

    def stands(self, root: Path) -> bool:
        """Whether the file is still there, unaltered."""
        return is_unaltered(root / self.path, self.bytes, self.mtime_ns, self.sha256)


class Manifest(BaseModel):
    """What one stage, or one part of it, did."""

    model_config = ConfigDict(frozen=True)

    stage: str
    part: str = Field(default="", description='Which part: "chunk-0003", "MobileNetV2-padded"; empty: the whole stage.')
    key: str = Field(description="SHA-256 over the inputs, settings and code that the outcome depends on.")
    code: str = Field(description="SHA-256 of the code.")
    modules: dict[str, str] = Field(default={}, description="SHA-256 of the code, by module.")
    settings: dict[str, Any] = Field(description="The settings that the outcome depends on.")
    inputs: dict[str, str] = Field(description="Digests of the stages and files that it was made from.")
    sizes: dict[str, dict[str, int]] = Field(default={}, description="What its inputs counted, or how many they were.")
    counts: dict[str, Any] = Field(default={}, description="What it counted, for people and the report.")
    outputs: list[Output] = []
    indexes: list[str] = Field(default=[], description="Outputs that list further files, which are checked too.")
    digest: str = Field(description="What the stages behind it see of the outcome.")
    seconds: float = Field(ge=0, description="Time that it took.")
    finished: datetime
    imported: bool = Field(default=False, description="Whether its results came from elsewhere.")
    reused: bool = Field(default=False, exclude=True, description="Whether this run found it done and sound.")

    @property
    def label(self) -> str:
        """Stage and part, as "download/chunk-0003"."""
        return f"{self.stage}/{self.part}" if self.part else self.stage

    def stands(self, root: Path) -> bool:
        """Whether everything that it names is still there, unaltered."""
        return all(each.stands(root) for each in self.files(root))

    def files(self, root: Path) -> Iterator[Output]:
        """Every file that it, or an index that it names, lists; a missing index, or a row without path, lists none."""
        yield from self.outputs
        for index in self.indexes:
            with suppress(FileNotFoundError), (root / index).open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    if path := row["path"]:
                        size, changed = int(row["bytes"]), int(row["mtime_ns"])
                        yield Output.model_construct(path=path, bytes=size, mtime_ns=changed, sha256=row["sha256"])


def read_manifest(file: Path) -> Manifest | None:
    """The manifest in `file`; None where there is none, or none that can be read."""
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def is_unaltered(file: Path, size: int, mtime_ns: int, sha256: str) -> bool:
    """Whether `file` is there with this size and either this time of change or this digest."""
    try:
        status = file.stat()
    except OSError:
        return False
    return status.st_size == size and (status.st_mtime_ns == mtime_ns or file_digest(file) == sha256)


def file_digest(file: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def known_digest(file: Path) -> str:
    """The same of a file that people bring, read again only where its time of change, size or inode is another."""
    return _known_digest(file, file_stamp(file))


@lru_cache(maxsize=64)
def _known_digest(file: Path, _stamp: tuple[int, ...]) -> str:
    return file_digest(file)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, in hexadecimal; the order of keys does not count."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def digest_outputs(outputs: Iterable[Output]) -> str:
    """What the stages behind see of `outputs`: their paths and contents."""
    return digest_of(sorted((output.path, output.sha256) for output in outputs))
