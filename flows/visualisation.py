"""What a trained network looks for, and what it sees in covers: section 5.3."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import visualisation


@stage_flow("visualise", "look into a network of {settings.name}")
def visualise(settings: StudySettings = DISSERTATION) -> None:
    """Look into the network that validates best, or the one that `visualisation.model` names.

    Activation maximisation takes minutes to an hour; a run that was cut off goes on where it was.
    """
    visualisation.visualise(settings)
