"""Which covers a person means: files, folders of pictures, addresses."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.inference.answers import Unreadable
from bookcover_core.listings.picture_folder import EXTENSIONS


class Cover(NamedTuple):
    """A picture to judge, not yet read."""

    name: str
    """As the person names it."""
    at: Path | Address | bytes
    """Its file, its address, or its content."""


def find_covers(names: Iterable[str]) -> Iterator[Cover | Unreadable]:
    """The covers that `names` mean, in their order; those of a folder by name, its subfolders' too.

    Files that are named count whatever their names end with; of a folder, those whose names end as pictures' do, and
    hidden ones do not. No picture is read, and no host asked.

    Args:
        names: Files, folders, http or https addresses.
    """
    for name in names:
        if "://" in name:
            yield _address(name)
        elif Path(name).expanduser().is_dir():
            yield from _folder(name, Path(name).expanduser())
        elif not Path(name).expanduser().is_file():
            yield Unreadable(
                source=name, outcome=CoverOutcome.MISSING, reason="there is no such file, folder or address"
            )
        else:
            yield Cover(name, Path(name).expanduser())


def _address(name: str) -> Cover | Unreadable:
    try:
        return Cover(name, parse_address(name))
    except ValueError as error:
        return Unreadable(source=name, outcome=CoverOutcome.REFUSED, reason=str(error))


def _folder(name: str, folder: Path) -> Iterator[Cover | Unreadable]:
    found: list[Path] = []
    refused: list[Unreadable] = []

    def refuse(error: OSError) -> None:
        reason = f"the folder cannot be read ({error.strerror})"
        refused.append(Unreadable(source=str(error.filename), outcome=CoverOutcome.FAILED, reason=reason))

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [each for each in folders if not each.startswith(".")]
        found += [
            Path(parent, each) for each in files if each.lower().endswith(EXTENSIONS) and not each.startswith(".")
        ]
    yield from refused
    if not found and not refused:
        reason = f"no pictures ({', '.join(EXTENSIONS)}) in this folder or below it"
        yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason=reason)
    for file in sorted(found):
        yield Cover(str(Path(name) / file.relative_to(folder)), file)
