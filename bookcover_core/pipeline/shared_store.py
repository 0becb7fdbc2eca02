"""A store that homes share, at whatever address fsspec opens: results by the key of what they were made from.

    <address>/<stage>/<key>.zip     the files of a part of a stage, each under its SHA-256, and its manifest

A bundle is packed here and sent whole. What breaks off or has a flipped bit is removed there, and made again: every
file is held against its digest before it takes its place. Who may open the address, the environment says, as the
file system has it (AWS_ACCESS_KEY_ID, say); no setting holds it.
"""

import hashlib
import logging
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

from bookcover_core.errors import BookcoverError, SettingsError, SharedStoreError
from bookcover_core.pipeline.manifests import Manifest, Output, digest_outputs
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.settings import StudySettings

logger = logging.getLogger(__name__)

INPUTS = "inputs"
"""As what the inputs of a part that a worker elsewhere is to do are kept."""

_MANIFEST = "manifest.json"

# What opening a bundle raises that is not whole, or not one of ours: `ValueError` is pydantic's too.
_DAMAGED = (BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError)

# Seconds for which a store that could not be used is left aside, and when each, by its address, is tried again.
_PAUSE = 300.0
_paused: dict[str, float] = {}

T = TypeVar("T")


class SharedStore:
    """The shared store at an address, such as "s3://bucket/prefix"."""

    def __init__(self, address: str) -> None:
        self.address = address

    @classmethod
    def of(cls, settings: StudySettings) -> "SharedStore | None":
        """The shared store of a study, if it has one."""
        return cls(settings.shared_store) if settings.shared_store else None

    def check(self) -> None:
        """Return where what opens the address is installed; `SettingsError` otherwise. Nobody is asked."""
        with self._opened():
            pass

    def put(self, manifest: Manifest, root: Path) -> None:
        """Put a part with its files, as they lie below `root`, unless it is there; else `SharedStoreError`."""
        with self._opened() as (there, place), TemporaryDirectory(prefix="bookcover-") as folder:
            target = f"{place}/{manifest.stage}/{manifest.key}.zip"
            if there.exists(target):
                return
            bundle = Path(folder) / "bundle.zip"
            with ZipFile(bundle, "w", strict_timestamps=False) as packed:
                packed.writestr(_MANIFEST, manifest.model_dump_json())
                for output in manifest.files(root):
                    if output.sha256 not in packed.NameToInfo:
                        packed.write(root / output.path, output.sha256)
            _send(there, bundle, target)

    def bring(self, stage: str, key: str, root: Path) -> Manifest | None:
        """A part's manifest, with its files put in their places below `root`; None where the store has no sound one.

        `SharedStoreError` where it cannot be asked, `DiskFullError` or `WorkspaceError` where nothing can be written.
        """
        with self._opened() as (there, place), TemporaryDirectory(prefix="bookcover-") as folder:
            source, bundle = f"{place}/{stage}/{key}.zip", Path(folder) / "bundle.zip"
            try:
                there.get_file(source, str(bundle))
            except FileNotFoundError:
                return None
            try:
                with ZipFile(bundle) as packed:
                    manifest = Manifest.model_validate_json(packed.read(_MANIFEST))
                    if (manifest.stage, manifest.key) != (stage, key):
                        raise BadZipFile("it is another part's")
                    for output in manifest.files(root):
                        _unpack(packed, output, root)
            except _DAMAGED as error:
                logger.warning("%s/%s/%s.zip is damaged (%s), and is removed", self.address, stage, key, error)
                with suppress(Exception):  # it may be read-only
                    there.rm_file(source)
                return None
            return manifest

    def put_inputs(self, files: Iterable[Path], root: Path) -> str:
        """Put those of `files` that are there, for `bring`: the key by which they are asked for. Raises as `put`."""
        outputs = [Output.of(file, root) for file in dict.fromkeys(files) if file.is_file()]
        key = digest_outputs(outputs)
        about: dict[str, Any] = {"code": "", "settings": {}, "inputs": {}, "seconds": 0, "finished": datetime.now(UTC)}
        self.put(Manifest(stage=INPUTS, key=key, outputs=outputs, digest=key, **about), root)
        return key

    def keep(self, manifest: Manifest, root: Path) -> None:
        """`put`, without which a study goes on: what was wrong is logged."""
        self._try(lambda: self.put(manifest, root))

    def give(self, stage: str, key: str, root: Path) -> Manifest | None:
        """`bring`, without which a study goes on: what was wrong is logged."""
        return self._try(lambda: self.bring(stage, key, root))

    def _try(self, work: Callable[[], T]) -> T | None:
        if time.monotonic() < _paused.get(self.address, 0.0):
            return None
        try:
            return work()
        except BookcoverError as error:
            _paused[self.address] = time.monotonic() + _PAUSE
            logger.warning("%s The study goes on without it, and asks again after %d minutes.", error, _PAUSE // 60)
            return None

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """The file system at the address, and its place there; whatever is wrong with it is told in our words."""
        try:
            from fsspec.core import url_to_fs  # noqa: PLC0415 - for those alone who share a store

            there, place = url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            what = f"the shared store {self.address!r} cannot be opened ({_told(error)})"
            advice = 'For s3://, `pip install "bookcover[s3]"`; for others, the package that it names. Or leave it out.'
            raise SettingsError(what, where="shared_store", advice=advice) from error
        try:
            yield there, place.rstrip("/")
        except BookcoverError:
            raise
        except Exception as error:
            what = f"the shared store cannot be used ({_told(error)})"
            advice = "See that the address is right, its bucket answers, and the environment holds what opens it."
            raise SharedStoreError(what, where=self.address, advice=advice) from error


def _told(error: Exception) -> str:
    """What is said of an error of whatever file system, in a line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _send(there: Any, bundle: Path, target: str) -> None:
    """Put a bundle in its place, whole: a bucket takes no other, and in a folder it has another name until then."""
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - as above

    if not isinstance(there, LocalFileSystem):
        there.put_file(str(bundle), target)
        return
    there.makedirs(target.rpartition("/")[0], exist_ok=True)
    there.put_file(str(bundle), other := f"{target}.{secrets.token_hex(8)}")
    there.mv(other, target)


def _unpack(packed: ZipFile, output: Output, root: Path) -> None:
    """Put a file of a bundle in its place, if it has the right content; as it was changed when, too."""
    path = PurePosixPath(output.path)
    if path.is_absolute() or ".." in path.parts or len(path.parts) == 1:
        raise BadZipFile(f"{output.path} lies where no stage writes")
    if output.stands(root):
        return
    digest = hashlib.sha256()
    with packed.open(output.sha256) as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != output.sha256:
        raise BadZipFile(f"{output.path} has another content")
    with packed.open(output.sha256) as content, atomic(root / path) as new, new.open("wb") as file:
        shutil.copyfileobj(content, file)
    os.utime(root / path, ns=(output.mtime_ns, output.mtime_ns))
