"""Box sets, replacements, splits: section 3.1."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import curation


@stage_flow("curate", "curation of {settings.name}")
def curate(settings: StudySettings = DISSERTATION) -> None:
    """Find box sets, replace every unusable book like for like, and split what remains."""
    curation.find_candidates(settings)
    curation.curate(settings)
    curation.split(settings)
