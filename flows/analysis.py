"""What the predictions, and the colours and shapes of the covers, tell beyond recall: section 5.2."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import analysis


@stage_flow("analyse", "analyse {settings.name}")
def analyse(settings: StudySettings = DISSERTATION) -> None:
    """Analyse colour, shape, overlap, calibration and agreement, over all systems that are evaluated.

    Args:
        settings: The study.
    """
    analysis.analyse(settings)
