"""Evaluating the trained networks on the test books."""

from prefect.client.schemas.objects import State

from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("evaluate", "evaluate {backbone}")
def evaluate(settings: StudySettings, backbone: str) -> StageResult | State[StageResult]:
    """Recall and precision of one network on the test books, by genre and in total."""
    from bookcover_core.evaluation import stage  # noqa: PLC0415 - scikit-learn and TensorFlow are slow to import

    return perform(settings, lambda study: stage.evaluate(study, backbone))
