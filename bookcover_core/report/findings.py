"""The results of a study so far, gathered from its folder: the source of all tables, figures and the summary.

Only systems of today's settings, on the preparation that they ask for: not what an earlier setting left in the folder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bookcover_core.errors import SettingsError, StageOrderError, WeightsError
from bookcover_core.evaluation.analyse import Analysis, read_analysis
from bookcover_core.evaluation.intervals import Estimate, share
from bookcover_core.evaluation.label_noise import LabelNoise, read_label_noise
from bookcover_core.evaluation.metrics import Predictions, read_predictions
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, is_bookcover30
from bookcover_core.evaluation.repeats import Repeats, read_repeats
from bookcover_core.evaluation.scores import Scores, restricted
from bookcover_core.families.systems import ALL_FAMILIES, systems
from bookcover_core.genres import Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.models.backbones import pretrained
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.report.evaluated_systems import (
    EvaluatedSystem,
    PreparationTrial,
    if_chosen,
    read_system,
    read_ties,
    read_trials,
)
from bookcover_core.settings import CoverSource
from bookcover_core.settings.dissertation import differing_settings, is_of_training
from bookcover_core.training.preparation_choice import chosen_preparation, comparison_parts
from bookcover_core.training.stored_probabilities import ValidationChoice, choose_by_validation
from bookcover_core.visualisation.network_insight import NetworkInsight, read_insight
from bookcover_core.visualisation.visualise import chosen_system, is_wanted

LEAST_ORIGINAL = 0.8
"""Share of the official test books that must be left where a study is compared with what is published.

