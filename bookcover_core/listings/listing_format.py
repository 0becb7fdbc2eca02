"""The format of a listing or table that a person brings: compression, encoding, delimiter, and columns.

A listing of uchidalab/book-dataset is UTF-8 with commas and has no header. Others are compressed, come from a
spreadsheet (UTF-16, Windows-1252, semicolons), or name their columns; what is unambiguous is read, the rest refused.
"""

import codecs
import csv
import gzip
import io
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from bookcover_core.errors import ListingError, warn_once
from bookcover_core.listings.image_files import WEB_PAGE, foreign_format, has_image_magic
from bookcover_core.listings.text_decoding import carry
from bookcover_core.listings.zip_members import ZIP_DAMAGE, open_member, visible_members

logger = logging.getLogger(__name__)

COLUMNS = ("ASIN", "FILENAME", "IMAGE URL", "TITLE", "AUTHOR", "CATEGORY ID", "CATEGORY")
"""Columns of a listing without a header."""

MOST_BYTES = 1024**3  # bytes of a listing once unpacked, at most: Book32's has about 50 MB

_LONGEST_LINE = 64 * 1024**2
_HEAD = 1024  # bytes that tell what a file is

_SAVE = "Save it as CSV in UTF-8."

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

# How other files begin that people take for tables.
_NO_TABLES = {
    "a web page": WEB_PAGE,
    "an Excel workbook": re.compile(rb"\xd0\xcf\x11\xe0"),
    "a Parquet file": re.compile(rb"PAR1"),
    "JSON": re.compile(rb"\s*(?:\[\s*)?\{"),
}

# Line by which spreadsheets name the delimiter of the table behind it.
_DELIMITER_NAMED = re.compile(r"sep=(.)\s*", re.IGNORECASE)

_DELIMITERS = ",;\t|"
_FEWEST_COLUMNS = 3  # columns of a line, at least, that tell a delimiter

# Names of our columns in other listings, letters and digits only: the first that is there counts.
_NAMES = {
    "ASIN": ("asin", "isbn13", "isbn", "isbn10", "bookid"),
    "FILENAME": ("filename", "file", "imagefile", "imagename", "coverfile", "image", "img"),
    "IMAGE URL": ("imageurl", "coverurl", "imgurl", "imagelink", "url"),
    "TITLE": ("title", "booktitle", "name"),
    "AUTHOR": ("author", "authors", "bookauthor"),
    "CATEGORY ID": ("categoryid", "genreid", "classid"),
    "CATEGORY": ("category", "genre", "class", "label"),
}

Binary = IO[bytes] | gzip.GzipFile


@contextmanager
def open_lines(file: Path, name: str) -> Iterator[Iterator[str]]:
    """The lines of a listing as text, unpacked (a gzip, or a zip file of one member) and decoded.

    Raises `ListingError` where it cannot be unpacked or decoded, or is too large; `OSError` where it cannot be read.
    """
    try:
        with _open_binary(file, name) as content:
            _refuse_others(content.read(_HEAD), name)
        with _open_binary(file, name) as content:
            encoding = _find_encoding(content, name)
        with _open_binary(file, name) as content:
            # Ends of lines are looked for alone: a control character in a title is none.
            errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
            yield _split_lines(map(carry, io.TextIOWrapper(content, encoding, errors, newline="\n")))
    except (*ZIP_DAMAGE, gzip.BadGzipFile) as error:
        advice = "Unpack it, and name the file in it."
        raise ListingError(f"the listing cannot be unpacked ({error})", where=name, advice=advice) from error
    except UnicodeError as error:
        raise ListingError(f"the listing is not text ({error})", where=name, advice=_SAVE) from error


def refuse_unread(file: Path, name: str = "") -> None:
    """Raise `ListingError` for a folder, and for a pipe or device, which might never end."""
    if file.exists() and not file.is_file():
        what = f"the listing cannot be read (it is {'a folder' if file.is_dir() else 'not a file'})"
        raise ListingError(what, where=name or file, advice="Name a file of text, such as books.csv.")


