"""How the systems of a study are made, each kind by its own stage; and whether one has been made."""

from collections.abc import Callable, Iterator
from functools import partial

from bookcover_core.errors import BookcoverError
from bookcover_core.models.systems import SCRATCH_NETWORKS, Kind, System
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.features import compute_features
from bookcover_core.training.fine_tune import fine_tune
from bookcover_core.training.from_scratch import train_scratch
from bookcover_core.training.hyperparameter_search import search_head
from bookcover_core.training.preparation_comparison import (
    choosing_backbone,
    chosen_preparation,
    compare_preparation,
    compare_preparations,
)
from bookcover_core.training.train_head import train_backbone


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
    return _stands(study, lambda planned: make(planned, system))


def is_trained(study: Study, network: str) -> bool:
    """Whether every stage of the training of `network` has been done with today's settings, and stands."""
    return all(_stands(study, stage) for stage in _training(study.settings, network))


def is_compared(study: Study, backbone: str) -> bool:
    """Whether every stage of the comparison of preparations by `backbone` has been done, and stands."""
    return all(_stands(study, stage) for stage in _comparison(study.settings, backbone))


def _comparison(settings: StudySettings, backbone: str) -> Iterator[Callable[[Study], Manifest]]:
    """The stages of the comparison of preparations by `backbone`, in their order."""
    for method in settings.preparation.methods:
        yield partial(compute_features, backbone=backbone, preparation=method)
        yield partial(compare_preparation, preparation=method, backbone=backbone)
    yield partial(compare_preparations, backbone=backbone)


def _training(settings: StudySettings, network: str) -> Iterator[Callable[[Study], Manifest]]:
    """The stages of the training of `network`, in their order."""
    if settings.training.preparation == "best" and settings.comparison.per_backbone:
        yield from _comparison(settings, choosing_backbone(settings, network))
    if network in SCRATCH_NETWORKS:
        yield partial(train_scratch, name=network)
        return
    yield lambda study: compute_features(study, network, chosen_preparation(study, network))
    if settings.search.trials:
        yield partial(search_head, backbone=network)
    yield partial(train_backbone, name=network)
    if settings.fine_tuning.blocks:
        yield partial(fine_tune, backbone=network)


def _stands(study: Study, stage: Callable[[Study], Manifest]) -> bool:
    """Whether a stage has been done with today's settings, and stands."""
    try:
        return study.plan(stage).standing is not None
    except (BookcoverError, OSError):  # OSError: what it would read is not there
        return False
