"""How good the trained networks are: chapter 5."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import evaluation


@stage_flow("evaluate", "evaluation of {settings.name}")
def evaluate(settings: StudySettings = DISSERTATION, backbones: list[str] | None = None) -> None:
    """Judge the test books with every network that is trained.

    Args:
        settings: The study.
        backbones: The networks to evaluate; none named: those of the settings.
    """
    for backbone in backbones if backbones is not None else settings.training.backbones:
        evaluation.evaluate(settings, backbone)
