"""Two studies compared: the books that they share, how their systems and settings differ."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.evaluation.scores import Scores
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.comparison.system_pairs import SystemPair, compare_systems, corrected
from bookcover_core.report.evaluated_systems import EvaluatedSystem
from bookcover_core.report.findings import Findings, gather
from bookcover_core.settings import BookSource
from bookcover_core.settings.dissertation import differing_settings

SPLITS = ("train", "validation", "test")

# Stands for the split of a book that a study does not have.
ABSENT = ""

# Settings that outcomes depend on without a stage naming them: they decide which parts there are.
_DECIDING_PARTS = frozenset({"training", "models", "comparison", "ensemble", "scratch"})


@dataclass(frozen=True)
class SharedBooks:
    """The books of two studies, told by their keys; those of a folder, whose names say little, by pictures too."""

    counts: Counter[tuple[str, str]]
    """Books by their split in the first study and in the second; `ABSENT`: it does not have them."""
    keys: frozenset[str]
    """Keys of the books that both have."""
    other_pictures: int
    """Keys that both have, of different pictures: not counted as shared."""

    def books(self, study: int, split: str) -> int:
        """Books in a split of the first study (0) or the second (1)."""
        return sum(count for splits, count in self.counts.items() if splits[study] == split)

    @property
    def test(self) -> int:
        """Test books that the studies share."""
        return self.counts["test", "test"]

    def leaked(self, tested: int) -> int:
        """Test books of the first study (0) or the second (1) that the other trained on, or chose its epoch by."""
        splits = [("test", split) if tested == 0 else (split, "test") for split in ("train", "validation")]
        return sum(self.counts[each] for each in splits)


@dataclass(frozen=True)
class StudyComparison:
    """Two studies, each with at least one evaluated system."""

    both: tuple[Findings, Findings]
    shared: SharedBooks
    pairs: list[SystemPair]
    """Systems of one name, then the best of both, where that is not one of these pairs."""

    @cached_property
    def names(self) -> tuple[str, str]:
        """What the studies are called here: their names, numbered where they have one name."""
        one, other = (findings.study.settings.name for findings in self.both)
        return (f"{one} (1)", f"{other} (2)") if one == other else (one, other)

    @cached_property
    def best(self) -> SystemPair:
        """The best system of the first and the best of the second, each by its own study."""
        names = tuple(_best(findings).name for findings in self.both)
        return next(pair for pair in self.pairs if (pair.first, pair.second) == names)

    def title(self, pair: SystemPair, study: int) -> str:
        """The name of the first (0) or second (1) system of a pair for people, which says of an untrained one so."""
        name = (pair.first, pair.second)[study]
        return next(system.title for system in self.both[study].systems if system.name == name)

    @property
    def confidence(self) -> float:
        """Of every interval: that of the first study."""
        return self.both[0].confidence

    @cached_property
    def shared_genres(self) -> list[str]:
        """Names of the genres that both have."""
        others = {genre.name for genre in self.both[1].genres}
        return [genre.name for genre in self.both[0].genres if genre.name in others]

    def own_genres(self, study: int) -> list[str]:
        """Names of the genres that the first study (0) or the second (1) alone has."""
        return [genre.name for genre in self.both[study].genres if genre.name not in self.shared_genres]

    @cached_property
    def settings(self) -> list[tuple[str, Any, Any]]:
        """Dotted name and both values of every setting that differs and that an outcome depends on."""
        one, other = (findings.study.settings for findings in self.both)
        changed = sorted({name for each in (one, other) for name, *_ in differing_settings(each)})
        values = [(name, one.part(name), other.part(name)) for name in changed if _is_deciding(name)]
        return [each for each in values if each[1] != each[2]]

    @cached_property
    def other_code(self) -> list[str]:
        """Titles of the stages that both ran, each with other code."""
        ran = [{name: {each.code for each in done} for name, done in each.manifests.items()} for each in self.both]
        return [
            stage.title
            for stage in stages()
            if all(stage.name in codes for codes in ran) and ran[0][stage.name] != ran[1][stage.name]
        ]


def compare_studies(first: Study, second: Study) -> StudyComparison:
    """Two studies compared.

    Raises:
        SettingsError: The two are one.
        StageOrderError: One of them has no evaluated network.
        WorkspaceError: A file of results is missing or altered.
    """
    if first.workspace.root == second.workspace.root:
        raise SettingsError(
            "the two studies are one",
            where=first.workspace.root,
            advice="Name two; settings files of two studies have another `name` or `workspace`.",
        )
    one, other = both = (_with_results(first), _with_results(second))
    shared = _share_books(one, other)
    others = {system.name: system for system in other.systems}
    pairs = [(system, others[system.name]) for system in one.systems if system.name in others]
    best = (_best(one), _best(other))
    if best[0].name != best[1].name:
        pairs.append(best)
    compared = [
        compare_systems(_judged(one, mine), _judged(other, theirs), shared.keys, one.confidence)
        for mine, theirs in pairs
    ]
    return StudyComparison(both, shared, corrected(compared, one.confidence))


def _with_results(study: Study) -> Findings:
    findings = gather(study) if study.manifest_file("listings").exists() else None
    if findings is None or not findings.systems:
        raise StageOrderError(
            f"the study {study.settings.name!r} has no results yet: none of its networks has been evaluated",
            where=study.workspace.root,
            advice="Run it first, with `bookcover run` and its settings; `bookcover status` shows how far it is.",
        )
    return findings


def _judged(findings: Findings, system: EvaluatedSystem) -> tuple[Scores, Predictions]:
    folder = findings.study.workspace.evaluation / system.scores.model
    return system.scores, read_predictions(folder / "predictions.csv")


def _is_deciding(name: str) -> bool:
    """Whether an outcome depends on the setting with this dotted name."""
    group = name.partition(".")[0]
    return group in _DECIDING_PARTS or any(path in {name, group} for stage in stages() for path in stage.settings)


def _best(findings: Findings) -> EvaluatedSystem:
    assert findings.best is not None
    return findings.best


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
