"""Cells of CSV files that people open in a spreadsheet, which runs text that begins like a formula.

`workspace` writes every table of a study with `as_cell` and reads it with `from_cell`: such a text stands behind an
apostrophe, as spreadsheets themselves write it, and nothing that is computed changes. See OWASP, "CSV Injection".
"""

import re

# Signs that begin a formula, full-width ones too; also behind apostrophes, so that those of a text itself come back.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - full-width signs are meant
_SIGNS = frozenset("'=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - as above
_NUMBER = re.compile(r"[+-]?\d[\d.]*(?:e[+-]?\d+)?", re.IGNORECASE)


def as_cell(text: str) -> str:
    """`text` as it is written: one that a spreadsheet would run stands behind an apostrophe. A number is none."""
    if text[:1] not in _SIGNS or not _FORMULA.match(text) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def from_cell(cell: str) -> str:
    """The text that `as_cell` wrote as `cell`."""
    return cell[1:] if cell[:1] == "'" and as_cell(cell[1:]) == cell else cell
