"""A table of the report: laid out in `templates/words.txt`, shown in the page or as Markdown, written as CSV."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import pandas as pd

from bookcover_core.evaluation.intervals import share
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.report.formats import DASH, duration, markdown_row, percent, plain_markdown
from bookcover_core.report.words import expression, passage

Value = str | int | float | None


class Format(StrEnum):
    """What the cells of a column hold, and so how they are shown. The value is a class of the page's style sheet."""

    TEXT = "text"
    COUNT = "count"  # a whole number, with thousands marked
    SHARE = "share"  # from 0 to 1, shown in per cent with one decimal
    SECONDS = "seconds"
    RATE = "rate"  # items a second
    NUMBER = "number"  # any other number, shown with two decimals
    P_VALUE = "p-value"  # shown with three decimals, and as "< 0.001" below them


# How numbers are told to people; others with thousands marked. No p-value is known so well that it is told below 0.001.
_TOLD: dict[Format, Callable[[float], str]] = {
    Format.SHARE: percent,
    Format.SECONDS: duration,
    Format.NUMBER: "{:.2f}".format,
    Format.P_VALUE: lambda p: f"{p:.3f}" if p >= 0.001 else "< 0.001",
    Format.RATE: lambda rate: f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}",
}


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    value: Value = None
    low: float | None = None
    high: float | None = None
    best: bool = False

    @classmethod
    def of(cls, content: Any) -> "Cell":
        """The cell of a value, or of what has a value with an interval."""
        if isinstance(content, cls):
            return content
        return cls(content.value, content.low, content.high) if hasattr(content, "low") else cls(content)


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    format: Format = Format.TEXT
    name: str = ""
    """Name in the CSV; empty: the title."""
    interval: bool = False
    """Whether its cells carry intervals."""
    faint: bool = False
    """Whether it is set back: published numbers beside the study's own."""


@dataclass(frozen=True)
class Table:
    """A table with its caption."""

    name: str
    """Name of its CSV and of its place in the page."""
    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    foot: int = 0
    """Rows at the end that are totals: never sorted."""
    groups: tuple[tuple[str, int], ...] = ()
    """Headings above the columns, with the number of columns under each."""
    notes: tuple[str, ...] = ()
    wide: bool = False
    """Whether it has too many columns for the page's usual type: it is set smaller, intervals in whole per cent."""

    @classmethod
    def of(
        cls,
        name: str,
        records: Iterable[Any],
        *,
        foot: int = 0,
        groups: Iterable[tuple[str, int]] = (),
        wide: bool = False,
        **words: Any,
    ) -> Self | None:
        """The table of `records`, the last `foot` of them totals, laid out by "table <name>"; None if all are totals.

        A column is a line "| title | content | format | name in the CSV", of which all but the title may be empty. The
        content is a Jinja expression of the record, `each`, and of `words`; without one a record is a row, ready made.
        `Format` lists the formats, behind which `interval` and `faint` may stand.
        """
        found = list(records)
        if len(found) <= foot:
            return None
        lines = passage(f"table {name}", **words)
        caption, *notes = (line for line in lines if not line.startswith("|"))
        columns, contents = zip(*(_column(line) for line in lines if line.startswith("|")), strict=True)
        rows = [
            [
                Cell.of(expression(content)(each=each, Cell=Cell, share=share, **words) if content else each[place])
                for place, content in enumerate(contents)
            ]
            for each in found
        ]
        return cls(name, caption, list(columns), rows, foot, tuple(groups), tuple(notes), wide)

    @property
    def body(self) -> list[list[Cell]]:
        """The rows that can be sorted."""
        return self.rows[: len(self.rows) - self.foot]

    @property
    def totals(self) -> list[list[Cell]]:
        """The rows under the line."""
        return self.rows[len(self.rows) - self.foot :]

    def write(self, folder: Path) -> Path:
        """The CSV that was written: full numbers, intervals in columns of their own."""
        file = folder / f"{self.name}.csv"
        parts = [("", "value"), (" low", "low"), (" high", "high")]
        fields = [
            (place, f"{column.name or column.title}{suffix}", part)
            for place, column in enumerate(self.columns)
            for suffix, part in (parts if column.interval else parts[:1])
        ]
        rows = [[_rounded(getattr(row[place], part)) for place, _, part in fields] for row in self.rows]
        write_table(file, pd.DataFrame(rows, columns=[name for _, name, _ in fields], dtype=object))
        return file

    def shown(self, row: Sequence[Cell]) -> list[tuple[Column, Cell, str, str]]:
        """A row as a page shows it: each cell with its column, its text, and its interval's."""
        return [
            (column, cell, show(cell, column), show_interval(cell, column.format, whole=self.wide))
            for column, cell in zip(self.columns, row, strict=True)
        ]

    def told(self, row: Sequence[Cell]) -> list[str]:
        """The same as one text for each cell, the interval in brackets."""
        return [f"{text} ({ends})" if ends else text for _, _, text, ends in self.shown(row)]


def show(cell: Cell, column: Column) -> str:
    """A cell's value for people."""
    value = cell.value
    if value is None or isinstance(value, str):
        return value or DASH
    if column.format in _TOLD:
        return _TOLD[column.format](value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def show_interval(cell: Cell, form: Format = Format.SHARE, *, whole: bool = False) -> str:
    """A cell's interval for people, of a share in (whole) per cent; empty without one."""
    if cell.low is None or cell.high is None:
        return ""
    digits = f".{0 if whole else 1}f"
    low, high = (f"{end:.2f}" if form is Format.NUMBER else f"{100 * end:{digits}}" for end in (cell.low, cell.high))
    return f"{low} to {high}" if cell.low < 0 else f"{low}{DASH}{high}"


def markdown(table: Table) -> str:
    """The table for people as Markdown: numbers to the right, totals bold, intervals in brackets, notes below it."""
    lines = [
        markdown_row([column.title for column in table.columns]),
        markdown_row(["---" if column.format is Format.TEXT else "---:" for column in table.columns]),
    ]
    for place, row in enumerate(table.rows):
        cells = map(plain_markdown, table.told(row))
        lines.append(markdown_row([f"**{cell}**" for cell in cells] if place >= len(table.body) else cells))
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def _column(line: str) -> tuple[Column, str]:
    """The column that a line of a layout declares, and the expression of what stands in it."""
    title, content, how, name, *_ = (*(part.strip() for part in re.split(r"\|(?=\s|$)", line)[1:]), "", "", "")
    form, *ways = how.split() or [Format.TEXT]
    return Column(title, Format(form), name, "interval" in ways, "faint" in ways), content


def _rounded(value: Value) -> Value:
    return round(value, 6) if isinstance(value, float) else value
