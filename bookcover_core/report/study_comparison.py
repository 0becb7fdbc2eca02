"""Studies compared with the first: the books that they share, and how their systems and settings differ.

Where enough test books are shared, two systems are compared on these alone, and the books on which they differ decide.
Otherwise each keeps the test books of its own study.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.intervals import (
    Estimate,
    Standing,
    difference,
    holm,
    mcnemar,
    paired_difference,
    standing_of,
)
from bookcover_core.evaluation.metrics import Integers, Predictions, true_ranks
from bookcover_core.evaluation.scores import Scores, score_again
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings, gather
from bookcover_core.settings import BookSource
from bookcover_core.settings.dissertation import differing_settings

# With a smaller share of the smaller test set in common, two sets of books tell more than the books in common do: the
# answers of two networks to one book go together, but not so closely that half the books would be worth all.
_ENOUGH_SHARED = 0.5


class GenreDifference(BaseModel, frozen=True):
    """The recall of one genre in two studies. A genre that one of them does not have, or test, has no difference."""

    name: str
    first_books: int | None = Field(description="Test books; None: the study does not have the genre.")
    second_books: int | None
    first: Estimate | None
    second: Estimate | None
    difference: Estimate | None = Field(description="The first less the second.")


class SystemPair(BaseModel, frozen=True):
    """A system of the first study and one of another, on the test books that both judged, or each on its own."""

    first: str
    second: str
    paired: bool = Field(description="Whether both judged the same books; else each its own.")
    shared_books: int = Field(description="Test books that both judged, of one genre in both studies.")
    first_books: int = Field(description="Books that the numbers of the first rest on.")
    second_books: int
    accuracies: tuple[Estimate, Estimate]
    difference: Estimate = Field(description="The first accuracy less the second.")
    standing: Standing
    p: float | None = Field(description="Of McNemar's exact test, on the same books only.")
    p_holm: float | None = Field(default=None, description="The same, corrected for all pairs of all studies.")
    genres: list[GenreDifference] = Field(description="Greatest difference in favour of the first first.")


@dataclass(frozen=True)
class _JudgedBooks:
    """What a system made of test books."""

    predictions: Predictions
    scores: Scores

    @classmethod
    def of(cls, scores: Scores, predictions: Predictions, confidence: float) -> Self:
        """Those of `predictions`, scored anew where `scores` are of other books or another confidence."""
        if (scores.confidence, scores.books) != (confidence, len(predictions.keys)):
            scores = score_again(scores, predictions, confidence)
        return cls(predictions, scores)

    def at(self, places: Integers) -> Self:
        """What it made of the books at some places."""
        return self.of(self.scores, self.predictions.at(places), self.scores.confidence)

    @property
    def genres(self) -> list[str]:
        """Names, by label."""
        return [genre.name for genre in self.scores.genres]


def _compare_systems(one: _JudgedBooks, other: _JudgedBooks, shared: AbstractSet[str]) -> SystemPair:
    """How far two systems are apart, by all test books of their studies; `shared` are the keys that both have."""
    places = _shared_places(one, other, shared)
    paired = len(places[0]) >= max(1.0, _ENOUGH_SHARED * min(one.scores.books, other.scores.books))
    first, second = (one.at(places[0]), other.at(places[1])) if paired else (one, other)
    mine, theirs = (
        true_ranks(each.predictions.labels, each.predictions.probabilities) == 1 for each in (first, second)
    )
    groups = np.array(first.predictions.groups)

    def apart(first_share: Estimate, second_share: Estimate, label: int | None = None) -> Estimate:
        """The first share less the second, of the books of one genre of the first, or of all."""
        if not paired:
            return difference(first_share, second_share)
        own = slice(None) if label is None else first.predictions.labels == label
        return paired_difference(mine[own], theirs[own], groups[own], one.scores.confidence)

    genres = []
    for name in dict.fromkeys([*first.genres, *second.genres]):
        here, there = (each.scores.of_genre(name) for each in (first, second))
        gap = None
        if here and there and here.recall and there.recall:
            gap = apart(here.recall[1], there.recall[1], here.label)
        else:
            here, there = (each.scores.of_genre(name) for each in (one, other))
        genres.append(
            GenreDifference(
                name=name,
                first_books=here.books if here else None,
                second_books=there.books if there else None,
                first=here.recall.get(1) if here else None,
                second=there.recall.get(1) if there else None,
                difference=gap,
            )
        )
    accuracies = (first.scores.accuracy, second.scores.accuracy)
    whole = apart(*accuracies)
    return SystemPair(
        first=one.scores.backbone,
        second=other.scores.backbone,
        paired=paired,
        shared_books=len(places[0]),
        first_books=first.scores.books,
        second_books=second.scores.books,
        accuracies=accuracies,
        difference=whole,
        standing=standing_of(whole),
        p=mcnemar(mine, theirs, groups) if paired else None,
        genres=sorted(genres, key=lambda each: each.difference.value if each.difference else -np.inf, reverse=True),
    )


def corrected(pairs: list[SystemPair], confidence: float) -> list[SystemPair]:
    """`pairs` with the p-values of their accuracies corrected for their number, and their standing after that."""
    found, ps = [], iter(holm([pair.p for pair in pairs if pair.p is not None]))
    for pair in pairs:
        p = None if pair.p is None else next(ps)
        standing = pair.standing if p is None else standing_of(pair.difference, p, confidence)
        found.append(pair.model_copy(update={"p_holm": p, "standing": standing}))
    return found


def _shared_places(one: _JudgedBooks, other: _JudgedBooks, shared: AbstractSet[str]) -> tuple[Integers, Integers]:
    """Places, in either's predictions, of the books that both judged and put under one genre; in one order."""
    books = []
    for each in (one, other):
        genres = [each.genres[label] for label in each.predictions.labels]
        books.append(pd.DataFrame({"key": each.predictions.keys, "genre": genres}).reset_index())
    both = books[0].merge(books[1], on=["key", "genre"])
    both = both[both["key"].isin(shared)]
    return both["index_x"].to_numpy(), both["index_y"].to_numpy()


