"""The download: section 3.1."""

from prefect.client.schemas.objects import State
from prefect.states import Completed

from bookcover_core.covers.chunks import WantedChunks, choose_chunks
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from flows.names import name_download
from flows.stages import DISSERTATION, stage_flow
from tasks import covers


@stage_flow("download-covers", name_download)
def download_covers(settings: StudySettings = DISSERTATION, chunks: WantedChunks = "all") -> State[None] | None:
    """Fetch the covers, chunk by chunk. Covers that are there already are not fetched again.

    The first chunk that cannot be downloaded ends the run: where a network or a host is down, every further chunk
    would fail too, each after its own minutes of retries. What is done is kept, and the next run goes on from there.

    Args:
        settings: The study.
        chunks: Which chunks of the listing: all of them, their numbers (from 1), or the next one that is not
            finished, so that a schedule finishes the listing over as many nights as it takes. A run that finds
            nothing left to do ends well.
    """
    wanted = choose_chunks(Study(settings), chunks)
    for chunk in wanted:
        covers.download_chunk(settings, chunk)
    return None if wanted else Completed(message="Nothing is left to download.")
