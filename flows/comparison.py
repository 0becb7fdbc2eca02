"""Which preparation is best: sections 3.2 and 5.4, Figure 3.1, Table 1."""

from bookcover_core.settings import StudySettings
from bookcover_core.training.comparison import comparing_backbones
from flows.stages import DISSERTATION, stage_flow
from tasks import training


@stage_flow("compare-preparations", "comparison of preparations of {settings.name}")
def compare_preparations(settings: StudySettings = DISSERTATION, backbones: list[str] | None = None) -> None:
    """Train a network briefly on every preparation, and choose the one that validates best.

    Args:
        settings: The study.
        backbones: The networks that compare, each for itself; none named: those that the settings want.
    """
    for backbone in backbones if backbones is not None else comparing_backbones(settings):
        for preparation in settings.preparation.methods:
            training.compute_features(settings, backbone, preparation)
            training.compare_preparation(settings, backbone, preparation)
        training.choose_preparation(settings, backbone)
