"""The download: section 3.1."""

from bookcover_core.covers.stage import chunks
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from flows.stages import DISSERTATION, stage_flow
from tasks import covers


@stage_flow("download-covers", "covers of {settings.name}")
def download_covers(settings: StudySettings = DISSERTATION) -> None:
    """Fetch the covers, chunk by chunk. Covers that are there already are not fetched again."""
    for chunk in chunks(Study(settings)):
        covers.download_chunk(settings, chunk)
