"""How the systems of a study are made, each kind by its own stage; and whether one has been made."""

from bookcover_core.errors import BookcoverError
from bookcover_core.manifests import Manifest
from bookcover_core.models.systems import Kind, System
from bookcover_core.study import Study
from bookcover_core.training.finetune import fine_tune
from bookcover_core.training.scratch import train_scratch
from bookcover_core.training.train import train_backbone


def make(study: Study, system: System) -> Manifest:
    """The manifest of the stage that makes `system`.

    Raises:
        StageOrderError: A stage that it builds on has not been run.
        TrainingError: It cannot be made.
        WeightsError: The weights that it starts from cannot be had.
    """
    match system.kind:
        case Kind.FROZEN:
            return train_backbone(study, system.network)
        case Kind.FINE_TUNED:
            return fine_tune(study, system.network)
        case Kind.SCRATCH:
            return train_scratch(study, system.network)
        case Kind.ENSEMBLE:
            from bookcover_core.training.ensemble import combine  # noqa: PLC0415 - which asks here about its members

            return combine(study, system.name)


def is_made(study: Study, system: System) -> bool:
    """Whether `system` has been made with today's settings, and stands."""
    try:
        return study.plan(lambda planned: make(planned, system)).standing is not None
    except BookcoverError:
        return False
