"""The review of box-set candidates: which are still to be decided on, and where a person decides.

Stands between the candidates and the choice of books: with `curation.undecided` = "fail" no book is chosen before every
candidate is decided on.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from bookcover_core.curation.books import Book
from bookcover_core.curation.decisions import COLUMNS, Decision, decisions_file
from bookcover_core.curation.faults import Cover, find_fault
from bookcover_core.errors import ReviewNeededError
from bookcover_core.study import Study
from bookcover_core.workspace import read_table, write_table

logger = logging.getLogger(__name__)


def warn_of_unknown(file: Path, decisions: Mapping[str, Decision], books: Iterable[Book]) -> None:
    """Log which decisions name no book of the study."""
    unknown = sorted(set(decisions) - {book.key for book in books})
    if unknown:
        logger.warning(
            "%s: %d decisions name no book of the study (%s): spreadsheets drop the leading zeros of keys",
            file,
            len(unknown),
            ", ".join(unknown[:5]),
        )


def check_reviewed(
    study: Study,
    wanted: Iterable[Book],
    covers: Mapping[str, Cover],
    decisions: Mapping[str, Decision],
    candidates: Collection[str],
) -> int:
    """How many candidates with a sound cover are undecided.

    Raises:
        ReviewNeededError: There are some, and `curation.undecided` is "fail".
    """
    waiting = [
        book.key
        for book in wanted
        if book.key in candidates
        and book.key not in decisions
        and not find_fault(book, covers.get(book.key), None, candidate=True, reject_undecided=False)
    ]
    file = study.workspace.curation / "open.csv"
    if not waiting or study.settings.curation.undecided != "fail":
        file.unlink(missing_ok=True)
        return len(waiting)
    asked = read_table(study.workspace.curation / "candidates.csv")
    asked = asked[asked["key"].isin([*waiting, *decisions])].copy()
    for column in COLUMNS[1:]:
        asked[column] = [getattr(decisions.get(key), column, "") for key in asked["key"]]
    asked["first"] = ~asked["key"].isin(waiting)
    asked = asked.sort_values(["first", "key"])[[*COLUMNS, "filename", "title", "category", "term"]]
    write_table(file, asked)
    raise ReviewNeededError(
        f"{len(waiting)} box-set candidates are undecided",
        where=file,
        advice=f"Fill in the column decision (keep or reject) and save the file as {decisions_file(study)}. "
        "What is decided and downloaded is kept.",
    )
