"""Evaluating the trained systems on the test books."""

from prefect.client.schemas.objects import State

from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("evaluate", "evaluate {system}")
def evaluate(settings: StudySettings, system: str) -> StageResult | State[StageResult]:
    """Recall and precision of one system on the test books, by genre and in total."""
    from bookcover_core.evaluation import evaluate  # noqa: PLC0415 - scikit-learn is slow to import

    return perform(settings, lambda study: run_apart(study, evaluate.evaluate, system))
