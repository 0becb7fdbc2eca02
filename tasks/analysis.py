"""Analysing what the evaluated systems predict."""

from prefect.client.schemas.objects import State

from bookcover_core.pipeline.stage_process import run_apart
from bookcover_core.settings import StudySettings
from tasks.stages import StageResult, perform, stage_task


@stage_task("analyse", "analyse colour, shape, overlap and agreement")
def analyse(settings: StudySettings) -> StageResult | State[StageResult]:
    """Colour and shape by genre, class overlap, calibration, and every pair of systems on the same books."""
    from bookcover_core.evaluation import analyse  # noqa: PLC0415 - SciPy is slow to import

    return perform(settings, lambda study: run_apart(study, analyse.analyse))
