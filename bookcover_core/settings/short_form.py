"""The short form that begins a study: few words, from which its settings are made."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bookcover_core.errors import FolderError
from bookcover_core.settings import BookSource, CoverSource, StudySettings, is_remote
from bookcover_core.settings.toml_file import parse_settings


def fill_in(
    name: str, books: str, covers: str, networks: Sequence[str], undecided: str, changes: Sequence[str]
) -> StudySettings:
    """The settings of a study that is begun with the short form, whose fields `flows.study.begin_study` describes.

    Raises:
        FolderError: There are no such books or covers on this machine.
        SettingsError: A field or a change is impossible.
    """
    values: dict[str, Any] = {"name": study_name(name, books), "curation": {"undecided": undecided}}
    if networks:
        values["training"] = {"backbones": list(networks)}
    if books.strip():
        values["books"] = _books(books.strip())
    if covers.strip():
        place = _existing(covers, "covers", "a folder or a zip file of the covers")
        source = CoverSource.FOLDER if place.is_dir() else CoverSource.ARCHIVE
        values["covers"] = {"source": source, "location": str(place)}
    return parse_settings(values, changes, where="the form")


def settings_of_folder(
    folder: str, changes: Sequence[str] = (), *, networks: Sequence[str] = ("MobileNetV2",), name: str = ""
) -> StudySettings:
    """The settings of a study of the pictures in `folder`, which has a subfolder for each genre; box sets are kept.

    Raises:
        FolderError: There is no such folder.
        SettingsError: A change is impossible.
    """
    if not folder.strip():  # an empty variable; the short form would take the dissertation's books
        raise FolderError("no folder is named", where="folder", advice="Name one with a subfolder for each genre.")
    if not Path(folder).expanduser().is_dir():
        raise FolderError("there is no such folder", where=folder, advice="Name one with a subfolder for each genre.")
    return fill_in(name, folder, "", networks, "keep", changes)


def study_name(name: str, books: str) -> str:
    """The name that a study gets: its own or, where none is given, that of its books."""
    if name.strip() or not books.strip():
        return name.strip() or StudySettings().name
    path = urlsplit(books).path if is_remote(books) else books
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(unquote(path.strip())).expanduser().stem).strip("-._") or "study"


def _books(books: str) -> dict[str, str]:
    if is_remote(books):
        return {"source": BookSource.LISTING, "listing": books}
    place = _existing(books, "books", "a folder of pictures, or the file or address of a listing")
    kind = "folder" if place.is_dir() else "listing"
    return {"source": kind, kind: str(place)}


def _existing(text: str, field: str, wanted: str) -> Path:
    """What a person named, as it lies on this machine."""
    place = Path(text.strip()).expanduser().resolve()
    if not place.exists():
        raise FolderError(f"there is no {place} on this machine", where=field, advice=f"Name {wanted}.")
    return place