@contextmanager
def _open_binary(file: Path, name: str) -> Iterator[Binary]:
    refuse_unread(file, name)
    with file.open("rb") as content:
        magic = content.read(4)
        content.seek(0)
        if magic.startswith(_GZIP):
            with gzip.open(content) as unpacked:
                yield unpacked
        elif magic == _ZIP:
            with zipfile.ZipFile(content) as archive, open_member(archive, _only_member(archive, name)) as unpacked:
                yield unpacked
        else:
            yield content


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = visible_members(archive)
    if any(info.filename == "[Content_Types].xml" for info in members):
        raise _no_table("an Excel workbook", name)
    if len(members) != 1:
        what = f"the zip file holds {len(members)} files ({', '.join(info.filename for info in members[:5])})"
        raise ListingError(what, where=name, advice="Unpack it, and name one of them.")
    return members[0]


def _refuse_others(head: bytes, name: str) -> None:
    """Raise `ListingError` for content that begins as other files do which people take for tables."""
    if head.startswith((_ZIP, _GZIP)):
        raise ListingError("there is an archive in the archive", where=name, advice="Unpack it, and name the file.")
    kind = next((kind for kind, start in _NO_TABLES.items() if start.match(head)), "") or foreign_format(head)
    if kind or has_image_magic(head):
        raise _no_table(kind or "an image", name)


def _no_table(kind: str, name: str) -> ListingError:
    return ListingError(f"this is {kind}, not a table of text", where=name, advice=_SAVE)


def _find_wide(line: bytes) -> str:
    """The encoding of a file with this first line where it is UTF-32 or UTF-16; else empty."""
    if line.startswith(_UTF_32_MARKS):
        return "utf-32"
    if line.startswith(UTF_16_MARKS):
        return "utf-16"
    if b"\0" not in line[:200]:
        return ""
    zeros = [not byte for byte in line[:4]]
    if zeros in ([False, True, True, True], [True, True, True, False]):
        return "utf-32-be" if zeros[0] else "utf-32-le"
    return "utf-16-le" if zeros[1:2] == [True] else "utf-16-be"


def _find_encoding(content: Binary, name: str) -> str:
    """The encoding of a listing: "utf-16", "utf-32", "cp1252", or "utf-8-sig" with bytes that may be none of UTF-8."""
    size, wide, is_utf8, may_be_1252 = 0, "", False, True
    foreign: list[int] = []
    for number, line in enumerate(iter(lambda: content.readline(_LONGEST_LINE), b""), 1):
        size += len(line)
        if number == 1:
            wide = _find_wide(line)
        if size > MOST_BYTES or len(line) >= _LONGEST_LINE:
            what, most = ("the listing", MOST_BYTES) if size > MOST_BYTES else ("a line", _LONGEST_LINE)
            where = f"{name}, line {number}"
            raise ListingError(f"{what} has more than {most:,} bytes", where=where, advice="Check the file.")
        if wide or line.isascii():
            continue
        if _is_in(line, "utf-8"):
            is_utf8 = is_utf8 or not line.removeprefix(codecs.BOM_UTF8).isascii()
        else:
            foreign.append(number)
            may_be_1252 = may_be_1252 and _is_in(line, "cp1252")
    # The real listings have lines of valid UTF-8, and bytes (0x81) that Windows-1252 does not define.
    if foreign and may_be_1252 and not is_utf8:
        warn_once(logger, "%s: read as Windows-1252, for its %d lines beyond ASCII are no UTF-8", name, len(foreign))
        return "cp1252"
    if foreign:
        kept = "they are kept, and shown as a question mark"
        bad = (name, len(foreign), foreign[0], kept)
        warn_once(logger, "%s: %d lines have bytes that are no UTF-8, the first is line %d; %s", *bad)
    return wide or "utf-8-sig"


