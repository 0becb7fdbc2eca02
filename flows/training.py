"""One network trained: chapter 4."""

from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from flows.stages import DISSERTATION, stage_flow
from tasks import training


@stage_flow("train-backbone", "train {backbone} of {settings.name}")
def train_backbone(settings: StudySettings = DISSERTATION, backbone: str = "MobileNetV2") -> None:
    """Compute a backbone's pooled features once, and train its head on them."""
    from bookcover_core.training.comparison import chosen_preparation  # noqa: PLC0415 - imports TensorFlow

    training.compute_features(settings, backbone, chosen_preparation(Study(settings)))
    training.train_head(settings, backbone)