Books whose covers are gone may be easier or harder than the rest. With a fifth of them gone and five points between the
two, an accuracy is off by one point, which is what the luck of 5,700 books amounts to as well."""


@dataclass(frozen=True)
class MissingSystem:
    """A system of the settings that has no results."""

    name: str
    title: str
    """Its name for people."""
    reason: str


@dataclass(frozen=True)
class Findings:
    """The results of a study so far."""

    study: Study
    genres: list[Genre]
    preparation: str
    """What the networks were trained on: "padded", or "noprep and padded"; empty while none is chosen."""
    systems: list[EvaluatedSystem]
    baselines: list[EvaluatedSystem]
    """Systems that stand beside the others in tables, and are never the best."""
    missing: list[MissingSystem]
    trials: list[PreparationTrial]
    ties: list[str]
    """How ties between preparations were resolved, a sentence each."""
    manifests: dict[str, list[Manifest]]
    """By stage, in the order of the stages; only those that today's outcome was made from."""

    @cached_property
    def choice(self) -> ValidationChoice | None:
        """The systems by their titles, the one that the validation books choose first; None without systems."""
        figures = {each.title: each.validation for each in self.systems}
        return choose_by_validation(figures) if figures else None

    @property
    def by_validation(self) -> list[EvaluatedSystem]:
        """The systems, the best on the validation books first: these choose, so that the test books need not."""
        names = self.choice.names if self.choice else []
        return sorted(self.systems, key=lambda each: names.index(each.title))

    @property
    def best(self) -> EvaluatedSystem | None:
        """The system that the validation books choose; None without systems."""
        return next(iter(self.by_validation), None)

    @property
    def titles(self) -> dict[str, str]:
        """The names of all systems and baselines for people, which say of untrained ones that they are; by name."""
        return {each.name: each.title for each in (*self.systems, *self.baselines)}

    @property
    def confidence(self) -> float:
        """Of the intervals."""
        return self.study.settings.evaluation.confidence

    def top(self, *wanted: int) -> list[int]:
        """Those k of top-k recall that leave genres out; 1 in any case."""
        return [k for k in wanted if k < len(self.genres)] or [1]

    @cached_property
    def random_weights(self) -> bool:
        """Whether any network has random weights where it should have those of ImageNet."""
        settings = self.study.settings
        untrained = set(pretrained(settings)) - {*settings.models.weight_files}
        is_random = settings.models.weights == "random" and bool(untrained)
        return is_random or any(system.untrained for system in self.systems)

    @property
    def has_published(self) -> bool:
        """Whether there are published numbers for the genres of the study."""
        return is_bookcover30(genre.name for genre in self.genres)

    @cached_property
    def _tested(self) -> pd.DataFrame:
        books = read_table(self.study.workspace.splits, ("key", "split", "replaces", "shared_with_training"))
        return books[books["split"] == "test"]

    def predictions(self, system: EvaluatedSystem) -> Predictions:
        """What a system makes of the test books; raises WorkspaceError where that is missing or altered."""
        return read_predictions(self.study.workspace.evaluation / system.scores.model / "predictions.csv")

    def _on(self, system: EvaluatedSystem, keys: list[str]) -> Scores:
        return restricted(system.scores, self.predictions(system), set(keys))

    @cached_property
    def original_books(self) -> list[str]:
        """Keys of the test books that are those of the official listing: none of them came for another."""
        if not (self.study.settings.has_official_test and self.systems):
            return []
        return self._tested.loc[self._tested["replaces"] == "", "key"].tolist()

    @cached_property
    def unshared(self) -> Scores | None:
        """The best system's scores on test books that training knows no edition or volume of; None for all, or none."""
        if self.best is None:
            return None
        alone = self._tested.loc[self._tested["shared_with_training"] == "", "key"].tolist()
        return self._on(self.best, alone) if 0 < len(alone) < self.test_books else None

    @cached_property
    def comparable_scores(self) -> dict[str, Scores]:
        """The scores of all systems on the original test books alone, by the system's name."""
        all_of_them = len(self.original_books) in {0, self.test_books}
        return {each.name: each.scores if all_of_them else self._on(each, self.original_books) for each in self.systems}

    @cached_property
    def obstacles(self) -> list[str]:
        """Why the published numbers must not be compared with the study's; empty where they may."""
        settings = self.study.settings
        if not self.has_published:
            return ["the genres are not those of BookCover30"]
        reasons = []
        if self.random_weights:
            reasons.append("networks start from random weights, not from ImageNet")
        if not settings.has_official_test:
            reasons.append("the test books are not those of the official listing")
        elif self.systems and len(self.original_books) < LEAST_ORIGINAL * PUBLISHED_TEST_BOOKS:
            reasons.append(
                f"of the {PUBLISHED_TEST_BOOKS:,} official test books {len(self.original_books):,} are left, below "
                f"{100 * LEAST_ORIGINAL:.0f} %"
            )
        if settings.covers.source is not CoverSource.HTTP or settings.covers.allowed_private_hosts:
            reasons.append("the covers do not come from the addresses in the listings")
        return reasons

    @property
    def comparable(self) -> bool:
        """Whether the published numbers may be compared with the study's."""
        return not self.obstacles

    @property
    def trained_otherwise(self) -> str:
        """Why no network is the dissertation's of that name: settings of heads or training that differ; or empty."""
        names = [name for name, *_ in differing_settings(self.study.settings) if is_of_training(name)]
        return f"the networks are not trained as the dissertation's ({', '.join(names)})" if names else ""

    @property
    def test_books(self) -> int:
        """Books that the systems were judged on."""
        return self.systems[0].scores.books if self.systems else 0

    def books_in(self, split: str) -> int:
        """Books in a split, as the stage that drew it counted; 0 where that is not known."""
        counts = (manifest.counts.get(split) for manifest in self.manifests.get("split", []))
        return next((count for count in counts if isinstance(count, int)), 0)

    def share_in(self, split: str, value: float | None) -> Estimate | float | None:
        """A share of the books in a split with its interval; without one where their number is not known."""
        books = self.books_in(split)
        found = None if value is None else share(round(value * books), books, self.confidence)
        return found.model_copy(update={"value": value}) if found else value

    @cached_property
    def analysis(self) -> Analysis | None:
        """The analysis of these systems; None where there is none, or one of other predictions."""
        systems = {f"evaluate/{each.scores.model}" for each in self.systems}
        wanted = {label: digest for label, digest in self._evaluated.items() if label in systems}
        for manifest in self.manifests.get("analyse", []):
            analysed = {label: digest for label, digest in manifest.inputs.items() if label.startswith("evaluate/")}
            if analysed == wanted:
                return read_analysis(self.study.workspace)
        return None

    @cached_property
    def repeats(self) -> Repeats | None:
        """What repeated trainings say; None where there are none, or not of these systems."""
        trained = {manifest.label: manifest.digest for manifest in self.manifests.get("train", [])}
        for manifest in self.manifests.get("repeats", []):
            if all(manifest.inputs[label] == trained.get(label) for label in manifest.inputs if label in trained):
                return read_repeats(self.study.workspace)
        return None

    @cached_property
    def label_noise(self) -> LabelNoise | None:
        """What is known of doubtful labels; None where no cross-validation tells."""
        return read_label_noise(self.study.workspace) if self.manifests.get("label-noise") else None

    @cached_property
    def insight(self) -> NetworkInsight | None:
        """The results of visualising a network; None where there are none of the network as it is evaluated now."""
        if "visualise" not in self.manifests or not is_wanted(self.study):
            return None
        try:
            model = chosen_system(self.study).model(self.study)
        except (SettingsError, StageOrderError, WeightsError):
            return None
        label = f"evaluate/{model}"
        for manifest in self.manifests["visualise"]:
            if manifest.part == model and manifest.inputs.get(label) == self._evaluated.get(label):
                return read_insight(self.study.workspace, model)
        return None

    @property
    def _evaluated(self) -> dict[str, str]:
        return {manifest.label: manifest.digest for manifest in self.manifests.get("evaluate", [])}


