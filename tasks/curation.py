"""Choosing the books: box sets, replacements, splits."""

from prefect.client.schemas.objects import State

from bookcover_core.curation import candidates, splits
from bookcover_core.curation import curate as curation
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("find-candidates", "find box sets by title")
def find_candidates(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books whose title speaks of a box set."""
    return perform(settings, candidates.find_candidates)


@stage_task("curate", "replace unusable books")
def curate(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books of the study, each unusable one replaced by one of its genre."""
    return perform(settings, curation.curate)


@stage_task("split", "split the books")
def split(settings: StudySettings) -> StageResult | State[StageResult]:
    """Training, validation and test books."""
    return perform(settings, splits.split)