# Stands for the split of a book that a study does not have.
ABSENT = ""

# Settings that outcomes depend on without a stage naming them: they decide which parts there are.
_DECIDING_PARTS = frozenset({"training", "models", "comparison", "ensemble", "scratch", "text", "repeats", "baselines"})
_DECIDING_BOOKS = frozenset({"books.chunks", "curation.read_box_sets"})


@dataclass(frozen=True)
class SharedBooks:
    """The books of two studies, told by their keys; those of a folder, whose names say little, by pictures too."""

    counts: Counter[tuple[str, str]]
    """Books by their split in the first study and in the second; `ABSENT`: it does not have them."""
    keys: frozenset[str]
    """Keys of the books that both have."""
    other_pictures: int
    """Keys that both have, of different pictures: not counted as shared."""

    def books(self, study: int) -> int:
        """Books of the first study (0) or the other (1)."""
        return sum(count for splits, count in self.counts.items() if splits[study] != ABSENT)

    @property
    def test(self) -> int:
        """Test books that the studies share."""
        return self.counts["test", "test"]

    def leaked(self, tested: int) -> int:
        """Test books of the first study (0) or the second (1) that the other trained on, or chose its epoch by."""
        splits = [("test", split) if tested == 0 else (split, "test") for split in ("train", "validation")]
        return sum(self.counts[each] for each in splits)


@dataclass(frozen=True)
class StudyPair:
    """The first study and another, each with at least one evaluated system."""

    both: tuple[Findings, Findings]
    names: tuple[str, str]
    shared: SharedBooks
    pairs: list[SystemPair]
    """Systems of one name, then the best of both, where that is not one of these pairs."""

    @cached_property
    def best(self) -> SystemPair:
        """The best system of the first and the best of the other, each by its own study."""
        names = tuple(findings.by_validation[0].name for findings in self.both)
        return next(pair for pair in self.pairs if (pair.first, pair.second) == names)

    def title(self, pair: SystemPair, study: int) -> str:
        """The name of the first (0) or second (1) system of a pair for people, which says of an untrained one so."""
        return self.both[study].titles[(pair.first, pair.second)[study]]

    @cached_property
    def shared_genres(self) -> list[str]:
        """Names of the genres that both have."""
        others = {genre.name for genre in self.both[1].genres}
        return [genre.name for genre in self.both[0].genres if genre.name in others]

    def own_genres(self, study: int) -> list[str]:
        """Names of the genres that the first study (0) or the other (1) alone has."""
        return [genre.name for genre in self.both[study].genres if genre.name not in self.shared_genres]


