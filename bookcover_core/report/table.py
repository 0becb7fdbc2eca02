"""A table as the report knows it: shown in the page, and written as CSV with full numbers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pandas as pd

from bookcover_core.evaluation.scores import Estimate
from bookcover_core.pipeline.workspace import write_table

Value = str | int | float | None

# Stands for what is not there, and between the ends of an interval.
DASH = "\N{EN DASH}"

# Smaller p-values are not shown: nothing is known that well.
_SMALLEST_CHANCE = 0.001


class Kind(StrEnum):
    """What the cells of a column hold, and so how they are shown."""

    TEXT = "text"
    COUNT = "count"
    """A whole number, with thousands marked."""
    SHARE = "share"
    """From 0 to 1, shown in per cent with one decimal."""
    SECONDS = "seconds"
    RATE = "rate"
    """Items a second."""
    NUMBER = "number"
    """Any other number, shown with two decimals."""
    CHANCE = "chance"
    """A p-value, shown with three decimals, and as "< 0.001" below them."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    kind: Kind = Kind.TEXT
    name: str = ""
    """Name in the CSV; empty: the title."""
    interval: bool = False
    """Whether its cells carry intervals."""
    faint: bool = False
    """Whether it is set back: published numbers beside the study's own."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    value: Value = None
    low: float | None = None
    high: float | None = None
    best: bool = False

    @classmethod
    def of(cls, estimate: Estimate | None, *, best: bool = False) -> "Cell":
        """The cell of an estimate with its interval; an empty one without estimate."""
        return cls() if estimate is None else cls(estimate.value, estimate.low, estimate.high, best=best)


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


def show(cell: Cell, column: Column) -> str:
    """A cell's value for people."""
    value = cell.value
    if value is None or isinstance(value, str):
        return value or DASH
    if column.kind is Kind.SHARE:
        return percent(float(value))
    if column.kind is Kind.SECONDS:
        return duration(float(value))
    if column.kind is Kind.NUMBER:
        return f"{value:.2f}"
    if column.kind is Kind.CHANCE:
        return f"{value:.3f}" if value >= _SMALLEST_CHANCE else f"< {_SMALLEST_CHANCE}"
    if column.kind is Kind.RATE:
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def show_interval(cell: Cell, kind: Kind = Kind.SHARE) -> str:
    """A cell's interval for people, of a share in per cent; empty without one."""
    if cell.low is None or cell.high is None:
        return ""
    low, high = (f"{end:.2f}" if kind is Kind.NUMBER else percent(end) for end in (cell.low, cell.high))
    return f"{low} to {high}" if cell.low < 0 else f"{low}{DASH}{high}"


def markdown(table: Table) -> str:
    """The table for people as Markdown: numbers to the right, totals bold, intervals in brackets, notes below it."""
    lines = [
        markdown_row([column.title for column in table.columns]),
        markdown_row(["---" if column.kind is Kind.TEXT else "---:" for column in table.columns]),
    ]
    for place, row in enumerate(table.rows):
        cells = [
            plain_markdown(show(cell, column))
            + (f" ({interval})" if (interval := show_interval(cell, column.kind)) else "")
            for cell, column in zip(row, table.columns, strict=True)
        ]
        lines.append(markdown_row([f"**{cell}**" for cell in cells] if place >= len(table.body) else cells))
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)]) + "\n"


def markdown_row(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def plain_markdown(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would take for markup made harmless."""
    return re.sub(r"([\\`*_\[\]<>~])", r"\\\1", " ".join(text.split()))


def percent(share: float) -> str:
    """A share in per cent with one decimal, without the sign."""
    return f"{100 * share:.1f}"


def duration(seconds: float) -> str:
    """A time for people: "0.4 s", "12 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _names(column: Column) -> list[str]:
    name = column.name or column.title
    return [name, f"{name} low", f"{name} high"] if column.interval else [name]


def _values(column: Column, cell: Cell) -> list[Value]:
    values = [cell.value, cell.low, cell.high] if column.interval else [cell.value]
    return [round(value, 6) if isinstance(value, float) else value for value in values]
