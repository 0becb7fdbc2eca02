"""Two studies beside each other: what both found, which books they share, how their systems and settings differ.

Findings of both  ->  Contrasts  ->  side_by_side: page, tables, JSON
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.report.comparison.comparison_statistics import Rivals, best_pair, rivals
from bookcover_core.report.comparison.shared_books import Sharing, share_books
from bookcover_core.report.findings import Findings, gather
from bookcover_core.report.page import changed_settings

# Settings that outcomes hang on without a stage naming them: they decide which parts there are.
_DECIDING_PARTS = frozenset({"training", "models", "comparison", "ensemble", "scratch"})


@dataclass(frozen=True)
class Contrasts:
    """Two studies beside each other."""

    first: Findings
    second: Findings
    sharing: Sharing
    pairs: list[Rivals]
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
    def best(self) -> Rivals:
        """The best system of the first against the best of the second."""
        names = tuple(network.backbone for network in best_pair(self.first, self.second))
        return next(pair for pair in self.pairs if (pair.first, pair.second) == names)

    @property
    def confidence(self) -> float:
        """Of every interval."""
        return self.first.study.settings.evaluation.confidence

    @cached_property
    def shared_genres(self) -> list[str]:
        """Names of the genres that both have."""
        others = {genre.name for genre in self.second.genres}
        return [genre.name for genre in self.first.genres if genre.name in others]

    def own_genres(self, study: int) -> list[str]:
        """Names of the genres that the first study (0) or the second (1) alone has."""
        shared = set(self.shared_genres)
        return [genre.name for genre in self.both[study].genres if genre.name not in shared]

    @cached_property
    def settings(self) -> list[tuple[str, Any, Any]]:
        """Dotted name and both values of every setting that differs and that an outcome hangs on."""
        one, other = (findings.study.settings for findings in self.both)
        changed = dict.fromkeys(name for each in (one, other) for name, *_ in changed_settings(each))
        telling = [name for name in sorted(changed) if _is_telling(name)]
        return [(name, one.part(name), other.part(name)) for name in telling if one.part(name) != other.part(name)]

    @cached_property
    def other_code(self) -> list[str]:
        """Titles of the stages that both ran, each with other code."""
        found = []
        for stage in stages():
            codes = [{manifest.code for manifest in each.manifests.get(stage.name, [])} for each in self.both]
            if codes[0] and codes[1] and codes[0] != codes[1]:
                found.append(stage.title)
        return found

    def seconds(self, study: int, stage: str) -> float | None:
        """Time of all parts of a stage in the first study (0) or the second (1); None where it has not been run."""
        manifests = self.both[study].manifests.get(stage)
        return sum(manifest.seconds for manifest in manifests) if manifests else None


def contrast(first: Study, second: Study) -> Contrasts:
    """Two studies beside each other.

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
    found = [_with_results(study) for study in (first, second)]
    sharing = share_books(*found)
    return Contrasts(found[0], found[1], sharing, rivals(found[0], found[1], sharing))


def _with_results(study: Study) -> Findings:
    """What a study has found.

    Raises:
        StageOrderError: It has no evaluated network.
    """
    findings = gather(study) if study.manifest_file("listings").exists() else None
    if findings is None or not findings.networks:
        raise StageOrderError(
            f"the study {study.settings.name!r} has no results yet: none of its networks has been evaluated",
            where=study.workspace.root,
            advice="Run it first, with `bookcover run` and its settings; `bookcover status` shows how far it is.",
        )
    return findings


def _is_telling(name: str) -> bool:
    """Whether an outcome hangs on the setting with this dotted name."""
    group = name.partition(".")[0]
    return group in _DECIDING_PARTS or any(path in {name, group} for stage in stages() for path in stage.settings)
