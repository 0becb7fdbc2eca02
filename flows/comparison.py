"""Which preparation is best: sections 3.2 and 5.4, Figure 3.1, Table 1."""

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.making import is_compared
from bookcover_core.training.preparation_comparison import comparing_backbones
from flows.features import compute_features
from flows.names import name_comparison
from flows.networks import Network
from flows.stages import DISSERTATION, stage_flow
from tasks import training
from tasks.limits import training_slot


@stage_flow("compare-preparations", name_comparison)
def compare_preparations(settings: StudySettings = DISSERTATION, backbones: list[Network] | None = None) -> None:
    """Train a network briefly on every preparation, and choose the one that validates best.

    Args:
        settings: The study.
        backbones: The networks that compare, each for itself; none named: those that the settings want.
    """
    wanted = backbones if backbones is not None else comparing_backbones(settings)
    with training_slot(unless=lambda: all(is_compared(Study(settings), backbone) for backbone in wanted)):
        for backbone in wanted:
            for preparation in settings.preparation.methods:
                compute_features(settings, backbone, preparation)
                training.compare_preparation(settings, backbone, preparation)
            training.choose_preparation(settings, backbone)
