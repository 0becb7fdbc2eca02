"""What a study has found so far, gathered from its folder: everything that tables, summary and report draw on.

    manifests/, listings/, splits/, comparison/, models/, evaluation/  ->  Findings

Only networks of today's settings, on the preparation that they ask for, are gathered; what an earlier setting left in
the folder is not.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.published import PUBLISHED_TEST_BOOKS, is_bookcover30
from bookcover_core.evaluation.scores import Scores, read_scores
from bookcover_core.genres import BOOKCOVER30_TEST_PER_GENRE, Genre
from bookcover_core.listing.books import read_genres
from bookcover_core.manifests import Manifest
from bookcover_core.models.cards import ModelCard, read_card
from bookcover_core.settings import BookSource, CoverSource
from bookcover_core.stages import STAGES
from bookcover_core.study import Study
from bookcover_core.visualisation.curves import Curve, read_curve
from bookcover_core.workspace import read_table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Network:
    """A network that was trained and evaluated."""

    scores: Scores
    curve: Curve | None
    """How its training went; None where its history is gone."""
    card: ModelCard | None
    """The card beside its weights; None where it is gone."""

    @property
    def backbone(self) -> str:
        """The network's name."""
        return self.scores.backbone

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
    """A network of the settings that has no results."""

    backbone: str
    reason: str


@dataclass(frozen=True)
class PreparationTrial:
    """A preparation in the comparison of section 3.2."""

    preparation: str
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
    """The preparation that the networks were trained on; empty while none is chosen."""
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
        """Whether any network starts from random weights, so that the study is a rehearsal."""
        return any(network.card is not None and network.card.weights == "random" for network in self.networks) or (
            self.study.settings.models.weights == "random"
            and not set(self.study.settings.training.backbones) <= set(self.study.settings.models.weight_files)
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
            reasons.append("the networks start from random weights, not from ImageNet")
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
        failures: Why networks have no results, by backbone, where that is known.

    Raises:
        StageOrderError: Its listings have not been read.
        WorkspaceError: A file of results is missing or altered.
    """
    study.manifest("listings")
    preparation = _preparation(study)
    networks = []
    missing = []
    for backbone in study.settings.training.backbones:
        model = f"{backbone}-{preparation}"
        if preparation and study.manifest_file(f"evaluate/{model}").exists():
            networks.append(_network(study, model))
        else:
            missing.append(Missing(backbone, (failures or {}).get(backbone) or _why_missing(study, model)))
    return Findings(
        study=study,
        genres=read_genres(study.workspace),
        preparation=preparation,
        networks=networks,
        missing=missing,
        trials=_trials(study),
        manifests=_manifests(study, [network.scores.model for network in networks]),
    )


def _preparation(study: Study) -> str:
    from bookcover_core.training.comparison import chosen_preparation  # noqa: PLC0415 - imports TensorFlow

    wanted = study.settings.training.preparation
    if wanted != "best":
        return wanted
    try:
        return str(chosen_preparation(study))
    except (StageOrderError, WorkspaceError):
        return ""


def _network(study: Study, model: str) -> Network:
    scores = read_scores(study.workspace.evaluation / model / "metrics.json")
    folder = study.workspace.models / model
    return Network(scores, _optional_curve(folder / "history.csv"), _optional_card(folder))


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


def _why_missing(study: Study, model: str) -> str:
    if study.manifest_file(f"train/{model}").exists():
        return "It was trained, but not evaluated."
    return "It was not trained, or its training failed: its own run and log say why."


def _trials(study: Study) -> list[PreparationTrial]:
    file = study.workspace.comparison / "comparison.csv"
    if not file.exists() or not study.manifest_file("compare").exists():
        return []
    table = read_table(file, best_epoch="int64", validation_accuracy="float64", test_accuracy="float64")
    return [
        PreparationTrial(
            preparation=row["preparation"],
            best_epoch=int(row["best_epoch"]),
            validation_accuracy=float(row["validation_accuracy"]),
            test_accuracy=float(row["test_accuracy"]),
            curve=_optional_curve(study.workspace.comparison / row["preparation"] / "history.csv"),
        )
        for row in table.to_dict("records")
    ]


def _manifests(study: Study, models: list[str]) -> dict[str, list[Manifest]]:
    """The manifests that today's outcome was made from.

    Parts that nothing after them names (chunks of an earlier way of cutting, networks of other settings) are left out.
    """
    found = {stage.name: study.manifests(stage.name) for stage in STAGES if stage.name != "report"}
    found["train"] = [manifest for manifest in found["train"] if manifest.part in models]
    found["evaluate"] = [manifest for manifest in found["evaluate"] if manifest.part in models]
    named = {label for manifests in found.values() for manifest in manifests for label in manifest.inputs}
    for stage in ("download", "hashes", "prepare", "features"):
        if any(label.startswith(f"{stage}/") for label in named):
            found[stage] = [manifest for manifest in found[stage] if manifest.label in named]
    return {stage: manifests for stage, manifests in found.items() if manifests}
