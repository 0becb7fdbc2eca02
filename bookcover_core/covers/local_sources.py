"""Local sources of covers: a folder or a zip file, in which FILENAMEs are found as `listings.name_index` says."""

import logging
import os
import stat
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import NamedTuple

from bookcover_core.covers.cover_store import CoverStore, Retrieval
from bookcover_core.covers.image_checks import ImageCheck
from bookcover_core.covers.ledger import CoverOutcome, LedgerRow
from bookcover_core.errors import FolderError
from bookcover_core.genres import slug
from bookcover_core.listings.books import POOL, Book, each_book
from bookcover_core.listings.image_files import file_path, has_image_magic, has_image_suffix, list_files
from bookcover_core.listings.name_index import NameIndex
from bookcover_core.listings.text_decoding import carry
from bookcover_core.listings.zip_members import ZIP_DAMAGE, open_member, visible_members, why_closed
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, file_stamp
from bookcover_core.settings import BookSource, CoverSource

logger = logging.getLogger(__name__)

_UTF8_NAME = 0x800  # flag of a member whose name is UTF-8; without it, zipfile takes the name for code page 437
_MOST_COMPARED = 5_000  # names among which the nearest likeness is looked for
_SHOWN = 3  # names that a message shows
_MOST_OPENED = 20  # files that are opened to see what they are
_HEAD = 1024  # bytes that tell it
_WHOLE_COPY = "Get a whole copy of it and check covers.location, or unpack it and name the folder there."

# A folder that changed so shortly before it was read may change again unnoticed: the clock of file systems is coarse.
_CLOCK_NS = 100_000_000


class LocalImage(NamedTuple):
    """An image of a local source."""

    name: str
    bytes: int
    stamp: int  # time of change of a file; CRC-32 of an image in a zip file
    is_exact: bool = True  # whether it has the FILENAME of its book, folders aside; else an equivalent name


class AmbiguousImage(NamedTuple):
    """Several images fit one book, or one image several books."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.names) - _SHOWN
        others = f" and {more} more" if more > 0 else ""
        reason = " fits several books of the listing" if len(self.names) == 1 else f"{others} fit"
        return ", ".join(self.names[:_SHOWN]) + reason


Found = LocalImage | AmbiguousImage | None


class GenreFolderSource:
    """The folder that the books themselves were read from: one subfolder per genre."""

    archives = ""  # the archives among the files, in words; empty where there is none

    def __init__(self, folder: Path) -> None:
        self._place = folder

    def find(self, book: Book) -> Found:
        """The image of a book; None where there is none."""
        return self._image(normpath(f"{book.category}/{book.filename}"))

    def _image(self, name: str, *, is_exact: bool = True) -> LocalImage | None:
        """The file called `name`; None where it is gone."""
        try:
            status = file_path(self._place, name).stat()
        except OSError:
            return None
        return LocalImage(name, status.st_size, status.st_mtime_ns, is_exact)

    def read(self, image: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, one more than `limit` at most, or why it cannot be read."""
        try:
            # A pipe that took the place of a file since would never end, nor even begin.
            descriptor = os.open(file_path(self._place, image.name), os.O_RDONLY | os.O_NONBLOCK)
            with open(descriptor, "rb") as content:  # noqa: PTH123 - Path.open knows no flags
                if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
                    return ImageCheck(CoverOutcome.FAILED, "no regular file")
                return content.read(limit + 1)
        except FileNotFoundError:
            return ImageCheck(CoverOutcome.MISSING, "the file is gone")
        except OSError as error:
            return ImageCheck(CoverOutcome.FAILED, f"the file cannot be read ({error.strerror})")

    def describe(self, missing: Sequence[Book]) -> str:
        """What is here in place of the `missing` books."""
        return f"{missing[0].category}/{missing[0].filename} is gone since the listings were read"

    def is_current(self) -> bool:
        """Whether no file has come, gone or changed its name since it was opened."""
        return True


