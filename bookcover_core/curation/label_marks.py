"""Marks on labels that are wrong: `curation/labels.csv`, written by the page of covers or by a person.

    key       the book; its FILENAME may stand here, or in a column filename
    verdict   wrong, right, or open: nothing is said of its label
    genre     of a wrong label, the right genre; empty: nobody is sure which
    note      in people's own words
    who, when

The columns stand in any order; of several rows for one book the last one counts. The setting `curation.labels` says
whether a study uses them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.curation.edited_table import EditedTable, book_names, find_key, read_edited
from bookcover_core.errors import DecisionsError, choose_among
from bookcover_core.listings.books import TEST, read_genres
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study

if TYPE_CHECKING:
    import pandas as pd

LabelVerdict = Literal["wrong", "right", "open"]


class LabelMark(BaseModel):
    """One person's mark on one book."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(min_length=1, description="The book.")
    verdict: LabelVerdict = Field(description="Whether its label is wrong; open: nothing is said of it.")
    genre: str = Field(default="", description="The right genre of a wrong label; empty: not known.")
    note: str = Field(default="", description="In people's own words.")
    who: str = Field(default="", description="Who made the mark.")
    when: str = Field(default="", description="When, as ISO 8601.")


_COLUMNS = tuple(LabelMark.model_fields)


def labels_file(study: Study) -> Path:
    """Where the study's marks lie, whether or not there are any."""
    return study.workspace.curation / "labels.csv"


def read_marks(study: Study) -> dict[str, LabelMark]:
    """The marks that stand, by key of the book; none where there is no file.

    Raises:
        DecisionsError: The file is not CSV, a column is missing, or a row is malformed; names file and line.
    """
    return _standing(study, read_edited(labels_file(study), _COLUMNS))


def wrong_labels(study: Study) -> dict[str, str]:
    """The right genre by key of each book whose label is marked wrong; empty where it is not known.

    Raises:
        DecisionsError: As of `read_marks`.
    """
    return {key: mark.genre for key, mark in read_marks(study).items() if mark.verdict == "wrong"}


def label_inputs(study: Study, *uses: str) -> dict[str, str]:
    """The input of a stage that uses wrong labels where `curation.labels` is one of `uses`; none where it is not."""
    if study.settings.curation.labels not in uses:
        return {}
    return {"labels": digest_of(sorted(wrong_labels(study).items()))}


def apply_marks(study: Study, books: "pd.DataFrame", sides: Mapping[str, str]) -> "tuple[pd.DataFrame, dict[str, int]]":
    """The books as `curation.labels` uses the marks, and what became of those whose label is marked wrong.

    Training and validation books are corrected, where people named the right genre, or left out. Test books are
    neither: who changes their labels, perhaps after a look at the predictions, no longer tests.

    Args:
        study: The study.
        books: Its books: key, label, genre and more.
        sides: train, validation or test of each, by key.
    """
    wrong = {key: genre for key, genre in wrong_labels(study).items() if key in sides}
    learnt = {key: genre for key, genre in wrong.items() if sides[key] != TEST}
    counts = {"test books, as published": len(wrong) - len(learnt)}
    if study.settings.curation.labels == "leave-out":
        return books[~books["key"].isin(list(learnt))], counts | {"left out": len(learnt)}
    labels = {genre.name: genre.label for genre in read_genres(study.workspace)}
    genres = [learnt.get(key) or own for key, own in zip(books["key"], books["genre"], strict=True)]
    counts |= {"corrected": int((books["genre"] != genres).sum()), "no right genre": list(learnt.values()).count("")}
    return books.assign(genre=genres, label=[labels[genre] for genre in genres]), counts


def save_mark(study: Study, mark: LabelMark, seen: LabelMark | None) -> LabelMark | None:
    """What stands on a book once `mark` is made, with the time of day (UTC): the mark, if `seen` is what stood there.

    Another one, made meanwhile by somebody else, stays. The file is replaced as a whole or left as it was; columns that
    a person added stay.

    Raises:
        DecisionsError: The file as it stands cannot be read.
    """
    file = labels_file(study)
    with exclusive(file):
        table = read_edited(file, _COLUMNS)
        standing = _standing(study, table).get(mark.key)
        if standing != seen:
            return standing
        made = mark.model_copy(update={"when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
        table.append([made.model_dump()], needed=_COLUMNS)
    return made if _says_something(made) else None


def _says_something(mark: LabelMark) -> bool:
    return mark.verdict != "open" or bool(mark.note)


def _standing(study: Study, table: EditedTable) -> dict[str, LabelMark]:
    """The last mark on each book, those that say nothing left out."""
    if not table.rows:
        return {}
    genres, names, found = {genre.name for genre in read_genres(study.workspace)}, book_names(study), {}
    for line, row in table.rows:
        values = {name: row.get(name, "") for name in _COLUMNS} | {"key": find_key(row, names)}
        values["verdict"] = (values["verdict"] or "open").lower()
        fault = advice = ""
        if not values["key"]:
            fault, advice = "the row names no book", "Fill in its key, or remove the line."
        elif values["verdict"] not in get_args(LabelVerdict):
            fault, advice = f"{values['verdict']!r} is no verdict", "Write wrong, right or open."
        elif values["genre"] and values["genre"] not in genres:
            fault, advice = (
                f"{values['genre']!r} is no genre of the study",
                choose_among(values["genre"], sorted(genres)),
            )
        if fault:
            raise DecisionsError(fault, where=table.where(line), advice=advice)
        found[values["key"]] = LabelMark.model_validate(values)
    return {key: mark for key, mark in found.items() if _says_something(mark)}
