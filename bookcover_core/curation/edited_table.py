"""Tables that pages write and people edit: `curation/decisions.csv` and `curation/labels.csv`.

Read is what spreadsheets save: UTF-8 or UTF-16; commas, semicolons or tabs, and a line such as "sep=;"; columns in any
order, others among them. What stands in a file stays there: rows are added behind it.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bookcover_core.errors import DecisionsError
from bookcover_core.listings.books import each_book
from bookcover_core.listings.listing_format import UTF_16_MARKS, csv_fault, find_delimiter
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, as_cell, file_stamp, from_cell, write_bytes


@dataclass(frozen=True)
class EditedTable:
    """A table as it stands in its file; a file that is missing or empty has no rows."""

    file: Path
    columns: tuple[str, ...]
    """Columns of a new file."""
    text: str
    delimiter: str
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    """Rows that are not blank: the number of the line, and its fields by the name of the column, in lower case."""
    header: tuple[str, ...]
    """Names of the columns, in lower case."""

    def where(self, line: int) -> str:
        """How messages name a line."""
        return f"{self.file}, line {line}"

    def append(self, rows: Iterable[Mapping[str, str]], needed: Iterable[str] = ()) -> None:
        """Write the file again with further rows, given by column; a column of `needed` that it lacks is added."""
        header = [*dict.fromkeys([*self.header, *needed])]
        if self.text and len(header) == len(self.header):
            table, delimiter = [], self.delimiter
            text = self.text if self.text.endswith("\n") else self.text + "\n"
        else:
            table, delimiter, text = [dict(zip(header, header, strict=True)), *(row for _, row in self.rows)], ",", ""
        lines = io.StringIO(newline="")
        csv.writer(lines, delimiter=delimiter, lineterminator="\n").writerows(
            [as_cell(row.get(column, "")) for column in header] for row in (*table, *rows)
        )
        write_bytes(self.file, (text + lines.getvalue()).encode())


def read_edited(file: Path, columns: tuple[str, ...]) -> EditedTable:
    """The table in `file`, whose first two `columns` it must have.

    Raises:
        DecisionsError: It is not CSV in UTF-8 or UTF-16, a column is missing, or a row is too long; names the line.
    """
    text = _read_text(file) if file.exists() else ""
    delimiter, lines = find_delimiter(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    rows = []
    try:
        for fields in reader:
            where = f"{file}, line {reader.line_num}"
            if not header and fields:
                header = [name.strip().lower() for name in fields]
                _check_header(header, where, columns)
            elif any(field.strip() for field in fields):
                if len(fields) > len(header):
                    raise DecisionsError(
                        "there are more fields than columns",
                        where=where,
                        advice="Put text that has commas in double quotes.",
                    )
                values = (from_cell(field.strip()) for field in fields)
                rows.append((reader.line_num, dict(zip(header, values, strict=False))))
    except csv.Error as error:
        raise DecisionsError(
            f"this is not CSV: {csv_fault(error)}",
            where=f"{file}, line {reader.line_num}",
            advice="Mend or remove the line.",
        ) from None
    return EditedTable(file, columns, text if header else "", delimiter, tuple(rows), tuple(header or columns))


def _read_text(file: Path) -> str:
    if not file.is_file():  # a pipe might never end
        raise DecisionsError("this is no file", where=file, advice="Move it away, or replace it by a file.")
    try:
        content = file.read_bytes()
        return content.decode("utf-16" if content.startswith(UTF_16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes().count(b"\n", 0, error.start) + 1
        raise DecisionsError(
            "the file is not text in UTF-8", where=f"{file}, line {line}", advice="Save it as CSV in UTF-8."
        ) from None
    except OSError as error:
        raise DecisionsError(
            f"the file cannot be read ({error.strerror})", where=file, advice="Mend its permissions."
        ) from None


def _check_header(header: list[str], where: str, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns[:2] if name not in header]:
        raise DecisionsError(
            f"the first line names no column {' and no column '.join(missing)}",
            where=where,
            advice=f"It should read {','.join(columns)}.",
        )


def book_names(study: Study) -> BookNames | None:
    """The names of the study's books; None before the listings are read."""
    stamp = file_stamp(study.workspace.books)
    return _book_names(study.workspace, stamp) if stamp else None


# Few studies are edited at a time.
@lru_cache(maxsize=2)
def _book_names(workspace: Workspace, stamp: tuple[int, ...]) -> BookNames:  # noqa: ARG001 - another file, other names
    return BookNames((book.key, book.filename, book.category) for book in each_book(workspace))


def find_key(row: Mapping[str, str], names: BookNames | None) -> str:
    """The key of the book that a row names by `key` or `filename`; what it says where it names none."""
    key, filename = row.get("key", ""), row.get("filename", "")
    if names is None or names.has(key):
        return key
    return (filename and names.find(filename)) or (key and names.find(key)) or key or filename
