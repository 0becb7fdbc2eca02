"""The download: section 3.1."""

from prefect.client.schemas.objects import State
from prefect.states import Completed

from bookcover_core.covers.download import choose_chunks
from bookcover_core.pipeline.study import Study
from flows.names import name_download
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.stages import run_stage


@stage_flow("download-covers", name_download, step="download")
def download_covers(study: str = "", chunks: str = "all", changes: Changes = ()) -> State[None] | None:
    """Fetch the covers, chunk by chunk; read the listings first. Covers that are there already are not fetched again.

    The first chunk that cannot be downloaded ends the run: where a network or a host is down, every further chunk
    would fail too, each after its own minutes of retries. What is done is kept, and the next run goes on from there.

    Args:
        study: Name of the study; empty: the only one of this home.
        chunks: Which chunks of the listing: "all"; their numbers, such as "1, 3-5"; or "next", the next one that is
            not finished, so that a schedule finishes the listing over as many nights as it takes. A run that finds
            nothing left to do ends well.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    run_stage(settings, "listings")
    wanted = choose_chunks(Study(settings), chunks)
    for chunk in wanted:
        run_stage(settings, "download", chunk)
    return None if wanted else Completed(message="Nothing is left to download.")
