"""Pictures as the networks will see them: section 3.2."""

from bookcover_core.preparation.stage import shards
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from flows.stages import DISSERTATION, stage_flow
from tasks import preparation


@stage_flow("prepare", "preparation of {settings.name}")
def prepare(settings: StudySettings = DISSERTATION) -> None:
    """Measure every cover and make it square in every wanted way, shard by shard."""
    for shard in shards(Study(settings)):
        preparation.prepare_shard(settings, shard)
