"""Choosing the books: box sets, twins, replacements, splits."""

from collections.abc import Callable

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext

from bookcover_core.curation import box_set_candidates, fingerprints, near_duplicates, splits
from bookcover_core.curation import curate as curation
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, artifact_key, perform, stage_task


@stage_task("find-candidates", "find box sets by title")
def find_candidates(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books whose title speaks of a box set."""
    return perform(settings, box_set_candidates.find_candidates)


@stage_task("hash-chunk", "hash the covers of chunk {chunk}")
def hash_chunk(settings: StudySettings, chunk: int) -> StageResult | State[StageResult]:
    """What each cover of one chunk looks like."""
    return perform(settings, lambda study: fingerprints.hash_chunk(study, chunk))


@stage_task("find-twins", "find covers that look the same")
def find_twins(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books that show one picture, and a sheet of those under different genres as an artifact."""
    result = perform(settings, near_duplicates.find_twins)
    _show_pairs(Study(settings))
    return result


@stage_task("curate", "replace unusable books")
def curate(settings: StudySettings) -> StageResult | State[StageResult]:
    """The books of the study, each unusable one replaced; an artifact shows who left and who came."""
    result = perform(settings, curation.curate)
    if isinstance(result, StageResult):
        _show_replaced(Study(settings))
    return result


@stage_task("split", "split the books")
def split(settings: StudySettings) -> StageResult | State[StageResult]:
    """Training, validation and test books."""
    return perform(settings, splits.split)


def _show_pairs(study: Study) -> None:
    """Show the twins under different genres."""
    from bookcover_core.report.near_duplicate_section import twins_markdown  # noqa: PLC0415 - Matplotlib is slow to import

    _show(study, "twins", twins_markdown, "Books that show one picture")


def _show_replaced(study: Study) -> None:
    """Show which books left and why, and covers that came for others."""
    from bookcover_core.report.replacement_tables import replaced_markdown  # noqa: PLC0415 - Matplotlib is slow to import

    _show(study, "replaced", replaced_markdown, "Books that left, and what came in their place")


def _show(study: Study, key: str, write: Callable[[Study], str], description: str) -> None:
    """Show what `write` says of the study, where a task is running."""
    if TaskRunContext.get() is None:
        return
    create_markdown_artifact(key=artifact_key(key, study.settings.name), markdown=write(study), description=description)
