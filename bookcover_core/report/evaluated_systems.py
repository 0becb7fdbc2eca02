"""The systems that a report shows, and the preparations that networks compared: read from the folder of a study."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from bookcover_core.errors import StageOrderError, WeightsError, WorkspaceError
from bookcover_core.evaluation.scores import Scores, read_scores
from bookcover_core.families.family import System
from bookcover_core.families.systems import validation_figures_of
from bookcover_core.models.model_cards import UNTRAINED, ModelCard, is_untrained, read_card
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.history import TrainingCurve, read_curve
from bookcover_core.training.preparation_choice import (
    CHOICE,
    chosen_preparation,
    comparing_backbones,
    comparison_folder,
    comparison_label,
)
from bookcover_core.training.stored_probabilities import ValidationFigures

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class EvaluatedSystem:
    """A system that was trained and evaluated."""

    system: System
    scores: Scores
    validation: ValidationFigures
    curve: TrainingCurve | None = None
    """The course of its training; None for an ensemble, and where its history is gone."""
    card: ModelCard | None = None
    """The card beside its weights; None for an ensemble, and where it is gone."""
    untrained: bool = False  # see `is_untrained`

    @property
    def name(self) -> str:
        """Its name in folders and labels."""
        return self.scores.backbone

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.system.title}{UNTRAINED if self.untrained else ''}"

    @property
    def is_ensemble(self) -> bool:
        """Whether it joins other systems, and was not trained itself."""
        return bool(self.system.members)

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept."""
        if self.curve is not None:
            return self.curve.best_epoch
        return int(self.card.metrics["best_epoch"]) if self.card and "best_epoch" in self.card.metrics else None

    @property
    def validation_accuracy(self) -> float | None:
        """Validation accuracy at that epoch."""
        return None if self.curve is None else self.curve.val_accuracy[self.curve.best]


def read_system(study: Study, system: System, model: str) -> EvaluatedSystem:
    """A system that has been evaluated; `model` is the name of its folder."""
    scores = read_scores(study.workspace.evaluation / model / "metrics.json")
    folder = study.workspace.models / model
    figures = _if_sound(validation_figures_of, folder) if system.evidence else None
    validation = figures or ValidationFigures.of({})
    if system.members or not system.competes:
        return EvaluatedSystem(system, scores, validation, untrained=is_untrained(folder))
    curve, card = _if_sound(read_curve, folder / "history.csv"), _if_sound(read_card, folder)
    if curve and card and "best_epoch" in card.metrics:
        curve = replace(curve, kept=int(card.metrics["best_epoch"]))
    return EvaluatedSystem(system, scores, validation, curve, card, is_untrained(folder))


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
    curve: TrainingCurve | None


def read_trials(study: Study) -> list[PreparationTrial]:
    """The preparations that the networks of today's settings have compared."""
    trials = []
    for backbone in comparing_backbones(study.settings):
        folder = comparison_folder(study, backbone)
        file = folder / "comparison.csv"
        if not file.exists() or not study.manifest_file(comparison_label(study.settings, backbone)).exists():
            continue
        chosen = if_chosen(chosen_preparation, study, backbone)
        numbers = {"best_epoch": "int64", "validation_accuracy": "float64", "test_accuracy": "float64"}
        table = read_table(file, **numbers)
        trials += [
            PreparationTrial(
                backbone,
                chosen=row["preparation"] == chosen,
                curve=_if_sound(read_curve, folder / row["preparation"] / "history.csv"),
                **{str(name): value for name, value in row.items()},
            )
            for row in table[[*numbers, "preparation"]].to_dict("records")
        ]
    return trials


def read_ties(study: Study) -> list[str]:
    """How comparisons of preparations resolved their ties, a sentence each."""
    if study.settings.training.preparation != "best":
        return []
    choices = (comparison_folder(study, name) / CHOICE for name in comparing_backbones(study.settings))
    told = (json.loads(file.read_text("utf-8")).get("tie", "") for file in choices if file.exists())
    return list(dict.fromkeys(filter(None, told)))


def if_chosen(find: Callable[..., str], *of: Any) -> str:
    """What `find` finds; empty while the preparation that it depends on is not chosen."""
    try:
        return str(find(*of))
    except StageOrderError:
        return ""


def _if_sound(read: Callable[[Path], T], path: Path) -> T | None:
    """What `read` reads; None, with a warning in the log, where it is missing or altered."""
    try:
        return read(path)
    except (WorkspaceError, WeightsError) as error:
        logger.warning("%s", error)
        return None
