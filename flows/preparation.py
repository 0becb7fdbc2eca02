"""Covers as the systems will see them: pictures (section 3.2), and words."""

from bookcover_core.pipeline.graph import Part, find, parts
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shards
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.spreading import spread


@stage_flow("prepare", "prepare the covers of {study}", step="prepare")
def prepare(study: str = "", changes: Changes = ()) -> None:
    """Measure every cover and make it square in every wanted way, shard by shard, or many shards at once.

    Where the settings ask for the words on the covers, they are read afterwards.

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    wanted = Study(settings_of(study, changes))
    spread(wanted, [Part(find("prepare"), (shard,)) for shard in shards(wanted)])
    spread(wanted, parts(wanted, "read"))
