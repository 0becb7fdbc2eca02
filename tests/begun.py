"""Studies whose settings are stored, as flows find them."""

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings


def begun(settings: StudySettings) -> str:
    """The folder of a study in which these settings are stored now: what a flow is told."""
    Study(settings).begin()
    return str(settings.root)
