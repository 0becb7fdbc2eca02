"""What a study has found so far, gathered from its folder: everything that tables, summary and report draw on.

    manifests/, listings/, splits/, comparison/, models/, evaluation/  ->  Findings

Only networks of today's settings, on the preparation that they ask for, are gathered; what an earlier setting left in
the folder is not.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.published_results import PUBLISHED_TEST_BOOKS, is_bookcover30
from bookcover_core.evaluation.scores import Scores, read_scores
from bookcover_core.genres import BOOKCOVER30_TEST_PER_GENRE, Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import ModelCard, read_card
from bookcover_core.models.systems import SCRATCH_NETWORKS, Kind, System, ensembles, members, systems, title_of
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import BookSource, CoverSource
from bookcover_core.training.preparation_choice import (
    chosen_preparation,
    comparing_backbones,
    comparison_folder,
    comparison_label,
    comparison_parts,
    model_of,
)
from bookcover_core.visualisation.training_curves import Curve, read_curve

logger = logging.getLogger(__name__)

UNTRAINED = ", untrained"
"""What stands behind the names of networks with random weights."""


@dataclass(frozen=True)
class Network:
    """A system that was trained and evaluated."""

    system: System
    scores: Scores
    curve: Curve | None
    """How its training went; None for an ensemble, and where its history is gone."""
    card: ModelCard | None
    """The card beside its weights; None for an ensemble, and where it is gone."""
    untrained: bool = False
    """Whether its backbone, or that of a member of an ensemble, has random weights: only its head has learnt."""

    @property
    def backbone(self) -> str:
        """The system's name."""
        return self.scores.backbone

    @property
    def title(self) -> str:
        """The system's name for people."""
        return f"{self.system.title}{UNTRAINED if self.untrained else ''}"

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        if self.curve is not None:
            return self.curve.best_epoch
        epoch = None if self.card is None else self.card.metrics.get("best_epoch")
        return None if epoch is None else int(epoch)

    @property
    def validation_accuracy(self) -> float | None:
        """Validation accuracy at that epoch."""
        return None if self.curve is None else self.curve.val_accuracy[self.curve.best]


@dataclass(frozen=True)
class Missing:
    """A system of the settings that has no results."""

    backbone: str
    """The system's name."""
    reason: str

    @property
    def title(self) -> str:
        """The system's name for people."""
        return title_of(self.backbone)


@dataclass(frozen=True)
class PreparationTrial:
    """A preparation in the comparison of section 3.2."""

    backbone: str
    """The network that compares."""
    preparation: str
    chosen: bool
    """Whether the network is trained on it."""
    best_epoch: int
    validation_accuracy: float
    test_accuracy: float
    curve: Curve | None


@dataclass(frozen=True)
class Findings:
    """What a study has found so far."""

    study: Study
    genres: list[Genre]
    preparation: str
    """What the networks were trained on: "padded", or "noprep and padded"; empty while none is chosen."""
    networks: list[Network]
    missing: list[Missing]
    trials: list[PreparationTrial]
    manifests: dict[str, list[Manifest]]
    """By stage, in the order of the stages; only those that today's outcome was made from."""

    @property
    def best(self) -> Network | None:
        """The network with the highest accuracy, the first where several share it; None without networks."""
        return max(self.networks, key=lambda network: network.scores.accuracy.value, default=None)

    @property
    def scores(self) -> list[Scores]:
        """The scores of all networks."""
        return [network.scores for network in self.networks]

    @cached_property
    def random_weights(self) -> bool:
        """Whether any network has random weights where it should have those of ImageNet."""
        settings = self.study.settings
        untrained = set(settings.training.backbones) - {*settings.models.weight_files, *SCRATCH_NETWORKS}
        return any(network.untrained for network in self.networks) or (
            settings.models.weights == "random" and bool(untrained)
        )

    @property
    def has_published(self) -> bool:
        """Whether there are published numbers for the genres of the study."""
        return is_bookcover30(genre.name for genre in self.genres)

    @cached_property
    def obstacles(self) -> list[str]:
        """Why the published numbers must not be compared with the study's; empty where they may."""
        settings = self.study.settings
        reasons = []
        if not self.has_published:
            return ["the genres are not those of BookCover30"]
        if self.random_weights:
            reasons.append("networks start from random weights, not from ImageNet")
        if self.networks:
            scores = self.networks[0].scores
            if scores.books != PUBLISHED_TEST_BOOKS:
                reasons.append(f"there are {scores.books:,} test books, not {PUBLISHED_TEST_BOOKS:,}")
            elif any(genre.books != BOOKCOVER30_TEST_PER_GENRE for genre in scores.genres):
                reasons.append(f"not every genre has {BOOKCOVER30_TEST_PER_GENRE} test books")
        if settings.books.source is not BookSource.BOOKCOVER30:
            reasons.append("the test books are not those of the official listing")
        if settings.covers.source is not CoverSource.HTTP or settings.covers.allowed_private_hosts:
            reasons.append("the covers do not come from the addresses in the listings")
        return reasons

    @property
    def comparable(self) -> bool:
        """Whether the published numbers may be compared with the study's."""
        return self.has_published and not self.obstacles

    @property
    def test_books(self) -> int:
        """Books that the networks were judged on."""
        return self.networks[0].scores.books if self.networks else 0

    def books_in(self, split: str) -> int:
        """Books in a split, as the stage that drew it counted; 0 where that is not known."""
        counts = (manifest.counts.get(split) for manifest in self.manifests.get("split", []))
        return next((count for count in counts if isinstance(count, int)), 0)


