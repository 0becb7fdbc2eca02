"""All books of a study with what its systems say of them, in memory: filtered and sorted within milliseconds.

Read from the study's tables alone, and again when one of them has changed; no picture is opened.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.curation.box_set_candidates import candidate_files, candidate_rows
from bookcover_core.curation.label_marks import LabelMark
from bookcover_core.curation.near_duplicates import duplicates_file, name_pictures, read_duplicates
from bookcover_core.errors import BookcoverError
from bookcover_core.evaluation.label_noise import doubtful_file
from bookcover_core.families.systems import systems, validation_figures_of
from bookcover_core.listings.books import read_genres
from bookcover_core.listings.text_decoding import readable
from bookcover_core.models.model_cards import UNTRAINED, is_untrained
from bookcover_core.pipeline.graph import NOT_KNOWN
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import as_cell, read_table
from bookcover_core.reading.cover_words import joined, read_words
from bookcover_core.training.stored_probabilities import STORED_SPLITS, choose_by_validation, read_probabilities

PAGE = 120
"""Covers on a page."""

_COLUMNS = ("key", "title", "author", "genre", "label", "split", "path", "sha256", "url")

_EITHER = Literal["", "yes", "no"]
_Share = Annotated[float, Field(ge=0, le=100)]


class BookFilter(BaseModel):
    """Which books are wanted, as the page's address says it; what is empty excludes none."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = ""
    """The system whose predictions count; empty: the one that validates best."""
    genre: str = ""
    split: str = ""
    predicted: str = ""
    right: _EITHER = ""
    least: _Share = 0
    """Confidence, in percent."""
    most: _Share = 100
    boxset: _EITHER = ""
    """Whether the title speaks of a box set."""
    twin: _EITHER = ""
    doubtful: _EITHER = ""
    marked: Literal["", "wrong", "right", "note", "none"] = ""
    text: str = Field(default="", max_length=500)
    """Words that must all stand in title, author, key, or what was read on the cover."""
    order: Literal["", "unsure", "title"] = ""
    """Empty: the most confident first; of doubtful labels, the most doubtful."""
    page: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True)
class SystemAnswers:
    """What one system says of the validation and test books."""

    title: str
    rows: Mapping[str, int]
    """Row of each book in the probabilities, by key."""
    probabilities: npt.NDArray[np.float32]
    """(books, genres)."""