def _is_in(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _split_lines(lines: Iterator[str]) -> Iterator[str]:
    """Lines that end as those of a table do: one without any line feed is split at its carriage returns."""
    first = next(lines, "")
    if "\n" in first or "\r" not in first:
        yield first
        yield from lines
        return
    for piece in chain([first], lines):
        yield from io.StringIO(piece, newline=None)


def find_delimiter(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The delimiter of a table, and its lines, of which one that only names it ("sep=;") is left blank.

    It is the comma, unless only another one gives three columns, or any, in the first line that is not blank.
    """
    blank = []
    while (line := next(lines, "")).isspace():
        blank.append("\n")
    if named := _DELIMITER_NAMED.fullmatch(line):
        return named[1], chain(blank, ["\n"], lines)

    def width(delimiter: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=delimiter, strict=True), []))
        except csv.Error:
            return 0

    best = "," if width(",") >= _FEWEST_COLUMNS else max(_DELIMITERS, key=width)
    return best if width(best) > 1 else ",", chain(blank, [line], lines)


def csv_fault(error: csv.Error) -> str:
    """What is wrong with a record, in words."""
    if "new-line" in str(error):
        return "a carriage return stands within the record, outside quotes"
    if "field limit" in str(error):
        return f"a field has more than {csv.field_size_limit():,} characters: the quote before it may not be closed"
    return f"quotes that do not match ({error})"


@dataclass(frozen=True)
class ListingColumns:
    """Where the fields of a record stand in a row."""

    width: int
    places: Mapping[str, int]  # position of each column of `COLUMNS` that there is
    has_header: bool

    def record(self, row: Sequence[str]) -> list[str]:
        """The fields of a row in the order of `COLUMNS`; without FILENAME, ASIN or the address give one."""
        fields = [row[self.places[column]] if column in self.places else "" for column in COLUMNS]
        if "FILENAME" not in self.places:
            asin, url = fields[0].strip(), fields[2]
            fields[1] = f"{asin}.jpg" if asin else unquote(PurePosixPath(urlsplit(url).path).name)
        return fields


PLAIN_COLUMNS = ListingColumns(len(COLUMNS), {column: place for place, column in enumerate(COLUMNS)}, has_header=False)


def find_columns(first: Sequence[str], named: Mapping[str, str], name: str) -> ListingColumns:
    """The columns of a listing by its first row, which is a header if it names a genre and an image or identifier.

    Where `named` (`books.columns`) gives headers by column, these count, and the row must be a header. Raises
    `ListingError` where the header lacks a column that is needed, or has it twice.
    """
    where = f"{name}, line 1"
    headers = [_plain(field) for field in first]
    places: dict[str, int] = {}
    for column in COLUMNS:
        header = named.get(setting := column.lower().replace(" ", "_"))
        wanted = _NAMES[column] if header is None else (_plain(header),)
        found = next((headers.index(each) for each in wanted if each in headers), None)
        if found is not None:
            # Of numbers and addresses the first that is there is meant; which of two genres is, nobody knows.
            same = wanted if column == "CATEGORY" else (headers[found],)
            several = [title for title, plain in zip(first, headers, strict=True) if plain in same]
            if len(several) > 1:
                what = f"the header has several columns for {column} ({', '.join(map(repr, several))})"
                advice = f'Rename all but one, or name it in books.columns: {{ {setting} = "{several[0]}" }}.'
                raise ListingError(what, where=where, advice=advice)
            places[column] = found
        elif header is not None:
            raise ListingError(f"the header has no column {header!r}", where=where, advice="Check books.columns.")
    if not named and (len(places) < 2 or not {"CATEGORY", "FILENAME"} & places.keys()):
        return PLAIN_COLUMNS
    missing = [] if "CATEGORY" in places else ["the genre (category)"]
    if not {"ASIN", "FILENAME", "IMAGE URL"} & places.keys():
        missing.append("the image (filename, asin or image_url)")
    if missing:
        advice = 'Name it in books.columns, such as { category = "Genre", filename = "Cover" }.'
        raise ListingError(f"the header names no column for {' and '.join(missing)}", where=where, advice=advice)
    logger.info("%s: a header names %s", name, ", ".join(f"{column} ({first[at]!r})" for column, at in places.items()))
    return ListingColumns(len(first), places, has_header=True)


def _plain(header: str) -> str:
    return re.sub(r"[\W_]+", "", header.casefold())