def gather(study: Study, failures: Mapping[str, str] | None = None) -> Findings:
    """What `study` has found so far.

    Args:
        study: The study; at least its listings have been read.
        failures: Why systems could not be trained, by name, where that is known.

    Raises:
        StageOrderError: Its listings have not been read.
        WorkspaceError: A file of results is missing or altered.
    """
    study.manifest("listings")
    known = failures or {}
    networks = []
    missing = []
    for system in systems(study.settings):
        model = _model(study, system)
        if system.name in known:
            # What an earlier run left of it is not what today's settings ask for.
            missing.append(Missing(system.name, known[system.name]))
        elif model and study.manifest_file(f"evaluate/{model}").exists():
            networks.append(_network(study, system, model))
        else:
            missing.append(Missing(system.name, _why_missing(study, system, model)))
    untrained = {network.system for network in networks if network.untrained}
    if ensembles(study.settings) and untrained.intersection(members(study.settings)):
        networks = [
            replace(network, untrained=network.untrained or network.system.kind is Kind.ENSEMBLE)
            for network in networks
        ]
    return Findings(
        study=study,
        genres=read_genres(study.workspace),
        preparation=_preparation(study),
        networks=networks,
        missing=missing,
        trials=_trials(study),
        manifests=_manifests(study, [network.scores.model for network in networks]),
    )


def _model(study: Study, system: System) -> str:
    """The model that a system is; empty while its preparation is not chosen."""
    try:
        return model_of(study, system)
    except StageOrderError:
        return ""


def _preparation(study: Study) -> str:
    """The preparations that networks are trained on, in words."""
    chosen = {_choice(study, name) for name in study.settings.training.backbones}
    return " and ".join(sorted(filter(None, chosen)))


def _choice(study: Study, network: str) -> str:
    """The preparation that a network is trained on; empty while none is chosen."""
    try:
        return str(chosen_preparation(study, network))
    except StageOrderError:
        return ""


def _network(study: Study, system: System, model: str) -> Network:
    scores = read_scores(study.workspace.evaluation / model / "metrics.json")
    if system.kind is Kind.ENSEMBLE:
        return Network(system, scores, None, None)
    folder = study.workspace.models / model
    curve, card = _optional_curve(folder / "history.csv"), _optional_card(folder)
    if curve and card and "best_epoch" in card.metrics:
        curve = replace(curve, kept=int(card.metrics["best_epoch"]))
    untrained = card is not None and system.kind is not Kind.SCRATCH and card.weights == "random"
    return Network(system, scores, curve, card, untrained)


def _optional_curve(file: Path) -> Curve | None:
    try:
        return read_curve(file)
    except WorkspaceError as error:
        logger.warning("%s", error)
        return None


def _optional_card(folder: Path) -> ModelCard | None:
    try:
        return read_card(folder)
    except WeightsError as error:
        logger.warning("%s", error)
        return None


def _why_missing(study: Study, system: System, model: str) -> str:
    if model and study.manifest_file(f"{system.stage}/{model}").exists():
        return "It was trained, but not evaluated."
    return "It was not trained, or its training failed: its own run and log say why."


def _trials(study: Study) -> list[PreparationTrial]:
    trials = []
    for backbone in comparing_backbones(study.settings):
        folder = comparison_folder(study, backbone)
        file = folder / "comparison.csv"
        if not file.exists() or not study.manifest_file(comparison_label(study.settings, backbone)).exists():
            continue
        chosen = _choice(study, backbone)
        table = read_table(file, best_epoch="int64", validation_accuracy="float64", test_accuracy="float64")
        trials += [
            PreparationTrial(
                backbone=backbone,
                preparation=row["preparation"],
                chosen=row["preparation"] == chosen,
                best_epoch=int(row["best_epoch"]),
                validation_accuracy=float(row["validation_accuracy"]),
                test_accuracy=float(row["test_accuracy"]),
                curve=_optional_curve(folder / row["preparation"] / "history.csv"),
            )
            for row in table.to_dict("records")
        ]
    return trials


def _manifests(study: Study, models: list[str]) -> dict[str, list[Manifest]]:
    """The manifests that today's outcome was made from.

    Parts that nothing after them names (chunks of an earlier way of cutting, networks of other settings) are left out.
    """
    found = {stage.name: study.manifests(stage.name) for stage in stages() if stage.name != "report"}
    for stage in ("search", "train", "finetune", "scratch", "ensemble", "evaluate", "visualise"):
        found[stage] = [manifest for manifest in found[stage] if manifest.part in models]
    compared = comparison_parts(study.settings)
    found["compare"] = [manifest for manifest in found["compare"] if manifest.part in compared]
    named = {label for manifests in found.values() for manifest in manifests for label in manifest.inputs}
    for stage in ("download", "hashes", "prepare", "features"):
        if any(label.startswith(f"{stage}/") for label in named):
            found[stage] = [manifest for manifest in found[stage] if manifest.label in named]
    return {stage: manifests for stage, manifests in found.items() if manifests}
