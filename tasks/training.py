"""Pooled features, the comparison of preparations, and the training of all systems.

TensorFlow is imported in a process of its own (`bookcover_core.pipeline.stage_process`), never in the one that runs the
flow.
"""

from prefect.client.schemas.objects import State

from bookcover_core.pipeline.stage import Stage
from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.settings import Preparation, StudySettings
from bookcover_core.training import (
    ensemble,
    feature_shards,
    features,
    from_scratch,
    hyperparameter_search,
    preparation_comparison,
)
from bookcover_core.training import (
    fine_tune as fine_tuning,
)
from bookcover_core.training import (
    train_head as head_training,
)
from tasks.spreading import run_spread
from tasks.stages import StageResult, perform, stage_task


@stage_task("compute-features", "features of {backbone} on {preparation}")
def compute_features(
    settings: StudySettings, backbone: str, preparation: Preparation
) -> StageResult | State[StageResult]:
    """The pooled features of every prepared cover."""
    return perform(
        settings,
        lambda study: run_apart(study, features.compute_features, backbone, str(preparation), network=backbone),
    )


@stage_task("compute-feature-shard", "features of {backbone} on {preparation}, shard {shard}")
def compute_feature_shard(
    settings: StudySettings, backbone: str, preparation: Preparation, shard: int
) -> StageResult | State[StageResult]:
    """The pooled features of the prepared covers of one shard."""
    return perform(
        settings,
        lambda study: run_spread(
            study, feature_shards.compute_feature_shard, backbone, str(preparation), shard, network=backbone
        ),
    )


@stage_task("compare-preparation", "short training of {backbone} on {preparation}")
def compare_preparation(
    settings: StudySettings, backbone: str, preparation: Preparation
) -> StageResult | State[StageResult]:
    """How well a short training does on one preparation."""
    return _train(settings, backbone, preparation_comparison.compare_preparation, str(preparation), backbone)


@stage_task("choose-preparation", "choose the preparation for {backbone}")
def choose_preparation(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """The preparation with the best validation accuracy."""
    return perform(settings, lambda study: preparation_comparison.compare_preparations(study, backbone))


@stage_task("search-head", "search hyperparameters of {backbone}")
def search_head(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """The hyperparameters with which the head of one network validates best."""
    return _train(settings, backbone, hyperparameter_search.search_head, backbone)


@stage_task("train-head", "train {backbone}")
def train_head(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """One network, its head trained on the chosen preparation."""
    return _train(settings, backbone, head_training.train_backbone, backbone)


@stage_task("fine-tune", "fine-tune {backbone}")
def fine_tune(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """One network, its top blocks trained too."""
    return _train(settings, backbone, fine_tuning.fine_tune, backbone)


@stage_task("train-scratch", "train {network} from nothing")
def train_scratch(settings: StudySettings, network: str) -> StageResult | State[StageResult]:
    """One network, trained from nothing."""
    return _train(settings, network, from_scratch.train_scratch, network)


@stage_task("combine", "combine {ensemble_name}")
def combine(settings: StudySettings, ensemble_name: str) -> StageResult | State[StageResult]:
    """One ensemble of the trained systems."""
    return perform(settings, lambda study: run_apart(study, ensemble.combine, ensemble_name))


def _train(settings: StudySettings, network: str, stage: Stage[...], *words: str) -> StageResult | State[StageResult]:
    """The result of a training, which may not take longer than the settings say."""
    minutes = settings.training.time_limit
    return perform(settings, lambda study: run_apart(study, stage, *words, network=network, minutes=minutes))
