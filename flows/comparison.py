"""Which preparation is best: section 3.2, Figure 3.1, Table 1."""

from bookcover_core.settings import StudySettings
from flows.stages import DISSERTATION, stage_flow
from tasks import training


@stage_flow("compare-preparations", "comparison of preparations of {settings.name}")
def compare_preparations(settings: StudySettings = DISSERTATION) -> None:
    """Train one network briefly on every preparation, and choose the one that validates best."""
    for preparation in settings.preparation.methods:
        training.compute_features(settings, settings.comparison.backbone, preparation)
        training.compare_preparation(settings, preparation)
    training.choose_preparation(settings)
