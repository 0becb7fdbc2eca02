"""The records of a listing file, in its order, none altered and none lost.

It has seven quoted columns and no header, as those of uchidalab/book-dataset, or is brought into this form by
`listing_format`. Each record is checked on its own; what is malformed is refused, or set aside, with its line.
"""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bookcover_core.errors import ListingError
from bookcover_core.genres import genre_form, join_spellings
from bookcover_core.listings.listing_format import (
    COLUMNS,
    ListingColumns,
    csv_fault,
    find_columns,
    find_delimiter,
    open_lines,
)

_ADDRESS = re.compile(r"https?://[^/?#\s]+(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
# Control characters, also as `text_decoding` carries them.
_CONTROL = re.compile("[\x00-\x1f\x7f\uef00-\uef1f\uef7f]")
_CATEGORY_ID = re.compile(r"[0-9]{1,9}")

# Malformed records at the beginning of a file that has no others, as far as anybody needs to look.
_MOST_UNUSABLE = 10_000

_LONGEST_NAME = 1_000  # characters of a FILENAME, at most: what is longer is no name


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
        """What identifies the book: FILENAME with its folders, without suffix. The ASIN column lost leading zeros."""
        stem, dot, suffix = self.filename.rpartition(".")
        return stem if dot and "/" not in suffix and stem.rpartition("/")[2] else self.filename


class ListedBook(NamedTuple):
    """A record, or a picture of a folder, as a book of the study."""

    key: str
    record: Record
    role: str


class MalformedRecord(NamedTuple):
    """A record that cannot be used."""

    file: str
    line: int  # the line of the file that the record begins on, from 1
    reason: str


class Categories:
    """The categories met so far: one name for each id, in all listings of a study.

    Where two records disagree, nobody knows from these two which of them is wrong: given all records `counted`, the
    commonest pair of each id and of each name is right.
    """

    def __init__(self, counted: Mapping[tuple[str, str], int] | None = None) -> None:
        self.names: dict[str, str] = {}
        """Names by id."""
        self.ids: dict[str, str] = {}
        """Ids by name."""
        self.seen: Counter[tuple[str, str]] = Counter()
        """Records of each id and name, as they stand in the listings."""
        self.disagree = False
        """Whether two records disagreed, or spelt a name differently."""
        counted, spellings = counted or {}, Counter[str]()
        for (_, name), count in counted.items():
            spellings[name] += count
        self._meant = join_spellings(spellings)
        self._by_form = {genre_form(name): name for name in self._meant.values()}
        self._votes: Counter[tuple[str, str]] = Counter()
        for (category_id, name), count in counted.items():
            self._votes[category_id, self._meant.get(name, name)] += count
        for (category_id, name), _ in self._votes.most_common():
            if not _category_fault(category_id, name) and category_id not in self.names and name not in self.ids:
                self.names[category_id], self.ids[name] = name, category_id

    def fault(self, category_id: str, name: str) -> str:
        """Why a category cannot be used; empty, and the category is known from now on, if it can."""
        known = self.names.get(category_id)
        if known == name:
            return ""
        if fault := _category_fault(category_id, name):
            return fault
        if known is None and name not in self.ids:
            self.names[category_id], self.ids[name] = name, category_id
            return ""
        self.disagree = True
        if known is not None:
            return f"category {category_id} is {name!r} here and {known!r} {self._elsewhere(category_id, known)}"
        other = self.ids[name]
        return f"category {name!r} has the id {category_id} here and {other} {self._elsewhere(other, name)}"

    def spell(self, name: str) -> str:
        """The name that `name` means: that of the first record that spelt it so or, once settled, of most records."""
        if name not in self._meant:
            self._meant[name] = self._by_form.setdefault(genre_form(name), name)
            self.disagree = self.disagree or self._meant[name] != name
        return self._meant[name]

    @property
    def joined(self) -> dict[str, str]:
        """The spellings that are read as another, and as which."""
        return {spelt: name for spelt, name in self._meant.items() if spelt != name}

    def number(self, name: str) -> str:
        """The id of a category in a listing that names none: the next number."""
        return self.ids.get(name) or str(len(self.ids))

    def _elsewhere(self, category_id: str, name: str) -> str:
        votes = self._votes[category_id, name]
        return f"in {votes:,} records" if votes else "before"


def _category_fault(category_id: str, name: str) -> str:
    if not _CATEGORY_ID.fullmatch(category_id):
        return f"CATEGORY ID is {category_id!r}, not a number"
    return "" if name.strip() else "CATEGORY is empty"


def malformed_error(record: MalformedRecord) -> ListingError:
    """The error that a malformed record is, where it is not to be skipped."""
    return ListingError(
        record.reason,
        where=f"{record.file}, line {record.line}",
        advice='Mend the line, or leave such records out with the setting books.malformed = "skip".',
    )


def read_records(
    file: Path,
    *,
    name: str | None = None,
    categories: Categories | None = None,
    skipped: list[MalformedRecord] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[Record]:
    """The records of the listing in `file`, in its order.

    Args:
        file: The listing.
        name: What messages call it; default: its path.
        categories: Those of listings read before, which the names and ids of this one must agree with.
        skipped: Where malformed records go; without it, the first one is an error.
        columns: Headers by column (`books.columns`).

    Raises:
        ListingError: The file cannot be read, holds no record, or holds a malformed one that is not to be skipped.
    """
    name = name or str(file)
    usable = 0
    first: MalformedRecord | None = None
    try:
        with open_lines(file, name) as lines:
            for found in _checked(lines, name, categories or Categories(), columns or {}):
                if isinstance(found, Record):
                    usable += 1
                    yield found
                    continue
                if skipped is None:
                    raise malformed_error(found)
                first = first or found
                skipped.append(found)
                if not usable and len(skipped) >= _MOST_UNUSABLE:
                    break
    except OSError as error:
        raise ListingError(
            f"the listing cannot be read ({error.strerror})", where=name, advice="Check the name of the file."
        ) from error
    if not usable:
        reason = f"no record can be used; line {first.line}: {first.reason}" if first else "the listing is empty"
        named = ", ".join(COLUMNS)
        raise ListingError(
            reason, where=name, advice=f"A listing has the columns {named}, or a header that names them."
        )


def _checked(
    lines: Iterator[str], name: str, categories: Categories, columns: Mapping[str, str]
) -> Iterator[Record | MalformedRecord]:
    lines_by_key: dict[str, int] = {}
    for line, fields in _rows(lines, name, columns):
        if isinstance(fields, str):
            yield MalformedRecord(name, line, fields)
            continue
        categories.seen[fields[5], fields[6]] += 1
        fields[6] = categories.spell(fields[6])
        category_id = fields[5] or categories.number(fields[6])
        fault = _fault(fields) or categories.fault(category_id, fields[6])
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


def _rows(lines: Iterator[str], name: str, named: Mapping[str, str]) -> Iterator[tuple[int, list[str] | str]]:
    """Line and fields of each record in the order of `COLUMNS`; in place of the fields, why there are none."""
    columns: ListingColumns | None = None
    delimiter, lines = find_delimiter(lines)
    for line, fields in _split(lines, delimiter):
        if isinstance(fields, str):
            yield line, fields
            continue
        if columns is None:
            columns = find_columns(fields, named, name)
            if columns.has_header:
                continue
        if len(fields) != columns.width:
            noun = "field" if len(fields) == 1 else "fields"
            yield line, f"{len(fields)} {noun} where {columns.width} are expected"
        else:
            yield line, columns.record(fields) if columns.has_header else fields


def _fault(fields: list[str]) -> str:
    """Why a record with these fields cannot be used, its category aside; empty if it can."""
    filename, url = fields[1], fields[2]
    if not filename.strip():
        return "FILENAME is empty"
    if len(filename) > _LONGEST_NAME:
        return f"FILENAME is too long ({len(filename)} characters)"
    if url and (not _ADDRESS.fullmatch(url) or _CONTROL.search(url)):
        return f"IMAGE URL is no http or https address: {url[:80]!r}"
    return ""


def _split(content: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Line and fields of each record; in place of the fields, what is wrong where quotes do not match.

    A quote that is never closed swallows the lines behind it. Only the line that it opens on is given up then, and
    reading goes on with the next one.
    """
    taken: list[str] = []  # lines of the record that is being read
    waiting: deque[str] = deque()
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        while waiting or (line := next(content, "")):
            taken.append(waiting.popleft() if waiting else line)
            number += 1
            yield taken[-1]

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        first = number + 1
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, csv_fault(error)
            waiting.extendleft(reversed(taken[1:]))
            number = first
            reader = csv.reader(lines(), delimiter=delimiter, strict=True)
            continue
        if fields:
            yield first, fields
