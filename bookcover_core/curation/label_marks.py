"""Marks on labels that are wrong: `curation/labels.csv`, written by the page of covers or by a person.

    key       the book; its FILENAME may stand here, or in a column filename
    verdict   wrong, right, or open: nothing is said of its label
    genre     of a wrong label, the right genre; empty: nobody is sure which
    note      in people's own words
    who, when

Of several rows for one book the last one counts. The setting `curation.labels` says whether a study uses them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bookcover_core.curation.edited_table import EditedRow, EditedTable, book_names
from bookcover_core.listings.books import TEST, read_genres
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study

if TYPE_CHECKING:
    import pandas as pd

LabelVerdict = Literal["wrong", "right", "open"]


class LabelMark(EditedRow):
    """One person's mark on one book."""

    verdict_column = "verdict"
    time_column = "when"

    verdict: LabelVerdict = Field(description="Whether its label is wrong; open: nothing is said of it.")
    genre: str = Field(default="", description="The right genre of a wrong label; empty: not known.")
    note: str = Field(default="", description="In people's own words.")
    who: str = Field(default="", description="Who made the mark.")
    when: str = Field(default="", description="When, as ISO 8601.")

    @property
    def is_open(self) -> bool:
        """Whether it says nothing, not even in words."""
        return super().is_open and not self.note


def labels_file(study: Study) -> Path:
    """Where the study's marks lie, whether or not there are any."""
    return study.workspace.curation / "labels.csv"


def _table(study: Study) -> EditedTable[LabelMark]:
    return EditedTable(
        labels_file(study),
        LabelMark,
        book_names(study),
        known=lambda: {"genre": sorted(genre.name for genre in read_genres(study.workspace))},
        unsaid="open",
        completed=True,
    )


def read_marks(study: Study) -> dict[str, LabelMark]:
    """The marks that stand, by key of the book: see `EditedTable.read`."""
    return _table(study).read()


def save_mark(study: Study, mark: LabelMark, seen: LabelMark | None) -> LabelMark | None:
    """What stands on a book once `mark` is made, if `seen` is what stood there; see `EditedTable.add`."""
    return _table(study).add([mark], {mark.key: seen})[mark.key]


def wrong_labels(study: Study) -> dict[str, str]:
    """The right genre by key of each book whose label is marked wrong; empty where it is not known."""
    return {key: mark.genre for key, mark in read_marks(study).items() if mark.verdict == "wrong"}


def label_inputs(study: Study, *uses: str) -> dict[str, str]:
    """The input of a stage that uses wrong labels where `curation.labels` is one of `uses`; none where it is not."""
    if study.settings.curation.labels not in uses:
        return {}
    return {"labels": digest_of(sorted(wrong_labels(study).items()))}


def apply_marks(study: Study, books: "pd.DataFrame", sides: Mapping[str, str]) -> "tuple[pd.DataFrame, dict[str, int]]":
    """The books as `curation.labels` uses the marks, and what became of those whose label is marked wrong.

    Training and validation books are corrected, where people named the right genre, or left out. Test books are not:
    who changes their labels no longer tests. `books` have key, label and genre; `sides` are by key.
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
