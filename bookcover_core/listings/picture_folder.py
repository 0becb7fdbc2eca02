"""A folder of images as a listing: one subfolder per genre, one record per image."""

import logging
import os
from collections import Counter
from pathlib import Path, PurePosixPath

from bookcover_core.errors import FolderError
from bookcover_core.genres import Genre, join_spellings, number_genres
from bookcover_core.listings.books import Book
from bookcover_core.listings.image_files import FoundFile, LeftOut, has_image_suffix, list_files, why_no_image
from bookcover_core.listings.text_decoding import decode
from bookcover_core.pipeline.workspace import safe_name

logger = logging.getLogger(__name__)

# Names that people give to the sides of a split.
_SPLIT_NAMES = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing"})

_SHOWN = 3  # files that are left out, that a message names


def list_pictures(folder: Path, own: Path | None = None) -> tuple[list[FoundFile], list[LeftOut]]:
    """The images in the subfolders of `folder`, one for each genre, sorted; and what is no book.

    Hidden files, other programs' folders (`@eaDir`, `__MACOSX`) and folders of studies, such as `own`, are not read.
    Raises `FolderError` where the folder cannot be read, holds no image in a subfolder, or is a study's; or sides of a
    split.
    """
    advice = "Check books.folder and its permissions; a file is named in books.listing."
    files, left_out, read = list_files(folder, advice, own)
    folders = sorted(decode(os.fsencode(path.name)) for path in read if path.parent == folder)
    pictures = []
    for file in files:
        if "/" not in file.name:
            if has_image_suffix(file.name):
                left_out.append(LeftOut(file.name, "an image beside the genres' folders: it has no genre"))
        elif reason := why_no_image(folder, file.name):
            left_out.append(LeftOut(file.name, reason))
        else:
            pictures.append(file)
    genres = {picture.name.partition("/")[0] for picture in pictures}
    empty = (folder for folder in folders if folder not in genres)
    left_out += [LeftOut(genre, "a folder without an image: it is no genre") for genre in empty]
    if not pictures:
        missing = "no pictures in its subfolders" if folders else "no subfolders"
        raise FolderError(f"there are {missing}", where=folder, advice="Put the pictures of each genre in a subfolder.")
    if len(genres) > 1 and {genre.casefold() for genre in genres} <= _SPLIT_NAMES:
        what = f"the subfolders are sides of a split, not genres ({', '.join(sorted(genres))})"
        advice = "A study draws its own split: put all pictures of a genre in one folder, or name one side's folder."
        raise FolderError(what, where=folder, advice=advice)
    return sorted(pictures, key=lambda picture: picture.name.partition("/")), left_out


def log_left_out(folder: Path, left_out: list[LeftOut]) -> None:
    """Log what is left out, a line for each subfolder and reason."""
    named: dict[tuple[str, str], list[str]] = {}
    for name, reason in left_out:
        named.setdefault((name.partition("/")[0] if "/" in name else "", reason), []).append(name)
    for (genre, reason), names in sorted(named.items()):
        more = ", ..." if len(names) > _SHOWN else ""
        shown = ", ".join(map(repr, names[:_SHOWN]))
        logger.warning("%s: %d left out (%s): %s%s", folder / genre, len(names), reason, shown, more)


def as_books(pictures: list[FoundFile]) -> tuple[list[Genre], list[Book], dict[str, str]]:
    """The genres, by name; one book for each picture; and the folders that are read as another genre's spelling.

    A book's key is the stem of its picture's name. Where several pictures have one stem, all of them get the genre's
    slug before it, and those of one genre a number behind it, so that no key depends on what other genres hold first.
    FILENAME is the path below the folder that the genre is called after.
    """
    places = [picture.name.partition("/") for picture in pictures]
    joined = join_spellings(Counter(folder for folder, _, _ in places))
    genres = number_genres(sorted({joined.get(folder, folder) for folder, _, _ in places}))
    by_name = {genre.name: genre for genre in genres}
    count = Counter(safe_name(PurePosixPath(name).stem) for _, _, name in places)
    taken: set[str] = set()
    books: list[Book] = []
    for folder, _, name in places:
        genre, stem = by_name[joined.get(folder, folder)], PurePosixPath(name).stem
        filename = name if genre.name == folder else f"../{folder}/{name}"
        plain = stem if count[safe_name(stem)] == 1 else f"{genre.slug}-{stem}"
        key, number = plain, 1
        while safe_name(key) in taken:
            number += 1
            key = f"{plain}-{number}"
        taken.add(safe_name(key))
        books.append(Book(key, filename, "", stem, "", str(genre.label), genre.name))
    return genres, books, {spelt: name for spelt, name in joined.items() if spelt != name}
