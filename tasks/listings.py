"""Reading the listings."""

from prefect.client.schemas.objects import State

from bookcover_core.listings import read_listings as reading
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, network_task, perform


@network_task("read-listings", "read the listings")
def read_listings(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books of the study, with their genres and chunks."""
    return perform(settings, reading.read_listings)
