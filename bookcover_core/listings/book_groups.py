"""Groups of books that stay on one side of a split: by title, by file name, or from the file `books.groups`.

Editions and volumes of one work share a main title, and often a cover: split apart, they leak into each other's test.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from bookcover_core.errors import ListingError, warn_once
from bookcover_core.genres import plain_spelling
from bookcover_core.listings.listing_format import find_delimiter, open_lines
from bookcover_core.listings.name_index import BookNames
from bookcover_core.listings.records import split_records
from bookcover_core.pipeline.workspace import from_cell

logger = logging.getLogger(__name__)

_HEADERS = frozenset({"filename", "file", "key"})  # names of the first column, where a file of groups has a header
_SHORTEST_NAME = 2  # letters and digits of a name that says nothing of a work

# What ends a main title: "Emma: Annotated", "Emma (Classics)", "Emma [Large Print]", "Emma - A Novel".
_SUBTITLE = re.compile(r"[:(\[]| - ")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBERED = re.compile(r"[\s_(#-]\s*\d+\s*\)?$")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

# Numbered volumes: "Naruto, Vol. 12", "Y the Last Man Book One", "To the Nines (Stephanie Plum, No. 9)".
_MARK = r"(?:volumes?|vol|books?|bk|parts?|pt|number|no|issue|episode|tome|band|teil)\b|#"
_NUMBER = r"(?:\d{1,4}|[ivxlc]{1,7}|one|two|three|four|five|six|seven|eight|nine|ten)\b"
_VOLUME = rf"[\s,:;-]+(?:{_MARK})\.?\s*#?\s*{_NUMBER}"
_IN_SERIES = re.compile(rf"[(\[]([^()\[\]]*?){_VOLUME}", re.IGNORECASE)
_OF_SERIES = re.compile(rf"(.*?)[(\[]?{_VOLUME}", re.IGNORECASE | re.DOTALL)
_NUMBERED_MARK = re.compile(_VOLUME, re.IGNORECASE)
_ONLY_MARK = re.compile(_MARK, re.IGNORECASE)

# Editions of a year: "Wiley GAAP 2015", "Just Cats 2016 Wall Calendar".
_YEAR = re.compile(r"\b(?:19|20)\d\d(?:\s*-\s*(?:19|20)?\d\d)?\b")


def name_group(name: str, key: str) -> str:
    """The group of a picture by the stem of its file's name: its main title, if the name is one, else its key.

    A name that ends in a number ("Travel (1)", "scan_07") counts pictures, and one word ("cover") may name many:
    neither says which pictures belong together.
    """
    if _NUMBERED.search(name):
        return key
    return title_group(name if len(_WORD.findall(name)) > 1 else key, key)


def main_title(title: str) -> str:
    """A title without its subtitle, edition or form."""
    return _SUBTITLE.split(title, maxsplit=1)[0]


def title_group(title: str, key: str) -> str:
    """The main title of a book, case folded, letters and digits only; its key where nothing is left of the title."""
    return _plain(main_title(title)) or key


def title_names(title: str) -> set[str]:
    """Names that a title gives its work: its main title, with and without a year, and its series where it is numbered.

    Books that share one of them are editions, volumes or yearly issues. Of 35,151 titles of BookCover30 2,800 name a
    series, and 575 of the 2,228 series have several books, One Piece 22.
    """
    main = main_title(title)
    # Where no number stands behind a mark, which is quickly told, there is no series.
    ends = (_IN_SERIES.search(title), _OF_SERIES.match(title)) if _NUMBERED_MARK.search(title) else ()
    series = {_plain(found[1]) for found in ends if found}
    names = {_plain(main), _plain(_YEAR.sub("", main)), *(name for name in series if not _ONLY_MARK.fullmatch(name))}
    return {name for name in names if len(name) > _SHORTEST_NAME}


def _plain(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", unicodedata.normalize("NFC", text).casefold())


def read_groups(file: Path, books: Iterable[tuple[str, str, str]], *, name: str, skip: bool = False) -> dict[str, str]:
    """The group of each book that a file of two columns names, by key; messages call the file `name`.

    The first column names one of `books`, given by key, FILENAME and category (`name_index.BookNames`); the second a
    group. A header "FILENAME,group" is passed over, and with `skip` rows that name no book are, with a warning. Raises
    `ListingError` where a line has not two fields, a book is in two groups, or a row names no book.
    """
    groups: dict[str, str] = {}
    unknown: list[tuple[int, str]] = []
    names = BookNames(books)
    for line, text, group in _read_pairs(file, name):
        key = names.find(text)
        if key is None:
            unknown.append((line, text))
        elif groups.setdefault(key, group) != group:
            where = f"{name}, line {line}"
            raise ListingError(f"{text!r} stands in two groups", where=where, advice="Keep one of them.")
    if unknown:
        where = f"{name}, line {unknown[0][0]}"
        what = f"{len(unknown):,} rows name no book of the study, or several; the first: {unknown[0][1]!r}"
        if not skip:
            advice = 'Write FILENAME as the listing has it, or pass over such rows with books.unmatched = "skip".'
            raise ListingError(what, where=where, advice=advice)
        warn_once(logger, "%s: %s", where, what)
    elif not groups:
        raise ListingError("the file names no group", where=name, advice="Write FILENAME,group; or clear books.groups.")
    return groups


def _read_pairs(file: Path, name: str) -> Iterator[tuple[int, str, str]]:
    with open_lines(file, name) as content:
        delimiter, lines = find_delimiter(content)
        seen = False
        for line, row in split_records(lines, delimiter):
            where = f"{name}, line {line}"
            if isinstance(row, str):
                raise ListingError(row, where=where, advice="Mend the line.")
            if not any(field.strip() for field in row) or (not seen and row[0].strip().casefold() in _HEADERS):
                continue
            seen = True
            if len(row) != 2 or not all(field.strip() for field in row):
                raise ListingError("not a FILENAME and its group", where=where, advice="Write FILENAME,group.")
            yield line, from_cell(row[0].strip()), plain_spelling(from_cell(row[1]))
