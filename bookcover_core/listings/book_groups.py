"""Groups of books that stay on one side of a split: by main title, or from the file `books.groups`.

Editions and volumes of one work share a main title, and often a cover: split apart, one of them would leak into the
test of another.
"""

import csv
import re
from pathlib import Path

from bookcover_core.errors import ListingError
from bookcover_core.listings.text_decoding import decode

# What ends a main title: "Emma: Annotated", "Emma (Classics)", "Emma [Large Print]", "Emma - A Novel".
_SUBTITLE = re.compile(r"[:(\[]| - ")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def title_group(title: str, key: str) -> str:
    """The main title of a book, case folded, letters and digits only; its key where nothing is left of the title."""
    main = _SUBTITLE.split(title, maxsplit=1)[0]
    return _NOT_ALPHANUMERIC.sub("", main.casefold()) or key


def read_groups(file: Path, *, name: str) -> dict[str, str]:
    """The group of each FILENAME in a file of two columns, FILENAME and group, without a header.

    Raises:
        ListingError: A line has not two fields, or a FILENAME stands in two groups; the message calls the file `name`.
    """
    groups: dict[str, str] = {}
    with file.open("rb") as content:
        rows = csv.reader(map(decode, content), strict=True)
        try:
            for row in rows:
                if not row:
                    continue
                where = f"{name}, line {rows.line_num}"
                if len(row) != 2 or not all(field.strip() for field in row):
                    raise ListingError("not a FILENAME and its group", where=where, advice="Write FILENAME,group.")
                if groups.setdefault(row[0], row[1]) != row[1]:
                    raise ListingError(f"{row[0]!r} stands in two groups", where=where, advice="Keep one of them.")
        except csv.Error as error:
            raise ListingError(
                f"quotes that do not match ({error})", where=f"{name}, line {rows.line_num}", advice="Mend the line."
            ) from error
    return groups
