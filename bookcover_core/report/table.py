"""A table of the report: declared by columns, shown in the page or as Markdown, and written as CSV in full."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import pandas as pd

from bookcover_core.evaluation.intervals import Estimate
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.report.formats import DASH, duration, markdown_row, percent, plain_markdown
from bookcover_core.report.words import passage

Value = str | int | float | None

# Smaller p-values are not shown: nothing is known that well.
_SMALLEST_P = 0.001


class Format(StrEnum):
    """What the cells of a column hold, and so how they are shown. The value is a class of the page's style sheet."""

    TEXT = "text"
    COUNT = "count"  # a whole number, with thousands marked
    SHARE = "share"  # from 0 to 1, shown in per cent with one decimal
    SECONDS = "seconds"
    RATE = "rate"  # items a second
    NUMBER = "number"  # any other number, shown with two decimals
    P_VALUE = "p-value"  # shown with three decimals, and as "< 0.001" below them


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    value: Value = None
    low: float | None = None
    high: float | None = None
    best: bool = False

    @classmethod
    def of(cls, content: Any, *, best: bool = False) -> Self:
        """The cell of a value, or of what has a value with an interval."""
        if hasattr(content, "low"):
            return cls(content.value, content.low, content.high, best)
        return cls(content, best=best)


Content = Value | Estimate
"""What a cell is made of."""


Getter = str | Callable[[Any], Any]
"""What a record has in a column: a function, or a path of names, keys and places such as "card.parameters.backbone".

Where a part of the path is None, so is what it leads to.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    value: Getter | None = None
    """What a record has in this column; none: records are rows, ready made."""
    format: Format = Format.TEXT
    name: str = ""
    """Name in the CSV; empty: the title."""
    interval: bool = False
    """Whether its cells carry intervals."""
    faint: bool = False
    """Whether it is set back: published numbers beside the study's own."""


def integers(title: str, value: Getter | None = None, name: str = "", *, faint: bool = False) -> Column:
    """A column of whole numbers."""
    return Column(title, value, Format.COUNT, name, faint=faint)


def shares(title: str, value: Getter | None = None, name: str = "", *, faint: bool = False) -> Column:
    """A column of shares without intervals."""
    return Column(title, value, Format.SHARE, name, faint=faint)


def numbers(title: str, value: Getter | None = None, name: str = "") -> Column:
    """A column of other numbers without intervals."""
    return Column(title, value, Format.NUMBER, name)


def estimates(title: str, value: Getter | None = None, name: str = "", *, form: Format = Format.SHARE) -> Column:
    """A column of numbers with their intervals."""
    return Column(title, value, form, name, interval=True)


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
        columns: Sequence[Column],
        records: Iterable[Any],
        *,
        foot: int = 0,
        groups: Iterable[tuple[str, int]] = (),
        wide: bool = False,
        **words: Any,
    ) -> Self:
        """A table of `records`, the last `foot` of them totals; caption and notes are the passage "table <name>"."""
        rows = [
            [_cell(_read(record, column.value or str(place))) for place, column in enumerate(columns)]
            for record in records
        ]
        caption, *notes = passage(f"table {name}", **words)
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
        names = [name for column in self.columns for name in _names(column)]
        rows = [
            [value for column, cell in zip(self.columns, row, strict=True) for value in _values(column, cell)]
            for row in self.rows
        ]
        write_table(file, pd.DataFrame(rows, columns=names, dtype=object))
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
    match column.format:
        case Format.SHARE:
            return percent(value)
        case Format.SECONDS:
            return duration(value)
        case Format.NUMBER:
            return f"{value:.2f}"
        case Format.P_VALUE:
            return f"{value:.3f}" if value >= _SMALLEST_P else f"< {_SMALLEST_P}"
        case Format.RATE:
            return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        case _:
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


def _read(record: Any, getter: Getter) -> Any:
    if callable(getter):
        return getter(record)
    for name in getter.split("."):
        if record is None:
            return None
        if isinstance(record, Mapping):
            record = record.get(name)
        else:
            record = record[int(name)] if name.isdigit() else getattr(record, name)
    return record


def _cell(content: Any) -> Cell:
    return content if isinstance(content, Cell) else Cell.of(content)


def _names(column: Column) -> list[str]:
    name = column.name or column.title
    return [name, f"{name} low", f"{name} high"] if column.interval else [name]


def _values(column: Column, cell: Cell) -> list[Value]:
    values = [cell.value, cell.low, cell.high] if column.interval else [cell.value]
    return [round(value, 6) if isinstance(value, float) else value for value in values]
