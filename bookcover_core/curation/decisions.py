"""Decisions on box-set candidates: `curation/decisions.csv`.

The review page writes the file, and a person may. It has a header and the columns

    key         the book; its FILENAME may stand here, or in a column filename
    decision    keep, reject, or open: undecided again; empty: the row says nothing
    by, at, why who decided it, when, and for what reason; each may be empty or absent

in any order; other columns do no harm, so that `curation/open.csv`, filled in, can be saved as decisions.csv. Of
several rows for one book the last one counts. A decision may name any book, not only a candidate.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.errors import DecisionsError
from bookcover_core.listings.books import each_book
from bookcover_core.listings.listing_format import UTF_16_MARKS
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, as_cell, from_cell, write_bytes

COLUMNS = ("key", "decision", "by", "at", "why")

DecisionValue = Literal["keep", "reject", "open"]


class Decision(BaseModel):
    """One person's decision on one book."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(min_length=1, description="The book.")
    decision: DecisionValue = Field(description="Whether the book stays in the study; open: that is undecided again.")
    by: str = Field(default="", description="Who decided it.")
    at: str = Field(default="", description="When, as ISO 8601.")
    why: str = Field(default="", description="For what reason.")


def decisions_file(study: Study) -> Path:
    """Where the study's decisions lie, whether or not there are any."""
    return study.workspace.curation / "decisions.csv"


def read_decisions(file: Path, names: BookNames | None = None) -> dict[str, Decision]:
    """The decisions that stand in `file`, by key: the last for each book, if that is keep or reject.

    There are none where there is no such file.

    Args:
        file: The file.
        names: The books of the study. With them a row may name its book in other ways than by its key, such as without
            the leading zeros that a spreadsheet dropped; its FILENAME in a column `filename` helps.

    Raises:
        DecisionsError: The file is not CSV in UTF-8, a column is missing, or a row is malformed; names file and line.
    """
    if not file.exists():
        return {}
    return _read_standing(file, _read_text(file), names)


def standing_decisions(study: Study) -> dict[str, Decision]:
    """The decisions that stand in the study's file, by key of the book; by what the file says where that is no book's.

    Raises:
        DecisionsError: As of `read_decisions`.
    """
    return read_decisions(decisions_file(study), book_names(study))


def book_names(study: Study) -> BookNames | None:
    """The names of the study's books; None before the listings are read."""
    try:
        status = study.workspace.books.stat()
    except FileNotFoundError:
        return None
    return _book_names(study.workspace, (status.st_mtime_ns, status.st_size))


# Few studies are reviewed at a time.
@lru_cache(maxsize=2)
def _book_names(workspace: Workspace, stamp: tuple[int, int]) -> BookNames:  # noqa: ARG001 - another file, other names
    return BookNames((book.key, book.filename, book.category) for book in each_book(workspace))


def _find_key(key: str, filename: str, names: BookNames) -> str:
    """The key of the book that a row names; the row's own where it names none."""
    exact = key if names.has(key) else names.find(filename) if filename else None
    return exact or (names.find(key) if key else None) or key or filename


def append_decision(study: Study, key: str, decision: DecisionValue, *, by: str, why: str = "") -> Decision:
    """The decision on the book `key`, now the last row of the study's decisions.csv, with the time of day (UTC).

    The file is replaced as a whole or left as it was; columns that a person added stay.

    Raises:
        DecisionsError: The file as it stands cannot be read.
    """
    made = Decision(key=key, decision=decision, by=by, at=_now(), why=why)
    file = decisions_file(study)
    with exclusive(file):
        text = _text_to_extend(file)
        _read_standing(file, text, None)
        _write(file, text, [made])
    return made


def append_decisions(
    study: Study, wanted: Iterable[Decision], seen: Mapping[str, Decision | None]
) -> dict[str, Decision | None]:
    """What stands on each of these books, by key, once the wanted decisions are made; None: the book is undecided.

    A decision is made only if what stands on its book is what the person saw; another one, made meanwhile by somebody
    else, stays. Nor is a decision made twice that stands already, by the same person and for the same reason. Rows are
    added as by `append_decision`, all or none.

    Args:
        study: The study.
        wanted: The decisions; their time is set here.
        seen: What stood on each book when it was decided on, by key.

    Raises:
        DecisionsError: The file as it stands cannot be read.
    """
    file = decisions_file(study)
    with exclusive(file):
        text = _text_to_extend(file)
        standing = _read_standing(file, text, book_names(study))
        made, outcome = [], {}
        for each in wanted:
            now = standing.get(each.key)
            if not _is_same(now, each) and seen.get(each.key) == now:
                now = each.model_copy(update={"at": _now()})
                made.append(now)
            outcome[each.key] = None if now is None or now.decision == "open" else now
        if made:
            _write(file, text, made)
    return outcome


