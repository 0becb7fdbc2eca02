"""What a head on pooled features depends on; its hyperparameters, the settings' own and those that a search draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from bookcover_core.models.extra_inputs import measurements_digest
from bookcover_core.pipeline.engine import Inputs
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import HeadSettings, StudySettings
from bookcover_core.training.loop import Schedule
from bookcover_core.training.preparation_choice import model_name

HEAD_SETTINGS = (
    "seed",
    "head",
    "training.optimizer",
    "training.learning_rate",
    "training.batch_size",
    "training.weight_decay",
    "training.label_smoothing",
)
"""Settings that every head on pooled features depends on."""

# Purpose of the generator that draws the trials.
_TRIALS = 412

# Digits that drawn learning rates and weight decays keep: enough to tell them apart, few enough to copy.
_DIGITS = 4


class Hyperparameters(BaseModel):
    """How a head is built and trained, as far as a search may choose it."""

    model_config = ConfigDict(frozen=True)

    learning_rate: float
    batch_size: int
    hidden_units: tuple[int, ...]
    dropout: float
    weight_decay: float
    label_smoothing: float

    @classmethod
    def of(cls, settings: StudySettings) -> "Hyperparameters":
        """Those that the settings name."""
        return cls.model_validate(settings.training.model_dump() | settings.head.model_dump())

    def plan(self, settings: StudySettings, **when: Any) -> tuple[Schedule, HeadSettings]:
        """How a head with these is trained, and what it is built of.

        `when` are epochs, patience and monitor, where they are not those of the section `training`.
        """
        chosen = self.model_dump()
        shape = {name: chosen.pop(name) for name in HeadSettings.model_fields if name in chosen}
        schedule = Schedule(**settings.training.model_dump() | chosen | when, seed=settings.seed)
        return schedule, settings.head.model_copy(update=shape)


def head_inputs(
    study: Study, backbone: str, preparation: str, part: str = "", after: Sequence[str] = (), features: str = ""
) -> Inputs:
    """What a head on the features of `backbone` on `preparation` is made from.

    Measurements are among it where the head has extra inputs. Part and features are the model, where no others are
    named.
    """
    model, given = model_name(backbone, preparation), {"backbone": backbone, "preparation": preparation}
    if study.settings.head.extra_inputs:
        given["measurements"] = measurements_digest(study)
    return Inputs(part or model, after=["listings", "split", f"features/{features or model}", *after], given=given)


def draw_trials(settings: StudySettings) -> list[Hyperparameters]:
    """The heads that a search tries: the settings' own first, then draws, of which more leave the first as they are."""
    ranges = settings.search
    generator = np.random.default_rng([settings.seed, _TRIALS])

    def between(low: float, high: float) -> float:
        value = float(np.exp(generator.uniform(np.log(low), np.log(high))))
        return float(np.clip(float(f"{value:.{_DIGITS}g}"), low, high))

    trials = [Hyperparameters.of(settings)]
    while len(trials) < ranges.trials:
        units = int(generator.choice(ranges.hidden_units))
        trials.append(
            Hyperparameters(
                learning_rate=between(*ranges.learning_rate),
                batch_size=int(generator.choice(ranges.batch_size)),
                hidden_units=(units,) if units else (),
                dropout=float(generator.choice(ranges.dropout)),
                weight_decay=between(*ranges.weight_decay),
                label_smoothing=float(generator.choice(ranges.label_smoothing)),
            )
        )
    return trials[: ranges.trials]
