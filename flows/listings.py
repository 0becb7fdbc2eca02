"""Where the books come from: section 3.1."""

from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.stages import run_stage


@stage_flow("read-listings", "read the listings of {study}", step="listings")
def read_listings(study: str = "", changes: Changes = ()) -> None:
    """Read the listings, check every record, and number the records into chunks.

    Args:
        study: Name of the study; empty: the only one of this home.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    run_stage(settings_of(study, changes), "listings")
