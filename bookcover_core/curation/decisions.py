"""Decisions on box-set candidates: `curation/decisions.csv`.

The review page writes the file, and a person may. It has a header and the columns

    key         the book; its FILENAME may stand here, or in a column filename
    decision    keep, reject, or open: undecided again; empty: the row says nothing
    by, at, why who decided it, when, and for what reason; each may be empty or absent

in any order; other columns do no harm, so that `curation/open.csv`, filled in, can be saved as decisions.csv. Of
several rows for one book the last one counts. A decision may name any book, not only a candidate.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.curation.edited_table import EditedTable, book_names, find_key, read_edited
from bookcover_core.errors import DecisionsError
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.study import Study

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
        DecisionsError: The file is not CSV, a column is missing, or a row is malformed; names file and line.
    """
    return _standing(read_edited(file, COLUMNS), names)


def standing_decisions(study: Study) -> dict[str, Decision]:
    """The decisions that stand in the study's file, by key of the book; by what the file says where that is no book's.

    Raises:
        DecisionsError: As of `read_decisions`.
    """
    return read_decisions(decisions_file(study), book_names(study))


def append_decision(study: Study, key: str, decision: DecisionValue, *, by: str, why: str = "") -> Decision:
    """The decision on the book `key`, now the last row of the study's decisions.csv, with the time of day (UTC).

    The file is replaced as a whole or left as it was; columns that a person added stay.

    Raises:
        DecisionsError: The file as it stands cannot be read.
    """
    made = Decision(key=key, decision=decision, by=by, at=_now(), why=why)
    file = decisions_file(study)
    with exclusive(file):
        table = read_edited(file, COLUMNS)
        _standing(table, None)
        table.append([made.model_dump()])
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
        table = read_edited(file, COLUMNS)
        standing = _standing(table, book_names(study))
        made, outcome = [], {}
        for each in wanted:
            now = standing.get(each.key)
            if not _is_same(now, each) and seen.get(each.key) == now:
                now = each.model_copy(update={"at": _now()})
                made.append(now)
            outcome[each.key] = None if now is None or now.decision == "open" else now
        if made:
            table.append(each.model_dump() for each in made)
    return outcome


def _is_same(standing: Decision | None, wanted: Decision) -> bool:
    if standing is None:
        return wanted.decision == "open"
    return standing.model_copy(update={"at": wanted.at}) == wanted


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _standing(table: EditedTable, names: BookNames | None) -> dict[str, Decision]:
    """The decisions that stand, by key."""
    decisions: dict[str, Decision] = {}
    for line, row in table.rows:
        decided = row.get("decision", "").lower()
        if not decided:
            continue
        where, key = table.where(line), find_key(row, names)
        if not key:
            raise DecisionsError("the row names no book", where=where, advice="Fill in its key, or remove the line.")
        if decided not in get_args(DecisionValue):
            raise DecisionsError(f"{decided!r} is no decision", where=where, advice="Write keep, reject or open.")
        known = {name: row.get(name, "") for name in COLUMNS}
        decisions[key] = Decision.model_validate(known | {"key": key, "decision": decided})
    return {key: decision for key, decision in decisions.items() if decision.decision != "open"}
