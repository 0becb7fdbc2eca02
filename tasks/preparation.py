"""Measuring and preparing the covers, a shard at a time."""

from prefect.client.schemas.objects import State

from bookcover_core.preparation import prepare
from bookcover_core.settings import StudySettings
from tasks.spreading import run_spread
from tasks.stages import StageResult, perform, stage_task


@stage_task("prepare-shard", "prepare shard {shard}")
def prepare_shard(settings: StudySettings, shard: int) -> StageResult | State[StageResult]:
    """The covers of one shard, measured and made square in every wanted way."""
    if settings.spreading.how:
        return perform(settings, lambda study: run_spread(study, prepare.prepare_shard, shard))
    return perform(settings, lambda study: prepare.prepare_shard(study, shard))
