"""Pictures that are at hand: in a folder or a zip file, found by FILENAME directly in it or anywhere below."""

import os
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from bookcover_core.covers.image_checks import ImageCheck
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.errors import FolderError
from bookcover_core.listings.books import Book
from bookcover_core.listings.picture_folder import picture_path
from bookcover_core.listings.text_decoding import decode, encode
from bookcover_core.settings import BookSource, CoverSource, StudySettings

# Flag of a file in an archive that needs a password.
_ENCRYPTED = 0x1

# What macOS puts into its archives: no pictures, though they have the pictures' names.
_MAC_OS = "__MACOSX"

# Parts of a path that are no names.
_STEPS = frozenset({".", ".."})


class LocalImage(NamedTuple):
    """A picture of a local source."""

    name: str
    """Its name there."""
    bytes: int
    stamp: int
    """Time of change of a file; CRC-32 of a picture in a zip file."""


class LocalSource(Protocol):
    """Where pictures are looked up."""

    def find(self, book: Book) -> LocalImage | None:
        """The picture of a book; None where there is none."""

    def read(self, item: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, of which no more than `limit` + 1 are read; or why it cannot be read."""


class GenreFolderSource:
    """The folder that the books themselves were read from: one subfolder for each genre."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, book: Book) -> LocalImage | None:
        """The picture of a book; None where there is none."""
        file = picture_path(self._folder, book.category, book.filename)
        try:
            status = file.stat()
        except OSError:
            return None
        return LocalImage(f"{book.category}/{book.filename}", status.st_size, status.st_mtime_ns)

    def read(self, item: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, or why it cannot be read."""
        return _read_file(self._folder / os.fsdecode(encode(item.name)), limit)


class FolderSource:
    """A folder with pictures anywhere in it. Hidden files and folders are left out."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FolderError("the folder of pictures is not there", where=folder, advice="Check covers.location.")
        self._folder = folder
        self._names = _by_last_part(_names_below(folder))

    def find(self, book: Book) -> LocalImage | None:
        """The picture of a book; None where there is none."""
        name = _choose(self._names, book)
        if name is None:
            return None
        try:
            status = (self._folder / os.fsdecode(encode(name))).stat()
        except OSError:
            return None
        return LocalImage(name, status.st_size, status.st_mtime_ns)

    def read(self, item: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, or why it cannot be read."""
        return _read_file(self._folder / os.fsdecode(encode(item.name)), limit)


class ZipSource:
    """A zip file. Nothing of it is unpacked to disk, so that no name in it can lead out of the study's folder."""

    def __init__(self, file: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except (OSError, zipfile.BadZipFile) as error:
            raise FolderError(
                f"the archive cannot be read as a zip file ({error})", where=file, advice="Check covers.location."
            ) from error
        self._infos = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        self._names = _by_last_part(self._infos)

    def find(self, book: Book) -> LocalImage | None:
        """The picture of a book; None where there is none."""
        name = _choose(self._names, book)
        if name is None:
            return None
        return LocalImage(name, self._infos[name].file_size, self._infos[name].CRC)

    def read(self, item: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, or why it cannot be read."""
        info = self._infos[item.name]
        if info.flag_bits & _ENCRYPTED:
            return ImageCheck(CoverOutcome.REFUSED, "encrypted in its archive")
        try:
            with self._archive.open(info) as content:
                return content.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            return ImageCheck(CoverOutcome.NOT_AN_IMAGE, f"damaged in its archive ({error})")
        except (OSError, NotImplementedError) as error:
            return ImageCheck(CoverOutcome.FAILED, str(error))


def open_local_source(settings: StudySettings) -> LocalSource | None:
    """Where the study's pictures are at hand; None where they are fetched by http.

    Raises:
        FolderError: The folder or archive cannot be used.
    """
    if settings.books.source is BookSource.FOLDER:
        return GenreFolderSource(Path(str(settings.books.folder)).expanduser())
    if settings.covers.source is CoverSource.HTTP:
        return None
    location = Path(str(settings.covers.location)).expanduser()
    return FolderSource(location) if settings.covers.source is CoverSource.FOLDER else ZipSource(location)


def _read_file(file: Path, limit: int) -> bytes | ImageCheck:
    try:
        with file.open("rb") as content:
            return content.read(limit + 1)
    except FileNotFoundError:
        return ImageCheck(CoverOutcome.MISSING, "the file is gone")
    except OSError as error:
        return ImageCheck(CoverOutcome.FAILED, f"the file cannot be read ({error.strerror})")


def _names_below(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder`, relative to it, with forward slashes."""
    for parent, _, files in os.walk(folder):
        below = Path(parent).relative_to(folder)
        for name in files:
            yield decode(os.fsencode((below / name).as_posix()))


def _by_last_part(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what stands behind their last slash; the shortest way down first."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        parts = name.split("/")
        if not any(part == _MAC_OS or (part.startswith(".") and part not in _STEPS) for part in parts):
            found[parts[-1]].append(name)
    for same in found.values():
        same.sort(key=lambda name: (name.count("/"), name))
    return found


def _choose(names: dict[str, list[str]], book: Book) -> str | None:
    """The name for a book: where several folders hold its FILENAME, the one in a folder called like its category."""
    found = names.get(book.filename.rpartition("/")[2], [])
    in_category = [name for name in found if book.category in name.split("/")[:-1]]
    return next(iter([*in_category, *found]), None)