def _is_same(standing: Decision | None, wanted: Decision) -> bool:
    if standing is None:
        return wanted.decision == "open"
    return standing.model_copy(update={"at": wanted.at}) == wanted


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text_to_extend(file: Path) -> str:
    """The text of `file`, or of a new one, ready for a further line."""
    text = (_read_text(file) if file.exists() else "") or ",".join(COLUMNS) + "\n"
    return text if text.endswith("\n") else text + "\n"


def _write(file: Path, text: str, made: Iterable[Decision]) -> None:
    """Write `text` and a row for each decision, in the columns that it has."""
    delimiter = _find_delimiter(text)
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    rows = io.StringIO(newline="")
    for each in made:
        values = each.model_dump()
        csv.writer(rows, delimiter=delimiter, lineterminator="\n").writerow(
            [as_cell(values.get(column.strip().lower(), "")) for column in header]
        )
    write_bytes(file, (text + rows.getvalue()).encode())


def _read_standing(file: Path, text: str, names: BookNames | None) -> dict[str, Decision]:
    """The decisions that stand, by key, in `text`, which is that of `file`."""
    decisions: dict[str, Decision] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    try:
        _check_header(file, reader.fieldnames)
        for row in reader:
            if decision := _read_row(row, f"{file}, line {reader.line_num}", names):
                decisions[decision.key] = decision
    except csv.Error as error:
        raise DecisionsError(
            f"this is not CSV ({error})",
            where=f"{file}, line {reader.reader.line_num}",
            advice="Mend or remove the line.",
        ) from None
    return {key: decision for key, decision in decisions.items() if decision.decision != "open"}


def _read_text(file: Path) -> str:
    """The text of `file`: UTF-8, or UTF-16 with its mark."""
    if not file.is_file():  # a pipe might never end
        raise DecisionsError("the decisions are no file", where=file, advice="Move it away, or replace it by a file.")
    try:
        content = file.read_bytes()
        return content.decode("utf-16" if content.startswith(UTF_16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes().count(b"\n", 0, error.start) + 1
        raise DecisionsError(
            "the decisions are not text in UTF-8", where=f"{file}, line {line}", advice="Save the file as CSV in UTF-8."
        ) from None
    except OSError as error:
        raise DecisionsError(
            f"the decisions cannot be read ({error.strerror})", where=file, advice="Mend the file's permissions."
        ) from None


def _find_delimiter(text: str) -> str:
    """What parts the columns of the header: a comma or, as some spreadsheets write it, a semicolon or tab."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _check_header(file: Path, header: "Sequence[str] | None") -> None:
    names = [name.strip().lower() for name in header or []]
    missing = [name for name in ("key", "decision") if name not in names]
    if header is not None and missing:
        raise DecisionsError(
            f"the first line names no column {' and no column '.join(missing)}",
            where=f"{file}, line 1",
            advice=f"It should read {','.join(COLUMNS)}.",
        )


def _read_row(row: "dict[str, str]", where: str, names: BookNames | None) -> Decision | None:
    """The decision in one row; None where it holds none."""
    if None in row:
        raise DecisionsError(
            "there are more fields than columns", where=where, advice="Put text that has commas in double quotes."
        )
    values = {name.strip().lower(): from_cell((value or "").strip()) for name, value in row.items()}
    decided = values["decision"].lower()
    if not decided:
        return None
    if names is not None:
        values["key"] = _find_key(values["key"], values.get("filename", ""), names)
    if not values["key"]:
        raise DecisionsError("the row names no book", where=where, advice="Fill in its key, or remove the line.")
    if decided not in get_args(DecisionValue):
        raise DecisionsError(f"{decided!r} is no decision", where=where, advice="Write keep, reject or open.")
    known = {name: values.get(name, "") for name in COLUMNS}
    return Decision.model_validate(known | {"decision": decided})
