"""Box sets, twins, replacements, splits: section 3.1."""

from bookcover_core.covers.chunks import chunks
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from flows.review_gate import wait_for_review
from flows.stages import DISSERTATION, stage_flow
from tasks import curation


@stage_flow("curate", "curate {settings.name}")
def curate(settings: StudySettings = DISSERTATION) -> None:
    """Find box sets and twins, have candidates reviewed, replace every unusable book like for like, and split."""
    curation.find_candidates(settings)
    for chunk in chunks(Study(settings)):
        curation.hash_chunk(settings, chunk)
    curation.find_twins(settings)
    wait_for_review(settings)
    curation.curate(settings)
    curation.split(settings)
