"""The review queue: box-set candidates and replacements that people review, and what is still undecided.

With `curation.undecided` = "ask" or "fail" no book is selected before every candidate is decided on, including those of
the pool that would replace a rejected one. Section 3.1 reviewed 264 candidates, and every replacement.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from bookcover_core.covers.chunks import ledger_parts
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.curation.box_set_candidates import candidate_files, candidate_rows, compile_term, table_rows
from bookcover_core.curation.decisions import COLUMNS, Decision, decisions_file, standing_decisions
from bookcover_core.curation.selection import UNDECIDED, BookSelection, select_books
from bookcover_core.errors import DecisionsError, ReviewNeededError
from bookcover_core.listings.books import POOL
from bookcover_core.listings.name_index import BookNames
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import Workspace, file_stamp, write_csv

logger = logging.getLogger(__name__)

_REPLACED, _DRAWN = "replacements.csv", "drawn.csv"


class ReviewReason(StrEnum):
    """Why a book is under review."""

    CANDIDATE = "candidate"  # its title has a box-set term, or its cover
    REPLACEMENT = "replacement"  # it replaces another book, or would
    OTHER = "other"  # somebody decided on it of their own accord


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A book under review, with its cover and the decision on it."""

    key: str
    title: str
    author: str
    genre: str
    term: str  # the term that it was found by; empty where it was not
    read: str  # what its cover says there; empty where the title has the term
    match: tuple[int, int]
    role: str
    kind: ReviewReason
    needed: bool  # whether the selection waits for a decision on it
    url: str
    path: str
    sha256: str
    decision: Decision | None = None

    @property
    def is_open(self) -> bool:
        """Whether the selection waits for it still."""
        return self.needed and self.decision is None


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """The books under review in one study."""

    items: tuple[ReviewItem, ...]  # candidates first, then replacements, then others; by genre and title
    unusable: int  # candidates without a usable cover, which need no decision
    coming: int  # candidates whose cover has not been downloaded yet

    @property
    def open(self) -> list[ReviewItem]:
        """Those that the selection waits for."""
        return [item for item in self.items if item.is_open]


def review_queue(study: Study) -> ReviewQueue:
    """The current queue of a study whose candidates have been searched for; its covers may still be on their way.

    Quick enough for every request: listings and ledgers are read only when they have changed.
    """
    study.manifest("candidates")
    workspace = study.workspace
    candidates = tuple(candidate_files(study).values())
    ledgers = tuple(workspace.ledger / f"{part}.csv" for part in ledger_parts(study))
    tables = (workspace.curation / name for name in (_REPLACED, _DRAWN))
    stamps = tuple(map(file_stamp, (workspace.books, workspace.genres, *candidates, *ledgers, *tables)))
    decisions = standing_decisions(study)
    queue = _find_queue(workspace, candidates, ledgers, frozenset(decisions), stamps)
    return replace(queue, items=tuple(replace(item, decision=decisions.get(item.key)) for item in queue.items))


def find_open(study: Study) -> list[ReviewItem]:
    """The books that the selection waits for, including pool books that the current decisions would bring in.

    The latter are noted in `curation/drawn.csv`, and are in `review_queue` from then on. This may take seconds.
    """
    selection = select_books(study)
    write_csv(study.workspace.curation / _DRAWN, ["key"], ([key] for key in selection.undecided(selection.added)))
    return review_queue(study).open


# Few studies are reviewed at a time, and a queue is small.
@lru_cache(maxsize=16)
def _find_queue(
    workspace: Workspace,
    candidates: tuple[Path, ...],
    ledgers: tuple[Path, ...],
    named: frozenset[str],
    stamps: tuple[tuple[int, ...], ...],  # noqa: ARG001 - another stamp is another queue
) -> ReviewQueue:
    found_by = candidate_rows(candidates)
    added = {row["replaced_by"] for row in table_rows(workspace.curation / _REPLACED) if row["replaced_by"]}
    drawn = {row["key"] for row in table_rows(workspace.curation / _DRAWN)}
    wanted = {*found_by, *added, *named, *drawn}
    genres = {row["category_id"]: row["name"] for row in table_rows(workspace.genres)}
    covers = {row["key"]: row for ledger in ledgers for row in table_rows(ledger, wanted)}
    items, of_role = [], (ReviewReason.OTHER, ReviewReason.REPLACEMENT)
    unusable = coming = 0
    for book in table_rows(workspace.books, wanted):
        key, in_pool = book["key"], book["role"] == POOL
        is_candidate = key in found_by and not in_pool
        if book["category_id"] not in genres or not (is_candidate or key in added or key in named or key in drawn):
            continue
        cover = covers.get(key)
        if cover is None or cover["outcome"] != CoverOutcome.OK:
            coming += is_candidate and cover is None
            unusable += is_candidate and cover is not None
            continue
        term, read = (found_by[key][name] if key in found_by else "" for name in ("term", "read"))
        found = compile_term(term).search(book["title"]) if term and not read else None
        item = ReviewItem(
            **{name: book[name] for name in ("key", "title", "author", "role", "url")},
            **{name: cover[name] for name in ("path", "sha256")},
            genre=genres[book["category_id"]],
            term=term,
            read=read,
            match=found.span() if found else (0, 0),
            kind=ReviewReason.CANDIDATE if is_candidate else of_role[in_pool],
            needed=is_candidate or key in drawn,
        )
        items.append(item)
    order = list(ReviewReason)
    items.sort(key=lambda item: (order.index(item.kind), item.genre, item.title.casefold(), item.key))
    return ReviewQueue(tuple(items), unusable, coming)


def check_known(study: Study, decisions: Collection[str], names: BookNames) -> None:
    """Raise `DecisionsError` where decisions, by key, name no book; log them where `curation.unmatched` is "skip"."""
    unknown = sorted(key for key in decisions if not names.has(key))
    if not unknown:
        return
    named = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
    reason = f"{len(unknown)} decisions name no book of the study, or several ({named})"
    if study.settings.curation.unmatched == "skip":
        logger.warning("%s: %s", decisions_file(study), reason)
        return
    advice = 'Write the key or FILENAME of the book, or go on without them with curation.unmatched = "skip".'
    raise DecisionsError(reason, where=decisions_file(study), advice=advice)


def check_reviewed(study: Study, selection: BookSelection) -> int:
    """Number of undecided candidates; `ReviewNeededError` if any, and `curation.undecided` is "ask" or "fail"."""
    waiting = {each.key for each in selection.replacements if each.reason == UNDECIDED}
    waiting |= {*selection.undecided([*selection.kept, *selection.added])}
    file = study.workspace.curation / "open.csv"
    if not waiting or study.settings.curation.undecided in {"keep", "reject"}:
        file.unlink(missing_ok=True)
        return len(waiting)
    known = candidate_rows(candidate_files(study).values())
    asked = [known[key] for key in known.keys() & {*waiting, *selection.decisions}]
    asked.sort(key=lambda row: (row["key"] not in waiting, row["key"]))
    for row in asked:
        row |= {column: getattr(selection.decisions.get(row["key"]), column, "") for column in COLUMNS[1:]}
    columns = (*COLUMNS, "filename", "title", "category", "term", "read")
    write_csv(file, columns, ([row[column] for column in columns] for row in asked))
    by_hand = f"fill in the column decision (keep or reject) and save the file as {decisions_file(study)}"
    advice = f"Decide on them with `bookcover review`; or {by_hand}. What is decided and downloaded is kept."
    raise ReviewNeededError(f"{len(waiting)} box-set candidates are undecided", where=file, advice=advice)
