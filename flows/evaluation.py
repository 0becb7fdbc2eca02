"""How good the trained systems are: chapter 5."""

from bookcover_core.models.systems import systems
from bookcover_core.settings import StudySettings
from flows.names import name_evaluation
from flows.stages import DISSERTATION, stage_flow
from tasks import evaluation


@stage_flow("evaluate", name_evaluation)
def evaluate(settings: StudySettings = DISSERTATION, names: list[str] | None = None) -> None:
    """Judge the test books with every system that is trained.

    Args:
        settings: The study.
        names: The systems to evaluate; none named: all of the study.
    """
    for name in names if names is not None else [system.name for system in systems(settings)]:
        evaluation.evaluate(settings, name)
