"""Fetching the covers, a chunk at a time."""

from prefect.client.schemas.objects import State

from bookcover_core.covers import stage
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, network_task, perform


@network_task("download-chunk", "download chunk {chunk}")
def download_chunk(settings: StudySettings, chunk: int) -> StageResult | State[StageResult]:
    """What became of the records of one chunk, counted by outcome."""
    return perform(settings, lambda study: stage.download_chunk(study, chunk))
