"""Tables that pages write and people edit: `curation/decisions.csv` and `curation/labels.csv`.

Read is what spreadsheets save: UTF-8 or UTF-16; commas, semicolons or tabs, and a line such as "sep=;"; columns in any
order, others among them. What stands in a file stays there: rows are added behind it, and the last on a book counts.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Generic, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.errors import DecisionsError, choose_among
from bookcover_core.listings.books import each_book
from bookcover_core.listings.listing_format import UTF_16_MARKS, csv_fault, find_delimiter
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, as_cell, file_stamp, from_cell, write_bytes


class EditedRow(BaseModel):
    """What one person says of one book: the fields are the columns."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(min_length=1, description="The book.")

    verdict_column: ClassVar[str]  # a literal; "open" takes back what was said before
    time_column: ClassVar[str]

    @property
    def is_open(self) -> bool:
        """Whether it says nothing."""
        return bool(getattr(self, self.verdict_column) == "open")


Row = TypeVar("Row", bound=EditedRow)


@dataclass(frozen=True)
class EditedTable(Generic[Row]):
    """The table in `file`, whose rows are read as `form`.

    Its methods raise `DecisionsError`, with the line, where it is not CSV, lacks a column, or a row is malformed.
    """

    file: Path
    form: type[Row]
    names: BookNames | None = None
    """The books. With them a row may name its book without the leading zeros of its key, or in a column `filename`."""
    known: Callable[[], Mapping[str, Collection[str]]] = dict  # values that a column may have, where it is not empty
    unsaid: str = ""  # what an empty verdict stands for; empty: the row says nothing at all
    completed: bool = False  # whether columns that the file lacks are added with the first row

    def read(self) -> dict[str, Row]:
        """The last row on each book, by key, those that are open left out; none where there is no file."""
        return self._standing(read_edited(self.file, tuple(self.form.model_fields)))

    def add(self, wanted: Iterable[Row], seen: Mapping[str, Row | None] | None = None) -> dict[str, Row | None]:
        """What stands on each of these books once the wanted rows are added, with the time of day (UTC); None: nothing.

        A row is added only if what stands on its book is what the person has `seen`; another one, added meanwhile by
        somebody else, stays. Nor is a row added twice that stands already. Without `seen` every row is added. The file
        is replaced as a whole or left as it was.
        """
        columns = tuple(self.form.model_fields)
        with exclusive(self.file):
            content = read_edited(self.file, columns)
            standing = self._standing(content)
            added, outcome = [], dict[str, Row | None]()
            for each in wanted:
                now, time = standing.get(each.key), {each.time_column: None}
                stands = each.is_open if now is None else now.model_copy(update=time) == each.model_copy(update=time)
                if seen is None or (seen.get(each.key) == now and not stands):
                    now = each.model_copy(update={each.time_column: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
                    added.append(now)
                outcome[each.key] = None if now is None or now.is_open else now
            if added:
                rows = [each.model_dump() for each in added]
                write_bytes(self.file, content.extended(rows, columns if self.completed else ()).encode())
        return outcome

    def _standing(self, content: "EditedText") -> dict[str, Row]:
        form, found = self.form, dict[str, Row]()
        verdict, known = form.verdict_column, self.known() if content.rows else {}
        verdicts = get_args(form.model_fields[verdict].annotation)
        for line, row in content.rows:
            values = {name: row.get(name, "") for name in form.model_fields} | {"key": find_key(row, self.names)}
            said = values[verdict] = (values[verdict] or self.unsaid).lower()
            if not said:
                continue
            unknown = [column for column in known if values[column] and values[column] not in known[column]]
            fault = advice = ""
            if not values["key"]:
                fault, advice = "the row names no book", "Fill in its key, or remove the line."
            elif said not in verdicts:
                fault = f"{said!r} is no {verdict}"
                advice = f"Write {', '.join(verdicts[:-1])} or {verdicts[-1]}."
            elif unknown:
                value = values[unknown[0]]
                fault, advice = f"{value!r} is no {unknown[0]} of the study", choose_among(value, known[unknown[0]])
            if fault:
                raise DecisionsError(fault, where=f"{self.file}, line {line}", advice=advice)
            found[values["key"]] = form.model_validate(values)
        return {key: row for key, row in found.items() if not row.is_open}


class EditedText(NamedTuple):
    """A table as it stands in its file; a file that is missing or empty has no text and no rows."""

    text: str
    delimiter: str
    header: tuple[str, ...]  # names of the columns, in lower case
    rows: list[tuple[int, dict[str, str]]]  # those not blank: the number of the line, and its fields by column

    def extended(self, rows: Iterable[Mapping[str, str]], needed: Iterable[str] = ()) -> str:
        """The text with further rows, given by column; a column of `needed` that it lacks is added."""
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
        return text + lines.getvalue()


def read_edited(file: Path, columns: tuple[str, ...]) -> EditedText:
    """The table in `file`, whose first two `columns` it must have; errors as of `EditedTable`."""
    text = _read_text(file) if file.exists() else ""
    delimiter, lines = find_delimiter(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    rows = []
    fault = advice = ""
    try:
        for fields in reader:
            if not header and fields:
                header = [name.strip().lower() for name in fields]
                if missing := [name for name in columns[:2] if name not in header]:
                    fault = f"the first line names no column {' and no column '.join(missing)}"
                    advice = f"It should read {','.join(columns)}."
            elif any(field.strip() for field in fields):
                values = (from_cell(field.strip()) for field in fields)
                rows.append((reader.line_num, dict(zip(header, values, strict=False))))
                if len(fields) > len(header):
                    fault, advice = "there are more fields than columns", "Put text that has commas in double quotes."
            if fault:
                break
    except csv.Error as error:
        fault, advice = f"this is not CSV: {csv_fault(error)}", "Mend or remove the line."
    if fault:
        raise DecisionsError(fault, where=f"{file}, line {reader.line_num}", advice=advice)
    return EditedText(text if header else "", delimiter, tuple(header or columns), rows)


def _read_text(file: Path) -> str:
    if not file.is_file():  # a pipe might never end
        raise DecisionsError("this is no file", where=file, advice="Move it away, or replace it by a file.")
    try:
        content = file.read_bytes()
        return content.decode("utf-16" if content.startswith(UTF_16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        advice = "Save it as CSV in UTF-8."
        raise DecisionsError("the file is not text in UTF-8", where=f"{file}, line {line}", advice=advice) from None
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        raise DecisionsError(what, where=file, advice="Mend its permissions.") from None


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
