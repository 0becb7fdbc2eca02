"""Pooled features of frozen networks, computed once: section 4.1."""

from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import Preparation, StudySettings
from bookcover_core.training import feature_shards, features
from tasks import training
from tasks.spreading import do_shards


def compute_features(settings: StudySettings, backbone: str, preparation: Preparation) -> None:
    """Compute a network's features of one preparation; where work is spread, its workers first compute the shards."""
    study = Study(settings)
    if settings.spreading.how and not features.compute_features.at(study, backbone, str(preparation)).done:
        do_shards(
            settings,
            training.compute_feature_shard,
            feature_shards.compute_feature_shard,
            shards(study),
            backbone,
            str(preparation),
        )
    training.compute_features(settings, backbone, preparation)
