"""The records of a listing file, in its order, none altered and none lost.

A listing is a file of the form of uchidalab/book-dataset: no header, seven quoted columns,
"ASIN","FILENAME","IMAGE URL","TITLE","AUTHOR","CATEGORY ID","CATEGORY". It is read line by line, and each record is
checked as it comes; what is malformed is refused, or set aside, with the line of the file that it begins on.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from bookcover_core.errors import ListingError
from bookcover_core.listings.text_decoding import decode
from bookcover_core.pipeline.workspace import safe_name

COLUMNS = ("ASIN", "FILENAME", "IMAGE URL", "TITLE", "AUTHOR", "CATEGORY ID", "CATEGORY")

# A byte order mark may stand before the first record.
_BOM = b"\xef\xbb\xbf"

_ADDRESS = re.compile(r"https?://[^/?#\s]+(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CATEGORY_ID = re.compile(r"[0-9]{1,9}")

# A safe name (`workspace.safe_name`) that is longer may have been cut, and then be that of another book too.
_LONGEST_NAME = 199
# Whatever characters a FILENAME of this length holds (4 bytes of 3 characters each), its safe name is no longer.
_SHORT_NAME = _LONGEST_NAME // 12


class Record(NamedTuple):
    """One record of a listing, every field as the file has it."""

    asin: str
    filename: str
    url: str
    title: str
    author: str
    category_id: str
    category: str

    @property
    def key(self) -> str:
        """What identifies the book: the stem of FILENAME, because the ASIN column has lost leading zeros."""
        stem, dot, _ = self.filename.rpartition(".")
        return stem if dot and stem else self.filename


class MalformedRecord(NamedTuple):
    """A record that cannot be used."""

    file: str
    line: int
    """The line of the file that the record begins on, from 1."""
    reason: str


@dataclass
class Categories:
    """The categories met so far: one name for each id, in all listings of a study."""

    names: dict[str, str] = field(default_factory=dict)
    """Names by id."""
    ids: dict[str, str] = field(default_factory=dict)
    """Ids by name."""

    def fault(self, category_id: str, name: str) -> str:
        """Why a category cannot be used; empty, and the category is known from now on, if it can."""
        if self.names.get(category_id) == name:
            return ""
        if not _CATEGORY_ID.fullmatch(category_id):
            return f"CATEGORY ID is {category_id!r}, not a number"
        if not name.strip():
            return "CATEGORY is empty"
        if category_id in self.names:
            return f"category {category_id} is {name!r} here and {self.names[category_id]!r} before"
        if name in self.ids:
            return f"category {name!r} has the id {category_id} here and {self.ids[name]} before"
        self.names[category_id] = name
        self.ids[name] = category_id
        return ""


def read_records(
    file: Path,
    *,
    name: str | None = None,
    categories: Categories | None = None,
    skipped: list[MalformedRecord] | None = None,
) -> Iterator[Record]:
    """The records of the listing in `file`, in its order.

    Args:
        file: The listing.
        name: What messages call it; default: its path.
        categories: Those of listings read before, which the names and ids of this one must agree with.
        skipped: Where malformed records go; without it, the first one is an error.

    Raises:
        ListingError: The file cannot be read, holds no record, or holds a malformed one that is not to be skipped.
    """
    name = name or str(file)
    usable = 0
    first: MalformedRecord | None = None
    try:
        with file.open("rb") as content:
            for found in _checked(content, name, categories or Categories()):
                if isinstance(found, Record):
                    usable += 1
                    yield found
                    continue
                if skipped is None:
                    raise ListingError(
                        found.reason,
                        where=f"{name}, line {found.line}",
                        advice='Mend the line, or leave such records out with the setting books.malformed = "skip".',
                    )
                first = first or found
                skipped.append(found)
    except OSError as error:
        raise ListingError(
            f"the listing cannot be read ({error.strerror})", where=name, advice="Check the name of the file."
        ) from error
    if not usable:
        reason = f"no record can be used; line {first.line}: {first.reason}" if first else "the listing is empty"
        columns = ", ".join(COLUMNS)
        raise ListingError(reason, where=name, advice=f"A listing has the columns {columns}, and no header.")


def _checked(content: IO[bytes], name: str, categories: Categories) -> Iterator[Record | MalformedRecord]:
    lines_by_key: dict[str, int] = {}
    for line, fields in _split(content):
        if isinstance(fields, str):
            yield MalformedRecord(name, line, fields)
            continue
        fault = _fault(line, fields) or categories.fault(fields[5], fields[6])
        if fault:
            yield MalformedRecord(name, line, fault)
            continue
        # One string for all records of a category keeps a large listing small in memory.
        category_id = categories.ids[fields[6]]
        asin, filename, url, title, author = fields[:5]
        record = Record(asin, filename, url, title, author, category_id, categories.names[category_id])
        earlier = lines_by_key.setdefault(record.key, line)
        if earlier != line:
            yield MalformedRecord(name, line, f"the book {record.key!r} stands on line {earlier} already")
            continue
        yield record


def _fault(line: int, fields: list[str]) -> str:
    """Why a record with these fields cannot be used, its category aside; empty if it can."""
    if line == 1 and "filename" in (text.strip(" []").casefold() for text in fields):
        return "this is a header, which a listing does not have"
    if len(fields) != len(COLUMNS):
        noun = "field" if len(fields) == 1 else "fields"
        return f"{len(fields)} {noun} where {len(COLUMNS)} are expected"
    filename, url = fields[1], fields[2]
    if not filename.strip():
        return "FILENAME is empty"
    if len(filename) > _SHORT_NAME and len(safe_name(filename)) > _LONGEST_NAME:
        return f"FILENAME is too long ({len(filename)} characters)"
    if url and (not _ADDRESS.fullmatch(url) or _CONTROL.search(url)):
        return f"IMAGE URL is no http or https address: {url[:80]!r}"
    return ""


def _split(content: IO[bytes]) -> Iterator[tuple[int, list[str] | str]]:
    """Line and fields of each record; in place of the fields, what is wrong where quotes do not match.

    A quote that is never closed swallows the lines behind it. Only the line that it opens on is given up then, and
    reading goes on with the next one.
    """
    lines = _NumberedLines(content)
    reader = csv.reader(lines, strict=True)
    while True:
        first = lines.number + 1
        lines.taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, f"quotes that do not match ({error})"
            lines.put_back(after=first)
            reader = csv.reader(lines, strict=True)
            continue
        if fields:
            yield first, fields


class _NumberedLines:
    """Decoded lines of a file, numbered from 1, of which those last taken can be put back."""

    def __init__(self, content: IO[bytes]) -> None:
        self.number = 0
        """The number of the line taken last."""
        self.taken: list[str] = []
        """Lines of the record that is being read."""
        self._content = content
        self._waiting: deque[str] = deque()

    def __iter__(self) -> "_NumberedLines":
        return self

    def __next__(self) -> str:
        if self._waiting:
            line = self._waiting.popleft()
        else:
            raw = next(self._content)
            line = decode(raw.removeprefix(_BOM) if self.number == 0 else raw)
        self.number += 1
        self.taken.append(line)
        return line

    def put_back(self, *, after: int) -> None:
        """Let the lines behind line `after` be read again."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.number = after