class _NamedFiles(GenreFolderSource):
    """Files by name, and the rules by which books find theirs; in a folder, unless they are read otherwise."""

    def __init__(self, place: Path, names: Iterable[str], wanted: Iterable[str]) -> None:
        super().__init__(place)
        self._names = list(names)
        self._index = NameIndex(self._names, wanted)
        archives = [name for name in self._names if name.lower().endswith((".zip", ".tar", ".gz", ".rar", ".7z"))]
        if archives:
            self.archives = f"{len(archives):,} archives such as {archives[0]!r}, which are not opened"

    def find(self, book: Book) -> Found:
        match = self._index.find(book.filename, (book.category, slug(book.category)))
        if match.is_ambiguous:
            return AmbiguousImage(match.names)
        return self._image(match.names[0], is_exact=match.is_exact) if match.names else None

    def check(self) -> None:
        """Raise `FolderError` where no file is an image; of a large source, none of the first thousands."""
        looked = self._names[:_MOST_COMPARED]
        if not (any(map(has_image_suffix, looked)) or any(map(self._has_magic, looked[:_MOST_OPENED]))):
            advice = "Unpack archives that lie in it, or correct covers.location."
            raise FolderError(f"there is no image in it ({self._contents()})", where=self._place, advice=advice)

    def _has_magic(self, name: str) -> bool:
        image = self._image(name)
        head = self.read(image, _HEAD) if image else b""
        return isinstance(head, bytes) and has_image_magic(head)

    def _contents(self) -> str:
        if not self._names:
            return "there is no file in it"
        text = f"{len(self._names):,} files lie there, {sum(map(has_image_suffix, self._names)):,} of them images"
        return f"{text}, and {self.archives}" if self.archives else text

    def describe(self, missing: Sequence[Book]) -> str:
        if not self._names:
            return self._contents()
        last = {PurePosixPath(name).name: name for name in self._names[:_MOST_COMPARED]}
        [alike] = get_close_matches(PurePosixPath(missing[0].filename).name, last, n=1, cutoff=0.0)
        return f"looked for {missing[0].filename!r}; {self._contents()}; the name most like it is {last[alike]!r}"


class FolderSource(_NamedFiles):
    """A folder with images anywhere in it. Its files are listed once, as long as its folders do not change."""

    def __init__(self, folder: Path, wanted: Iterable[str], own: Path | None = None) -> None:
        self._read_at = time.time_ns()
        advice = 'Check covers.location and its permissions; a zip file takes covers.source = "archive".'
        files, _, self._folders = list_files(folder, advice, own)
        super().__init__(folder, (file.name for file in files), wanted)

    def is_current(self) -> bool:
        """Whether its folders have not changed since."""
        try:
            newest = self._read_at - _CLOCK_NS
            return all(path.stat().st_mtime_ns == then < newest for path, then in self._folders.items())
        except OSError:
            return False


class ZipSource(_NamedFiles):
    """A zip file. Nothing of it is unpacked to disk, so that no name in it can lead out of the study's folder."""

    def __init__(self, file: Path, wanted: Iterable[str]) -> None:
        try:
            if not file.is_file():
                what = "this is a folder, not a zip file" if file.is_dir() else "the archive is not there"
                advice = 'Check covers.location; a folder takes covers.source = "folder".'
                raise FolderError(what, where=file, advice=advice)
            self._archive = zipfile.ZipFile(file)
        except (OSError, ValueError, *ZIP_DAMAGE) as error:
            what = f"the archive cannot be read as a zip file ({_name_damage(file, error)})"
            raise FolderError(what, where=file, advice=_WHOLE_COPY) from error
        members = visible_members(self._archive)
        closed = [(info, reason) for info in members if (reason := why_closed(info))]
        if len(closed) > len(members) / 2:
            first = f"{_member_name(closed[0][0])!r} {closed[0][1]}"
            what = f"{len(closed):,} of {len(members):,} files of the archive cannot be unpacked: {first}"
            advice = "Unpack it, and name the folder with covers.source and covers.location."
            raise FolderError(what, where=file, advice=advice)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self._doubled: set[str] = set()
        for info in members:
            earlier = self._infos.setdefault(name := _member_name(info), info)
            if (earlier.CRC, earlier.file_size) != (info.CRC, info.file_size):
                self._doubled.add(name)
        super().__init__(file, self._infos, wanted)

    def check(self) -> None:
        """Raise `FolderError` where it holds no image, or where none of a few members of one packing can be read."""
        super().check()
        by_method: defaultdict[int, list[str]] = defaultdict(list)
        for name, info in self._infos.items():
            if not why_closed(info):
                by_method[info.compress_type].append(name)
        for names in by_method.values():
            tried = [self.read(self._image(name), _HEAD) for name in names[:_MOST_OPENED]]
            if isinstance(tried[0], ImageCheck) and not any(isinstance(head, bytes) for head in tried):
                what = f"{names[0]!r} cannot be read: {tried[0].detail}"
                raise FolderError(what, where=self._place, advice=_WHOLE_COPY)

    def find(self, book: Book) -> Found:
        """The image of a book; none of two members of one name that differ."""
        found = super().find(book)
        if isinstance(found, LocalImage) and found.name in self._doubled:
            return AmbiguousImage((found.name, f"another {found.name}"))
        return found

    def _image(self, name: str, *, is_exact: bool = True) -> LocalImage:
        info = self._infos[name]
        return LocalImage(name, info.file_size, info.CRC, is_exact)

    def read(self, image: LocalImage, limit: int) -> bytes | ImageCheck:
        """Its bytes, or why it cannot be read."""
        info = self._infos[image.name]
        if reason := why_closed(info):
            return ImageCheck(CoverOutcome.REFUSED, f"{reason} (in its archive)")
        try:
            with open_member(self._archive, info) as content:
                return content.read(limit + 1)
        except ZIP_DAMAGE as error:
            return ImageCheck(CoverOutcome.NOT_AN_IMAGE, f"damaged in its archive ({error})")
        except OSError as error:
            return ImageCheck(CoverOutcome.FAILED, str(error))