class BookTable:
    """The books of a study, and the answers of its systems.

    Raises:
        BookcoverError: The books have not been divided, or a table is damaged.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        study.manifest("split")
        place = study.workspace
        self.genres = [genre.name for genre in read_genres(place)]
        books = read_table(place.splits, _COLUMNS, label="int64").set_index("key", drop=False)
        for column in ("title", "author"):
            books[column] = [readable(text) for text in books[column]]
        candidates, doubts = candidate_rows(candidate_files(study).values()), _column(doubtful_file(place), "suggested")
        twins = name_pictures(read_duplicates(place)) if duplicates_file(place).is_file() else {}
        showing = Counter(twins.get(key, "") for key in books["key"])
        corrected = study.settings.curation.labels == "correct"
        published = _column(place.selection, "genre") if corrected else {}
        ranks = {key: rank for rank, key in enumerate(doubts)}
        books["published"] = [published.get(key, own) for key, own in zip(books["key"], books["genre"], strict=True)]
        books["term"] = [candidates[key]["term"] if key in candidates else "" for key in books["key"]]
        books["twins"] = [name if showing[name := twins.get(key, "")] > 1 else "" for key in books["key"]]
        books["doubt"] = [ranks.get(key, len(books)) for key in books["key"]]
        books["suggested"] = [doubts.get(key, "") for key in books["key"]]
        self.books = books
        self.has_doubts = bool(doubts)

    @cached_property
    def words(self) -> dict[str, str]:
        """What was read on each cover, by key, as far as covers were read."""
        found = {}
        for file in sorted(self._study.workspace.texts.glob("shard-*.jsonl")):
            with suppress(BookcoverError):
                found.update({cover.key: joined(cover.words) for cover in read_words(file)})
        return found

    @cached_property
    def answers(self) -> dict[str, SystemAnswers]:
        """The answers of each system by its model, the best by validation first; rules that compete with none last.

        Left out are those that were not given about the books as they are divided now.
        """
        sides = {split: set(self.books.loc[self.books["split"] == split, "key"]) for split in STORED_SPLITS}
        found, figures, beside = {}, {}, []
        for system in systems(self._study.settings):
            with suppress(*NOT_KNOWN):
                model = system.model(self._study)
                folder = self._study.workspace.models / model
                stored = [read_probabilities(folder, split) for split in STORED_SPLITS]
                if any(set(keys) != sides[split] for split, (keys, _) in zip(STORED_SPLITS, stored, strict=True)):
                    continue
                rows = {key: row for row, key in enumerate(key for keys, _ in stored for key in keys)}
                title = f"{system.title}{UNTRAINED if is_untrained(folder) else ''}"
                found[model] = SystemAnswers(title, rows, np.vstack([each for _, each in stored]))
                if system.competes:
                    figures[model] = validation_figures_of(folder)
                else:
                    beside.append(model)
        names = choose_by_validation(figures).names if figures else []
        return {name: found[name] for name in [*names, *beside]}

    def system(self, model: str) -> str:
        """The model of that name, or the one that validates best; empty where there is neither."""
        return model if model in self.answers else next(iter(self.answers), "")

    def judged(self, model: str) -> pd.DataFrame:
        """The books with what a model predicts: predicted (empty: nothing), confidence, right."""
        if model not in self._judged:
            books = self.books.assign(predicted="", confidence=np.nan, right=False)
            if answers := self.answers.get(model):
                rows, keys = list(answers.rows.values()), list(answers.rows)
                labels = answers.probabilities[rows].argmax(axis=1)
                books.loc[keys, "predicted"] = np.array(self.genres, object)[labels]
                books.loc[keys, "confidence"] = answers.probabilities[rows].max(axis=1).astype(float)
                books["right"] = books["predicted"] == books["genre"]
            self._judged[model] = books
        return self._judged[model]

    @cached_property
    def _judged(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _text(self) -> npt.NDArray[np.object_]:
        """What is searched in, for each book."""
        parts = zip(self.books["key"], self.books["title"], self.books["author"], strict=True)
        return np.array([" ".join((*each, self.words.get(each[0], ""))).casefold() for each in parts], object)

    def find(self, wanted: BookFilter, marks: Mapping[str, LabelMark]) -> pd.DataFrame:
        """The wanted books in their order."""
        books = self.judged(self.system(wanted.model))
        keep = np.ones(len(books), bool)
        for column in ("genre", "split", "predicted"):
            if value := getattr(wanted, column):
                keep &= (books[column] == value).to_numpy()
        is_judged = (books["predicted"] != "").to_numpy()
        if wanted.right:
            keep &= is_judged & (books["right"].to_numpy() == (wanted.right == "yes"))
        if (wanted.least, wanted.most) != (0, 100):
            keep &= books["confidence"].between(wanted.least / 100, wanted.most / 100).to_numpy()
        doubts = books["doubt"].to_numpy() < len(books)
        said = {"boxset": books["term"] != "", "twin": books["twins"] != "", "doubtful": doubts}
        for name, holds in said.items():
            if value := getattr(wanted, name):
                keep &= np.asarray(holds) == (value == "yes")
        if wanted.marked:
            kinds = {key: mark.verdict if mark.verdict != "open" else "note" for key, mark in marks.items()}
            alike = [key for key, kind in kinds.items() if wanted.marked in {kind, "none"}]
            keep &= books.index.isin(alike) == (wanted.marked != "none")
        for word in wanted.text.casefold().split():
            places = np.flatnonzero(keep)
            keep[places] = [word in text for text in self._text[places]]
        found = books[keep]
        if wanted.order == "title":
            return found.iloc[np.argsort(found["title"].str.casefold().to_numpy(object), kind="stable")]
        if wanted.doubtful == "yes" and not wanted.order:
            return found.sort_values("doubt", kind="stable")
        return found.sort_values("confidence", ascending=wanted.order == "unsure", kind="stable")

    def confusion(self, model: str) -> npt.NDArray[np.int64]:
        """Test books by true genre (rows) and predicted genre (columns)."""
        books = self.judged(model)
        tested = books[(books["split"] == "test") & (books["predicted"] != "")]
        counts = np.zeros((len(self.genres), len(self.genres)), np.int64)
        place = {genre: number for number, genre in enumerate(self.genres)}
        np.add.at(counts, (tested["genre"].map(place).to_numpy(), tested["predicted"].map(place).to_numpy()), 1)
        return counts

    def probabilities(self, key: str) -> Iterator[dict[str, Any]]:
        """Of each system that judged a book: its title, its three most probable genres, and what it gives the label."""
        label = self.genres.index(str(self.books.loc[key, "genre"]))
        for model, each in self.answers.items():
            if key in each.rows:
                row = each.probabilities[each.rows[key]].astype(float)
                first = np.argsort(-row, kind="stable")[:3]
                guesses = [{"genre": self.genres[place], "probability": row[place]} for place in first]
                yield {"model": model, "title": each.title, "genres": guesses, "own": row[label]}


def as_csv(found: pd.DataFrame, marks: Mapping[str, LabelMark]) -> str:
    """Books as CSV, of which no cell is a formula."""
    columns = ["key", "title", "author", "genre", "split", "predicted", "confidence", "term", "twins", "suggested"]
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([*columns, "verdict", "right_genre", "note", "who", "when"])
    for row in found[columns].to_dict("records"):
        row["confidence"] = f"{row['confidence']:.6f}" if row["predicted"] else ""
        mark = marks.get(row["key"])
        said = [mark.verdict, mark.genre, mark.note, mark.who, mark.when] if mark else [""] * 5
        table.writerow([as_cell(cell) for cell in [*row.values(), *said]])
    return text.getvalue()


def stamps(study: Study) -> tuple[Any, ...]:
    """What changes when a table of the study does."""
    place = study.workspace
    files = [place.selection, place.splits, place.curation / "candidates.csv"]
    files += [duplicates_file(place), doubtful_file(place)]
    files += [*sorted(place.models.glob("*/probabilities-*.npz")), *sorted(place.texts.glob("*.jsonl"))]
    found = []
    for file in files:
        with suppress(FileNotFoundError):
            status = file.stat()
            found.append((file, status.st_mtime_ns, status.st_size))
    return (study.settings, *found)


def _column(file: Path, name: str) -> dict[str, str]:
    """A column of a table by key; none where there is no such file."""
    if not file.is_file():
        return {}
    table = read_table(file, ("key", name))
    return dict(zip(table["key"], table[name], strict=True))
