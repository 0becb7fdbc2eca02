"""The records of a listing file, in its order, none altered and none lost.

It has seven quoted columns and no header, as those of uchidalab/book-dataset, or is brought into this form by
`listing_format`. Each record is checked on its own; what is malformed is refused, or set aside, with its line.
"""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
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
        self.names: dict[str, str] = {}  # names by id
        self.ids: dict[str, str] = {}  # ids by name
        self.seen: Counter[tuple[str, str]] = Counter()  # records of each id and name, as they stand in the listings
        self.disagree = False  # whether two records disagreed, or spelt a name differently
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

    def take(self, category_id: str, name: str) -> tuple[str, str]:
        """The id of a record's category, known from now on, and why it cannot be used: one of the two is empty.

        A name means that of the first record that spelt it so or, once counted, of most records. An id that is not
        given is the next number.
        """
        if name not in self._meant:
            self._meant[name] = self._by_form.setdefault(genre_form(name), name)
            self.disagree = self.disagree or self._meant[name] != name
        name = self._meant[name]
        category_id = category_id or self.ids.get(name) or str(len(self.ids))
        known = self.names.get(category_id)
        if known == name:
            return self.ids[name], ""  # one string for all records: it keeps a large listing small in memory
        if fault := _category_fault(category_id, name):
            return "", fault
        if known is None and name not in self.ids:
            self.names[category_id], self.ids[name] = name, category_id
            return category_id, ""
        self.disagree = True
        if known is not None:
            return "", f"category {category_id} is {name!r} here and {known!r} {self._elsewhere(category_id, known)}"
        other = self.ids[name]
        return "", f"category {name!r} has the id {category_id} here and {other} {self._elsewhere(other, name)}"

    @property
    def joined(self) -> dict[str, str]:
        """The spellings that are read as another, and as which."""
        return {spelt: name for spelt, name in self._meant.items() if spelt != name}

    def _elsewhere(self, category_id: str, name: str) -> str:
        votes = self._votes[category_id, name]
        return f"in {votes:,} records" if votes else "before"


def _category_fault(category_id: str, name: str) -> str:
    if not _CATEGORY_ID.fullmatch(category_id):
        return f"CATEGORY ID is {category_id!r}, not a number"
    return "" if name.strip() else "CATEGORY is empty"


def malformed_error(record: MalformedRecord) -> ListingError:
    """The error that a malformed record is, where it is not to be skipped."""
    advice = 'Mend the line, or leave such records out with the setting books.malformed = "skip".'
    return ListingError(record.reason, where=f"{record.file}, line {record.line}", advice=advice)


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
    name, categories = name or str(file), categories or Categories()
    layout: ListingColumns | None = None
    lines_by_key: dict[str, int] = {}
    first: MalformedRecord | None = None
    try:
        with open_lines(file, name) as content:
            delimiter, lines = find_delimiter(content)
            for line, row in split_records(lines, delimiter):
                found: Record | str = row if isinstance(row, str) else ""
                if not isinstance(row, str):
                    if layout is None:
                        layout = find_columns(row, columns or {}, name)
                        if layout.has_header:
                            continue
                    found = _read_record(row, layout, categories)
                if isinstance(found, Record):
                    earlier = lines_by_key.setdefault(found.key, line)
                    if earlier == line:
                        yield found
                        continue
                    found = f"the book {found.key!r} stands on line {earlier} already"
                malformed = MalformedRecord(name, line, found)
                if skipped is None:
                    raise malformed_error(malformed)
                first = first or malformed
                skipped.append(malformed)
                if not lines_by_key and len(skipped) >= _MOST_UNUSABLE:
                    break
    except OSError as error:
        what = f"the listing cannot be read ({error.strerror})"
        raise ListingError(what, where=name, advice="Check the name of the file.") from error
    if not lines_by_key:
        reason = f"no record can be used; line {first.line}: {first.reason}" if first else "the listing is empty"
        advice = f"A listing has the columns {', '.join(COLUMNS)}, or a header; other words for them: books.columns."
        raise ListingError(reason, where=name, advice=advice)


def _read_record(row: Sequence[str], columns: ListingColumns, categories: Categories) -> Record | str:
    """The record in a row, or why it cannot be used."""
    if len(row) != columns.width:
        return f"{len(row)} {'field' if len(row) == 1 else 'fields'} where {columns.width} are expected"
    asin, filename, url, title, author, category_id, category = columns.record(row) if columns.has_header else row
    categories.seen[category_id, category] += 1
    if not filename.strip():
        return "FILENAME is empty"
    if len(filename) > _LONGEST_NAME:
        return f"FILENAME is too long ({len(filename)} characters)"
    if url and (not _ADDRESS.fullmatch(url) or _CONTROL.search(url)):
        return f"IMAGE URL is no http or https address: {url[:80]!r}"
    category_id, fault = categories.take(category_id, category)
    return fault or Record(asin, filename, url, title, author, category_id, categories.names[category_id])


def split_records(content: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
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