def open_local_source(study: Study) -> GenreFolderSource | None:
    """The study's local source of covers; None where they are fetched by http."""
    settings = study.settings
    if settings.books.source is BookSource.FOLDER:
        return GenreFolderSource(Path(str(settings.books.folder)).expanduser())
    if settings.covers.source is CoverSource.HTTP:
        return None
    study.manifest("listings")
    location = Path(str(settings.covers.location)).expanduser()
    is_archive = settings.covers.source is CoverSource.ARCHIVE
    own = None if is_archive else settings.root.parent
    stamps = file_stamp(study.workspace.books), file_stamp(location) if is_archive else ()
    if not _open_source(study.workspace, location, own, stamps).is_current():
        _open_source.cache_clear()
    return _open_source(study.workspace, location, own, stamps)


def _name_damage(file: Path, error: Exception) -> str:
    """Why a file is no zip file, in words."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    with file.open("rb") as content:
        is_zip, size = content.read(2) == b"PK", content.seek(0, os.SEEK_END)
        content.seek(max(0, size - _HEAD))
        ends_in_zeros = not any(content.read())
    if not is_zip:
        return "it is of another kind" if size else "it is empty"
    if ends_in_zeros:
        return "its end is zeros: it was not copied or downloaded to its end"
    return "it is cut off or damaged: its list of files, which stands at the end, is not there"


@lru_cache(maxsize=1)
def _open_source(
    workspace: Workspace, location: Path, own: Path | None, _stamps: tuple[tuple[int, ...], ...]
) -> FolderSource | ZipSource:
    """A source, kept: a study asks of each chunk whether it is done, and to list a large folder takes seconds."""
    wanted = (book.filename for book in each_book(workspace))
    return ZipSource(location, wanted) if own is None else FolderSource(location, wanted, own)


def check_coverage(study: Study, source: GenreFolderSource, books: Iterable[Book]) -> None:
    """Raise `FolderError` if a source lacks a larger share of `books`, the pool aside, than `covers.max_missing_share`.

    Archives among its files are logged: their covers count as missing.
    """
    books = [book for book in books if book.role != POOL]
    missing = [book for book in books if not isinstance(source.find(book), LocalImage)]
    where = study.settings.covers.location or study.settings.books.folder
    if len(missing) > study.settings.covers.max_missing_share * len(books):
        what = f"{len(missing):,} of {len(books):,} covers are not found ({source.describe(missing)})"
        advice = "Check covers.location and the FILENAMEs, or raise covers.max_missing_share to go on without them."
        raise FolderError(what, where=where, advice=advice)
    if missing and source.archives:
        logger.warning("%s: %d covers are not found; there are %s", where, len(missing), source.archives)


def import_cover(source: GenreFolderSource, store: CoverStore, book: Book, found: Found) -> LedgerRow:
    """The row of a book whose cover is copied from a local source, where it was `found`."""
    if found is None:
        return store.row(book, ImageCheck(CoverOutcome.MISSING, f"no {book.filename}"))
    if isinstance(found, AmbiguousImage):
        return store.row(book, ImageCheck(CoverOutcome.AMBIGUOUS, str(found)))
    if found.bytes > store.settings.max_bytes:
        verdict = ImageCheck(CoverOutcome.TOO_LARGE, f"{found.bytes:,} bytes")
    else:
        body = source.read(found, store.settings.max_bytes)
        verdict = body if isinstance(body, ImageCheck) else store.keep_if_cover([book], body)
    if verdict.outcome is CoverOutcome.OK and not found.is_exact:
        verdict = verdict._replace(detail=f"found as {found.name}")
    return store.row(book, verdict, Retrieval(found.name, attempts=1))


def _member_name(info: zipfile.ZipInfo) -> str:
    """The name of an archive's member, as `text_decoding` carries it. macOS and Linux write UTF-8 without saying so."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return carry(name)
