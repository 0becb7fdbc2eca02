"""What people decided on box-set candidates: `curation/decisions.csv`.

A person writes the file. It has a header and the columns

    key         the book
    decision    keep or reject; empty: not decided yet
    by, at, why who decided it, when, and for what reason; each may be empty or absent

in any order; other columns do no harm, so that `curation/open.csv`, filled in, can be saved as decisions.csv. Of
several rows for one book the last one counts: a later decision overrules an earlier one without erasing it.
A decision may name any book, not only a candidate.
"""

import csv
import io
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.errors import DecisionsError
from bookcover_core.study import Study
from bookcover_core.workspace import write_bytes

COLUMNS = ("key", "decision", "by", "at", "why")

_APPENDING = threading.Lock()


class Decision(BaseModel):
    """One person's decision on one book."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(min_length=1, description="The book.")
    decision: Literal["keep", "reject"] = Field(description="Whether the book stays in the study.")
    by: str = Field(default="", description="Who decided it.")
    at: str = Field(default="", description="When, as ISO 8601.")
    why: str = Field(default="", description="For what reason.")


def decisions_file(study: Study) -> Path:
    """Where the study's decisions lie, whether or not there are any."""
    return study.workspace.curation / "decisions.csv"


def read_decisions(file: Path) -> dict[str, Decision]:
    """The decisions in `file` by key, the last for each book; none where there is no such file.

    Raises:
        DecisionsError: The file is not CSV in UTF-8, a column is missing, or a row is malformed; names file and line.
    """
    if not file.exists():
        return {}
    decisions: dict[str, Decision] = {}
    reader = csv.DictReader(io.StringIO(_read_text(file), newline=""), strict=True)
    try:
        _check_header(file, reader.fieldnames)
        for row in reader:
            if decision := _read_row(row, f"{file}, line {reader.line_num}"):
                decisions[decision.key] = decision
    except csv.Error as error:
        raise DecisionsError(
            f"this is not CSV ({error})",
            where=f"{file}, line {reader.reader.line_num}",
            advice="Mend or remove the line.",
        ) from None
    return decisions


def append_decision(study: Study, key: str, decision: Literal["keep", "reject"], *, by: str, why: str = "") -> Decision:
    """The decision on the book `key`, now the last row of the study's decisions.csv, with the time of day (UTC).

    The file is replaced as a whole or left as it was; columns that a person added stay.

    Raises:
        DecisionsError: The file as it stands cannot be read.
    """
    made = Decision(key=key, decision=decision, by=by, at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", why=why)
    file = decisions_file(study)
    with _APPENDING:
        read_decisions(file)
        text = _read_text(file) if file.exists() else ""
        text = text or ",".join(COLUMNS) + "\n"
        if not text.endswith("\n"):
            text += "\n"
        row = io.StringIO(newline="")
        header = next(csv.reader(io.StringIO(text, newline="")))
        values = made.model_dump()
        csv.writer(row, lineterminator="\n").writerow([values.get(column.strip().lower(), "") for column in header])
        write_bytes(file, (text + row.getvalue()).encode())
    return made


def _read_text(file: Path) -> str:
    """The text of `file`, without the mark that spreadsheets put in front of UTF-8."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes().count(b"\n", 0, error.start) + 1
        raise DecisionsError(
            "the decisions are not text in UTF-8", where=f"{file}, line {line}", advice="Save the file as CSV in UTF-8."
        ) from None
    except OSError as error:
        raise DecisionsError(
            f"the decisions cannot be read ({error.strerror})", where=file, advice="Mend the file's permissions."
        ) from None


def _check_header(file: Path, header: "Sequence[str] | None") -> None:
    names = [name.strip().lower() for name in header or []]
    missing = [name for name in ("key", "decision") if name not in names]
    if header is not None and missing:
        raise DecisionsError(
            f"the first line names no column {' and no column '.join(missing)}",
            where=f"{file}, line 1",
            advice=f"It should read {','.join(COLUMNS)}, with commas.",
        )


def _read_row(row: "dict[str, str]", where: str) -> Decision | None:
    """The decision in one row; None where it holds none yet.

    Raises:
        DecisionsError: It has more fields than the header, names no book, or decides neither keep nor reject.
    """
    if None in row:
        raise DecisionsError(
            "there are more fields than columns", where=where, advice="Put text that has commas in double quotes."
        )
    values = {name.strip().lower(): (value or "").strip() for name, value in row.items()}
    decided = values["decision"].lower()
    if not decided:
        return None
    if not values["key"]:
        raise DecisionsError("the row names no book", where=where, advice="Fill in its key, or remove the line.")
    if decided not in ("keep", "reject"):
        raise DecisionsError(f"{decided!r} is no decision", where=where, advice="Write keep or reject.")
    known = {name: values.get(name, "") for name in COLUMNS}
    return Decision.model_validate(known | {"decision": decided})
