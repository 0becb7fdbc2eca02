"""Pictures as the networks will see them: section 3.2."""

from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import prepare_shard, shards
from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import preparation
from tasks.spreading import do_shards


@stage_flow("prepare", "prepare the covers of {settings.name}")
def prepare(settings: StudySettings = DISSERTATION) -> None:
    """Measure every cover and make it square in every wanted way, shard by shard, or many shards at once.

    Args:
        settings: The study.
    """
    do_shards(settings, preparation.prepare_shard, prepare_shard, shards(Study(settings)))
