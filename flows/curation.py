"""Box sets, twins, replacements, splits: section 3.1."""

from bookcover_core.covers.chunks import chunks
from bookcover_core.pipeline.study import Study
from flows.review_gate import wait_for_review
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks import curation, listings


@stage_flow("curate", "curate {study}")
def curate(study: str = "", changes: Changes = ()) -> None:
    """Find box sets and twins, have candidates reviewed, replace every unusable book like for like, and split.

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    listings.read_listings(settings)
    curation.find_candidates(settings)
    for chunk in chunks(Study(settings)):
        curation.hash_chunk(settings, chunk)
    curation.find_twins(settings)
    wait_for_review(settings)
    curation.curate(settings)
    curation.split(settings)