def gather(study: Study, failures: Mapping[str, str] | None = None) -> Findings:
    """The results of `study` so far; `failures` say by name why systems could not be trained, where that is known.

    `StageOrderError` where its listings have not been read, `WorkspaceError` where a file of results is not as it was.
    """
    study.manifest("listings")
    known, evaluated, missing = failures or {}, [], []
    for system in systems(study.settings):
        model = if_chosen(system.model, study)
        if system.name in known:
            # What an earlier run left of it is not what today's settings ask for.
            missing.append(MissingSystem(system.name, system.title, known[system.name]))
        elif model and study.manifest_file(f"evaluate/{model}").exists():
            evaluated.append(read_system(study, system, model))
        else:
            reason = "It was not trained, or its training failed: its own run and log say why."
            if model and study.manifest_file(f"{system.stage}/{model}").exists():
                reason = "It was trained, but not evaluated."
            missing.append(MissingSystem(system.name, system.title, reason))
    chosen = {if_chosen(chosen_preparation, study, name) for name in study.settings.training.backbones}
    return Findings(
        study=study,
        genres=read_genres(study.workspace),
        preparation=" and ".join(sorted(filter(None, chosen))),
        systems=[each for each in evaluated if each.system.competes],
        baselines=[each for each in evaluated if not each.system.competes],
        missing=missing,
        trials=read_trials(study),
        ties=read_ties(study),
        manifests=_manifests(study, [each.scores.model for each in evaluated]),
    )


def read_shards(folder: Path, columns: Sequence[str], **dtypes: str) -> pd.DataFrame:
    """The tables that the shards of a stage left in a folder, one behind the other; see `read_table`."""
    tables = [read_table(file, columns, **dtypes)[list(columns)] for file in sorted(folder.glob("*.csv"))]
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(columns))


def read_sizes(findings: Findings) -> pd.DataFrame:
    """Key, width and height in pixels of every cover that was prepared."""
    folder = findings.study.workspace.prepared / "measurements"
    return read_shards(folder, ("key", "width", "height"), width="float64", height="float64")


def _manifests(study: Study, models: list[str]) -> dict[str, list[Manifest]]:
    """The manifests that today's outcome was made from: no chunks cut otherwise before, or networks not asked for."""
    found = {stage.name: study.manifests(stage.name) for stage in stages() if stage.name != "report"}
    of_systems = {"search", *(family.stage for family in ALL_FAMILIES), "evaluate", "visualise"}
    for stage in of_systems:
        found[stage] = [manifest for manifest in found[stage] if manifest.part in models]
    compared = comparison_parts(study.settings)
    found["compare"] = [manifest for manifest in found["compare"] if manifest.part in compared]
    named = {label for manifests in found.values() for manifest in manifests for label in manifest.inputs}
    for stage in found.keys() - of_systems - {"compare"}:
        if any(label.startswith(f"{stage}/") for label in named):
            found[stage] = [manifest for manifest in found[stage] if manifest.label in named]
    return {stage: manifests for stage, manifests in found.items() if manifests}
