"""Decisions on box-set candidates: `curation/decisions.csv`.

The review page writes the file, and a person may. It has a header and the columns

    key         the book; its FILENAME may stand here, or in a column filename
    decision    keep, reject, or open: undecided again; empty: the row says nothing
    by, at, why who decided it, when, and for what reason; each may be empty or absent

in any order; other columns do no harm, so that `curation/open.csv`, filled in, can be saved as decisions.csv. Of
several rows for one book the last one counts. A decision may name any book, not only a candidate.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from bookcover_core.curation.edited_table import EditedRow, EditedTable, book_names
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.study import Study

DecisionValue = Literal["keep", "reject", "open"]


class Decision(EditedRow):
    """One person's decision on one book."""

    verdict_column = "decision"
    time_column = "at"

    decision: DecisionValue = Field(description="Whether the book stays in the study; open: that is undecided again.")
    by: str = Field(default="", description="Who decided it.")
    at: str = Field(default="", description="When, as ISO 8601.")
    why: str = Field(default="", description="For what reason.")


COLUMNS = tuple(Decision.model_fields)


def decisions_file(study: Study) -> Path:
    """Where the study's decisions lie, whether or not there are any."""
    return study.workspace.curation / "decisions.csv"


def read_decisions(file: Path, names: BookNames | None = None) -> dict[str, Decision]:
    """The decisions that stand in `file`, by key: see `EditedTable.read`; `names` are the study's books."""
    return EditedTable(file, Decision, names).read()


def standing_decisions(study: Study) -> dict[str, Decision]:
    """The decisions that stand in the study's file, by key of the book."""
    return read_decisions(decisions_file(study), book_names(study))


def append_decision(study: Study, key: str, decision: DecisionValue, *, by: str, why: str = "") -> Decision | None:
    """The decision on the book `key`, made whatever stands on it; see `append_decisions`."""
    return append_decisions(study, [Decision(key=key, decision=decision, by=by, why=why)])[key]


def append_decisions(
    study: Study, wanted: Iterable[Decision], seen: Mapping[str, Decision | None] | None = None
) -> dict[str, Decision | None]:
    """What stands on each of these books once the wanted decisions are made; see `EditedTable.add`."""
    return EditedTable(decisions_file(study), Decision, book_names(study)).add(wanted, seen)
