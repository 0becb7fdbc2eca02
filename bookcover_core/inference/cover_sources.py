"""Which covers a person means: files, folders of pictures, addresses."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.inference.answers import Unreadable
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.listings.image_files import NO_IMAGE, LeftOut, file_path, name_kind, walk_files, why_no_image


class CoverInput(NamedTuple):
    """A picture to judge, not yet read."""

    name: str
    """As the person names it."""
    at: Path | Address | bytes
    """Its file, its address, or its content."""
    text: BookText = UNKNOWN_TEXT
    """Title and author, where they are known."""


def find_covers(names: Iterable[str]) -> Iterator[CoverInput | Unreadable]:
    """The covers that `names` mean, in their order; those of a folder by name, its subfolders' too.

    A named file counts whatever it is called; of a folder all images, told by suffix or content, hidden ones aside. No
    image is decoded, and no host is requested.

    Args:
        names: Files, folders, http or https addresses.
    """
    for name in names:
        if "://" in name:
            yield _address(name)
            continue
        file = _expand(name)
        try:
            mode = file.stat().st_mode
        except (OSError, ValueError) as error:
            yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason=_why_missing(file, error))
            continue
        if stat.S_ISDIR(mode):
            yield from _folder(name, file)
        elif stat.S_ISREG(mode):
            yield CoverInput(name, file)
        else:
            reason = f'{name_kind(mode)}, which is not read: name a picture, or "-" for the standard input'
            yield Unreadable(source=name, outcome=CoverOutcome.REFUSED, reason=reason)


def _expand(name: str) -> Path:
    """The path of a name; as it stands where it begins with the home folder of nobody."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def _why_missing(file: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "a link to nothing" if file.is_symlink() else "there is no such file, folder or address"
    return f"it cannot be looked at ({getattr(error, 'strerror', None) or error})"


def _address(name: str) -> CoverInput | Unreadable:
    try:
        return CoverInput(name, parse_address(name))
    except ValueError as error:
        return Unreadable(source=name, outcome=CoverOutcome.REFUSED, reason=str(error))


def _folder(name: str, folder: Path) -> Iterator[CoverInput | Unreadable]:
    left_out: list[LeftOut] = []
    try:
        files = list(walk_files(folder, left_out, is_strict=False))
    except OSError as error:
        reason = f"the folder cannot be read ({error.strerror})"
        yield Unreadable(source=str(error.filename), outcome=CoverOutcome.FAILED, reason=reason)
        return
    reasons = {file.name: why_no_image(folder, file.name) for file in files}
    found = sorted(each for each, reason in reasons.items() if not reason)
    left_out += [LeftOut(each, reason) for each, reason in reasons.items() if reason not in {"", NO_IMAGE}]
    for below, reason in left_out:
        yield Unreadable(source=str(Path(name) / file_path(Path(), below)), outcome=CoverOutcome.MISSING, reason=reason)
    if not found and not left_out:
        yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason="no images in this folder or below it")
    for each in found:
        file = file_path(folder, each)
        yield CoverInput(str(Path(name) / file.relative_to(folder)), file)
