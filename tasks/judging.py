"""The verdict on covers that people bring."""

from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger

from bookcover_core.inference.answers import CoverVerdict, Unreadable
from bookcover_core.inference.cover_sources import find_covers
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from tasks.stage_artifacts import artifact_key
from tasks.stages import stage_task


@stage_task("judge-covers", "judge covers by {settings.name}")
def judge_covers(
    settings: StudySettings, covers: list[str], model: str, top: int, near: int
) -> list[CoverVerdict | Unreadable]:
    """The verdict on each cover, in their order, and an artifact that shows them with pictures."""
    from bookcover_core.inference.judge_covers import Judge, judge_and_show  # noqa: PLC0415 - imports TensorFlow

    with Judge.load(Study(settings), model) as judge:
        found, markdown = judge_and_show(judge, find_covers(covers), top=top, near=near)
    for each in found:
        if isinstance(each, Unreadable):
            get_run_logger().warning("%s: %s", each.source, each.detail)
    if TaskRunContext.get() is not None:
        create_markdown_artifact(
            key=artifact_key("verdicts", settings.name),
            markdown=markdown,
            description="What the network says of covers",
        )
    return found
