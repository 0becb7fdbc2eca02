"""Where the books come from: section 3.1."""

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import listings


@stage_flow("read-listings", "read the listings of {settings.name}")
def read_listings(settings: StudySettings = DISSERTATION) -> None:
    """Read the listings, check every record, and number the records into chunks."""
    Study(settings).begin()
    listings.read_listings(settings)
