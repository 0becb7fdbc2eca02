"""Measuring and preparing the covers, a shard at a time."""

from prefect.client.schemas.objects import State

from bookcover_core.preparation import stage
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("prepare-shard", "prepare shard {shard}")
def prepare_shard(settings: StudySettings, shard: int) -> StageResult | State[StageResult]:
    """The covers of one shard, measured and made square in every wanted way."""
    return perform(settings, lambda study: stage.prepare_shard(study, shard))
