"""Two studies compared: the books that they share, how their systems and settings differ.

findings and splits/books.csv of both  ->  StudyComparison
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bookcover_core.errors import SettingsError, StageOrderError, WorkspaceError
from bookcover_core.evaluation.predictions import Predictions, read_predictions
from bookcover_core.evaluation.scores import Scores
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.comparison.system_pairs import SystemPair, compare_systems, corrected
from bookcover_core.report.findings import EvaluatedSystem, Findings, gather
from bookcover_core.settings import BookSource
from bookcover_core.settings.dissertation import differing_settings

SPLITS = ("train", "validation", "test")

# Stands for the split of a book that a study does not have.
ABSENT = ""

# Settings that outcomes depend on without a stage naming them: they decide which parts there are.
_DECIDING_PARTS = frozenset({"training", "models", "comparison", "ensemble", "scratch"})


@dataclass(frozen=True)
class SharedBooks:
    """The books of two studies, which are told by their keys.

    Keys of a folder are the names of its pictures, which say little ("0001"): where one of the studies is made of a
    folder, the pictures must be the same file too.
    """

    counts: dict[tuple[str, str], int]
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
        return self.counts.get(("test", "test"), 0)

    def leaked(self, tested: int) -> int:
        """Test books of the first study (0) or the second (1) that the other trained on, or chose its epoch by."""
        splits = [("test", split) if tested == 0 else (split, "test") for split in ("train", "validation")]
        return sum(self.counts.get(each, 0) for each in splits)


@dataclass(frozen=True)
class StudyComparison:
    """Two studies, each with at least one evaluated system."""

    first: Findings
    second: Findings
    shared: SharedBooks
    pairs: list[SystemPair]
    """Systems of one name, then the best of both, where that is not one of these pairs."""

    @property
    def both(self) -> tuple[Findings, Findings]:
        """The first and the second."""
        return self.first, self.second

    @cached_property
    def names(self) -> tuple[str, str]:
        """What the studies are called here: their names, numbered where they have one name."""
        one, other = (findings.study.settings.name for findings in self.both)
        return (f"{one} (1)", f"{other} (2)") if one == other else (one, other)

    @cached_property
    def best(self) -> SystemPair:
        """The best system of the first and the best of the second, each by the test books of its own study."""
        names = tuple(system.name for system in _best(self.first, self.second))
        return next(pair for pair in self.pairs if (pair.first, pair.second) == names)

    @property
    def confidence(self) -> float:
        """Of every interval: that of the first study."""
        return self.first.confidence

    @cached_property
    def shared_genres(self) -> list[str]:
        """Names of the genres that both have."""
        others = {genre.name for genre in self.second.genres}
        return [genre.name for genre in self.first.genres if genre.name in others]

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
        found = []
        for stage in stages():
            codes = [{manifest.code for manifest in each.manifests.get(stage.name, [])} for each in self.both]
            if all(codes) and codes[0] != codes[1]:
                found.append(stage.title)
        return found

    @cached_property
    def seconds(self) -> dict[str, tuple[float | None, float | None]]:
        """Time of all parts of each stage in both studies, by the stage's name; None where one has not run it."""
        first, second = (
            {stage: sum(each.seconds for each in manifests) for stage, manifests in findings.manifests.items()}
            for findings in self.both
        )
        names = [stage.name for stage in stages() if stage.name in first or stage.name in second]
        return {name: (first.get(name), second.get(name)) for name in names}


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
    one, other = (_with_results(study) for study in (first, second))
    shared = _share_books(one, other)
    others = {system.name: system for system in other.systems}
    pairs = [(system, others[system.name]) for system in one.systems if system.name in others]
    best = _best(one, other)
    if best[0].name != best[1].name:
        pairs.append(best)
    compared = [
        compare_systems(_judged(one, mine), _judged(other, theirs), shared.keys, first.settings.evaluation.confidence)
        for mine, theirs in pairs
    ]
    return StudyComparison(one, other, shared, corrected(compared, one.confidence))


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


def _best(first: Findings, second: Findings) -> tuple[EvaluatedSystem, EvaluatedSystem]:
    assert first.best is not None
    assert second.best is not None
    return first.best, second.best


def _share_books(first: Findings, second: Findings) -> SharedBooks:
    one, other = (_read_books(findings) for findings in (first, second))
    shared = alike = one.keys() & other.keys()
    if BookSource.FOLDER in {findings.study.settings.books.source for findings in (first, second)}:
        shared = {key for key in alike if one[key][1] == other[key][1]}
    counts = Counter((split, other[key][0] if key in shared else ABSENT) for key, (split, _) in one.items())
    counts.update((ABSENT, split) for key, (split, _) in other.items() if key not in shared)
    return SharedBooks(dict(counts), frozenset(shared), len(alike) - len(shared))


def _read_books(findings: Findings) -> dict[str, tuple[str, str]]:
    """Split and digest of the picture of every book, by key."""
    file = findings.study.workspace.splits
    if not file.exists():
        raise WorkspaceError(
            "the list of the study's books is missing", where=file, advice="Run the study again: what is done is kept."
        )
    table = read_table(file, ("key", "split", "sha256"))
    return dict(zip(table["key"], zip(table["split"], table["sha256"], strict=True), strict=True))
