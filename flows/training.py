"""Networks trained, and joined: chapter 4, section 5.4."""

from bookcover_core.models.systems import SCRATCH_NETWORKS
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from bookcover_core.training.comparison import choosing_backbone, chosen_preparation
from flows.comparison import compare_preparations
from flows.stages import DISSERTATION, stage_flow
from tasks import training


@stage_flow("train-backbone", "train {backbone} of {settings.name}")
def train_backbone(settings: StudySettings = DISSERTATION, backbone: str = "MobileNetV2") -> None:
    """Compute a backbone's pooled features once, train its head on them, and fine-tune it where the settings say so.

    LeNet and AlexNet are trained from nothing instead.

    Args:
        settings: The study.
        backbone: The network.
    """
    if settings.training.preparation == "best" and settings.comparison.per_backbone:
        compare_preparations(settings, [choosing_backbone(settings, backbone)])
    if backbone in SCRATCH_NETWORKS:
        training.train_scratch(settings, backbone)
        return
    training.compute_features(settings, backbone, chosen_preparation(Study(settings), backbone))
    if settings.search.trials:
        training.search_head(settings, backbone)
    training.train_head(settings, backbone)
    if settings.fine_tuning.blocks:
        training.fine_tune(settings, backbone)


@stage_flow("combine", "combine {ensemble} of {settings.name}")
def combine(settings: StudySettings = DISSERTATION, ensemble: str = "Ensemble-mean") -> None:
    """Let several trained systems judge together.

    Args:
        settings: The study.
        ensemble: One of its ensembles: `ensemble.methods` names them.
    """
    training.combine(settings, ensemble)
