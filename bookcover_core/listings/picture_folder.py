"""A folder of images as a listing: one subfolder per genre, one record per image."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bookcover_core.errors import FolderError
from bookcover_core.genres import Genre, number_genres
from bookcover_core.listings.records import Record
from bookcover_core.listings.text_decoding import decode, encode
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.workspace import safe_name

# Suffixes of image files; their real format is detected when the covers are imported.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")


# A safe name (`workspace.safe_name`) that is longer may have been cut, and then be that of another picture too.
_LONGEST_NAME = 199


class FolderPicture(NamedTuple):
    """A picture below the folder of its genre."""

    genre: str
    """Name of the genre's folder."""
    name: str
    """Path below the genre's folder, with forward slashes."""
    bytes: int
    mtime_ns: int


class KeyedRecord(NamedTuple):
    """A picture as a book."""

    key: str
    record: Record


def list_pictures(folder: Path) -> list[FolderPicture]:
    """All pictures in the subfolders of `folder`, sorted; hidden files and folders are left out.

    Raises:
        FolderError: The folder cannot be read, has no subfolders, or no pictures in them.
    """
    try:
        genres = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        pictures = [picture for genre in genres for picture in sorted(_walk(folder / genre))]
    except OSError as error:
        raise FolderError(
            f"the folder cannot be read ({error.strerror})",
            where=error.filename or folder,
            advice="Check books.folder.",
        ) from error
    if not pictures:
        missing = f"no pictures ({', '.join(EXTENSIONS)}) in its subfolders" if genres else "no subfolders"
        raise FolderError(f"there are {missing}", where=folder, advice="Put the pictures of each genre in a subfolder.")
    return pictures


def _walk(genre: Path) -> Iterator[FolderPicture]:
    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(genre, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith(".") or not name.lower().endswith(EXTENSIONS):
                continue
            file = Path(parent, name)
            status = file.stat()
            below = _text(file.relative_to(genre).as_posix())
            if len(safe_name(below)) > _LONGEST_NAME:
                raise FolderError("the name of the picture is too long", where=file, advice="Give it a shorter one.")
            yield FolderPicture(_text(genre.name), below, status.st_size, status.st_mtime_ns)


def _text(name: str) -> str:
    """A name of the file system as valid text, even where its bytes are no UTF-8."""
    return decode(os.fsencode(name))


def picture_path(folder: Path, genre: str, name: str) -> Path:
    """The file of the picture that `list_pictures` calls `genre` and `name`."""
    return folder / os.fsdecode(encode(genre)) / os.fsdecode(encode(name))


def pictures_digest(pictures: list[FolderPicture]) -> str:
    """Digest of the images as a stage's input: their names, sizes and times of change."""
    return digest_of([list(picture) for picture in pictures])


def as_books(pictures: list[FolderPicture]) -> tuple[list[Genre], list[KeyedRecord]]:
    """The genres, by name, and one book for each picture.

    A book's key is the stem of its picture's name. Where several pictures have one stem, all of them get the genre's
    slug before it, and those of one genre a number behind it, so that no key depends on what other genres hold first.
    """
    genres = number_genres(sorted({picture.genre for picture in pictures}))
    by_name = {genre.name: genre for genre in genres}
    stems = [PurePosixPath(picture.name).stem for picture in pictures]
    count = Counter(safe_name(stem) for stem in stems)
    taken: set[str] = set()
    books: list[KeyedRecord] = []
    for picture, stem in zip(pictures, stems, strict=True):
        genre = by_name[picture.genre]
        plain = stem if count[safe_name(stem)] == 1 else f"{genre.slug}-{stem}"
        key, number = plain, 1
        while safe_name(key) in taken:
            number += 1
            key = f"{plain}-{number}"
        taken.add(safe_name(key))
        books.append(KeyedRecord(key, Record("", picture.name, "", stem, "", str(genre.label), genre.name)))
    return genres, books
