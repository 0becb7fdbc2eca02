"""The short form that begins a study: few words, from which its settings are made."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bookcover_core.errors import FolderError, SettingsError
from bookcover_core.settings import SETTINGS_FILE, BookSource, PoolCovers, StudySettings, is_remote, is_study_folder
from bookcover_core.settings.toml_file import parse_settings

_LONGEST_STEM = 80  # characters of a folder's name that the name of a study keeps


def fill_in(
    name: str,
    books: str,
    covers: str,
    networks: Sequence[str],
    undecided: str,
    changes: Sequence[str],
    pool: PoolCovers = "all",
) -> StudySettings:
    """The settings of a study that is begun with the short form, whose fields `flows.study.begin_study` describes.

    `FolderError` where there are no such books or covers here, `SettingsError` where a field or change is impossible.
    """
    placed = [change for change in changes if change.partition("=")[0].strip() == "workspace"]
    studies = parse_settings({}, placed, where="the form").root.parent
    values: dict[str, Any] = {
        "name": study_name(name, books, studies),
        "books": _books(books.strip()),
        "covers": {"pool": pool},
        "curation": {"undecided": undecided},
        "training": {"backbones": list(networks)} if networks else {},
    }
    if covers.strip():
        place = _existing(covers, "covers", "a folder or a zip file of the covers")
        values["covers"] |= {"source": "folder" if place.is_dir() else "archive", "location": str(place)}
    settings = parse_settings(values, changes, where="the form")
    earlier, now = _begun_with(settings.root), _source_of(settings.books.model_dump(mode="json"))
    # A run that is tried again meets the study that it began, whose books a person may have put right.
    is_retried = earlier and books.strip() and earlier[1] == _place(books)
    if earlier and earlier != now and not is_retried:
        what = f"a study of this name is there already, of other books ({' '.join(earlier)})"
        take_up = f"take that one up by its name: `bookcover run` {settings.name}, with --set for what has changed."
        raise SettingsError(what, where=settings.root, advice=f"Name this one otherwise, or {take_up}")
    return settings


def settings_of_folder(
    folder: str, changes: Sequence[str] = (), *, networks: Sequence[str] = ("MobileNetV2",), name: str = ""
) -> StudySettings:
    """The settings of a study of the pictures in `folder`, which has a subfolder for each genre; box sets are kept.

    `FolderError` where there is no such folder, `SettingsError` where a change is impossible.
    """
    place = _resolved(folder)
    if not folder.strip() or not place.is_dir():
        what = "this is a file, not a folder" if place.is_file() else "there is no such folder"
        what = what if folder.strip() else "no folder is named"  # but an empty variable
        raise FolderError(what, where=folder or "folder", advice="Name one with a subfolder for each genre.")
    return fill_in(name, folder, "", networks, "keep", changes)


def study_name(name: str, books: str, studies: Path | None = None) -> str:
    """The name that a study gets: its own or, where none is given, that of its books (empty: the dissertation's).

    A short digest of their place tells apart what the name of a study cannot: letters beyond ASCII, and books of the
    same last name, of which another study is there already, in the folder `studies` (default: that of this home).
    """
    if name.strip() or not books.strip():
        return name.strip() or StudySettings().name
    studies = studies or StudySettings().root.parent
    place = _place(books)
    stem = Path(unquote(urlsplit(place).path) if is_remote(place) else place).stem
    marked = unicodedata.normalize("NFKD", stem)
    letters = "".join(each for each in marked if not unicodedata.combining(each))
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", letters).strip("-._")[:_LONGEST_STEM]
    told_apart = f"{plain or 'study'}-{hashlib.sha256(place.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    is_whole = plain and all(each.isascii() or not each.isalnum() for each in letters)
    other = _begun_with(studies / plain)
    is_free = (other is None or other[1] == place) and not is_study_folder(studies / told_apart)
    return plain if is_whole and is_free else told_apart


def _begun_with(study: Path) -> tuple[str, str] | None:
    """Kind and place of the books of the study in a folder; None where no study lies there."""
    return _source_of(json.loads((study / SETTINGS_FILE).read_bytes())["books"]) if is_study_folder(study) else None


def _source_of(books: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the place of the books that stored settings name; no place where there are several."""
    source = str(books.get("source") or BookSource.BOOKCOVER30)
    place = str(books.get(source) or "")
    return source, place and _place(place)


def _place(books: str) -> str:
    """The address of books, or their path on this machine."""
    return books.strip() if is_remote(books.strip()) else str(_resolved(books))


def _resolved(place: str) -> Path:
    path = Path(place.strip())
    with suppress(RuntimeError):  # the home folder of nobody
        path = path.expanduser()
    return path.resolve()


def _books(books: str) -> dict[str, str]:
    if not books:
        return {}
    if is_remote(books):
        return {"source": BookSource.LISTING, "listing": books}
    place = _existing(books, "books", "a folder of pictures, or the file or address of a listing")
    kind = "folder" if place.is_dir() else "listing"
    return {"source": kind, kind: str(place)}


def _existing(text: str, field: str, wanted: str) -> Path:
    """What a person named, as it lies on this machine."""
    place = _resolved(text)
    if not place.exists():
        raise FolderError(f"there is no {place} on this machine", where=field, advice=f"Name {wanted}.")
    return place
