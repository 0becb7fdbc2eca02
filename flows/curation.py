"""Box sets, twins, replacements, splits: section 3.1."""

from bookcover_core.covers.chunks import chunks
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.study import Study
from flows.review_gate import wait_for_review
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.spreading import run_parts, spread
from tasks.stages import run_stage


@stage_flow("curate", "curate {study}", step="curate")
def curate(study: str = "", changes: Changes = ()) -> None:
    """Find box sets and twins, have candidates reviewed, replace every unusable book like for like, and split."""
    settings = settings_of(study, changes)
    run_stage(settings, "listings")
    run_stage(settings, "candidates")
    for chunk in chunks(Study(settings)):
        run_stage(settings, "hashes", chunk)
    spread(Study(settings), parts(Study(settings), "read-listed"))
    run_parts(Study(settings), parts(Study(settings), "cover-candidates"))

    def look_for_twins() -> None:
        if settings.draws_from_pool:
            run_stage(settings, "pool")
        run_stage(settings, "twins")

    look_for_twins()
    wait_for_review(settings, look_for_twins if settings.draws_from_pool else None)
    run_stage(settings, "curate")
    run_stage(settings, "split")