@dataclass(frozen=True)
class StudyComparison:
    """Two studies or more, each but the first beside it."""

    studies: list[Findings]
    names: list[str]
    """What the studies are called here: their names, numbered where some have one name."""
    others: list[StudyPair]
    """The first study with each of the others."""

    @cached_property
    def settings(self) -> list[tuple[str, list[Any]]]:
        """Dotted name and the values, by study, of every setting that differs and that an outcome depends on."""
        settings = [findings.study.settings for findings in self.studies]
        changed = sorted({name for each in settings for name, *_ in differing_settings(each)})
        deciding = _DECIDING_PARTS.union(_DECIDING_BOOKS, *(stage.settings for stage in stages()))
        named = [name for name in changed if deciding & {name, name.partition(".")[0]}]
        values = [(name, [each.part(name) for each in settings]) for name in named]
        return [(name, own) for name, own in values if any(each != own[0] for each in own)]

    @cached_property
    def other_code(self) -> list[str]:
        """Titles of the stages that several ran, not all with the same code."""
        ran = [{name: {each.code for each in done} for name, done in each.manifests.items()} for each in self.studies]
        codes = {stage.title: [each[stage.name] for each in ran if stage.name in each] for stage in stages()}
        return [title for title, found in codes.items() if any(each != found[0] for each in found)]


def compare_studies(*studies: Study) -> StudyComparison:
    """Studies compared, each with the first.

    `SettingsError` where there is one alone, or one twice; `StageOrderError` where one has no evaluated network. What
    else is wrong with one is raised as by `findings.gather`.
    """
    roots = [study.workspace.root for study in studies]
    if len(set(roots)) < max(2, len(roots)):
        what = "two of the studies are one" if len(roots) > 1 else "there is nothing to compare the study with"
        advice = "Name two or more; settings files of two studies have another `name` or `workspace`."
        raise SettingsError(what, where=max(roots, key=roots.count), advice=advice)
    first, *others = found = [_with_results(study) for study in studies]
    names = [study.settings.name for study in studies]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
    shared = [_share_books(first, other) for other in others]
    compared = [
        [
            _compare_systems(
                _JudgedBooks.of(mine.scores, first.predictions(mine), first.confidence),
                _JudgedBooks.of(theirs.scores, other.predictions(theirs), first.confidence),
                own.keys,
            )
            for mine, theirs in _paired_systems(first, other)
        ]
        for other, own in zip(others, shared, strict=True)
    ]
    every = iter(corrected([pair for pairs in compared for pair in pairs], first.confidence))
    return StudyComparison(
        found,
        names,
        [
            StudyPair((first, other), (names[0], name), own, list(islice(every, len(pairs))))
            for other, name, own, pairs in zip(others, names[1:], shared, compared, strict=True)
        ],
    )


def _paired_systems(one: Findings, other: Findings) -> list[tuple[EvaluatedSystem, EvaluatedSystem]]:
    """Systems of one name, and the best of both."""
    others = {system.name: system for system in other.systems}
    pairs = [(system, others[system.name]) for system in one.systems if system.name in others]
    best = (one.by_validation[0], other.by_validation[0])
    return pairs if best[0].name == best[1].name else [*pairs, best]


def _with_results(study: Study) -> Findings:
    findings = gather(study) if study.manifest_file("listings").exists() else None
    if findings is None or not findings.systems:
        what = f"the study {study.settings.name!r} has no results yet: none of its networks has been evaluated"
        advice = "Run it first, with `bookcover run` and its settings; `bookcover status` shows how far it is."
        raise StageOrderError(what, where=study.workspace.root, advice=advice)
    return findings


def _share_books(first: Findings, second: Findings) -> SharedBooks:
    books = _read_books(first).merge(_read_books(second), "outer", "key", suffixes=("_1", "_2")).fillna(ABSENT)
    alike = (books["split_1"] != ABSENT) & (books["split_2"] != ABSENT)
    shared = alike
    if BookSource.FOLDER in {findings.study.settings.books.source for findings in (first, second)}:
        shared = alike & (books["sha256_1"] == books["sha256_2"])
    # What only the key has in common stands for two books, each of one study.
    apart = books[alike & ~shared]
    told = pd.concat([books[~alike | shared], apart.assign(split_1=ABSENT), apart.assign(split_2=ABSENT)])
    counts = Counter(zip(told["split_1"], told["split_2"], strict=True))
    return SharedBooks(counts, frozenset(books["key"][shared]), len(apart))


def _read_books(findings: Findings) -> pd.DataFrame:
    """Split and digest of the picture of every book, with its key."""
    file = findings.study.workspace.splits
    if not file.exists():
        raise WorkspaceError(
            "the list of the study's books is missing", where=file, advice="Run the study again: what is done is kept."
        )
    return read_table(file, ("key", "split", "sha256"))
