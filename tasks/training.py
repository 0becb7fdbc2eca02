"""Pooled features, the comparison of preparations, and the networks' heads.

TensorFlow is imported when a task runs: a flow that trains nothing starts without it.
"""

from prefect.client.schemas.objects import State

from bookcover_core.settings import Preparation, StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("compute-features", "features of {backbone} on {preparation}")
def compute_features(
    settings: StudySettings, backbone: str, preparation: Preparation
) -> StageResult | State[StageResult]:
    """The pooled features of every prepared cover."""
    from bookcover_core.training import features  # noqa: PLC0415 - imports TensorFlow

    return perform(settings, lambda study: features.compute_features(study, backbone, preparation))


@stage_task("compare-preparation", "short training on {preparation}")
def compare_preparation(settings: StudySettings, preparation: Preparation) -> StageResult | State[StageResult]:
    """How well a short training does on one preparation."""
    from bookcover_core.training import comparison  # noqa: PLC0415 - imports TensorFlow

    return perform(settings, lambda study: comparison.compare_preparation(study, preparation))


@stage_task("choose-preparation", "choose the preparation")
def choose_preparation(settings: StudySettings) -> StageResult | State[StageResult]:
    """The preparation with the best validation accuracy."""
    from bookcover_core.training import comparison  # noqa: PLC0415 - imports TensorFlow

    return perform(settings, comparison.compare_preparations)


@stage_task("train-head", "train {backbone}")
def train_head(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """One network, its head trained on the chosen preparation."""
    from bookcover_core.training import train  # noqa: PLC0415 - imports TensorFlow

    return perform(settings, lambda study: train.train_backbone(study, backbone))
