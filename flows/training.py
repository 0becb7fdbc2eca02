"""Networks trained, and joined: chapter 4, section 5.4."""

from bookcover_core.models.systems import SCRATCH_NETWORKS
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.making import is_trained
from bookcover_core.training.preparation_comparison import choosing_backbone, chosen_preparation
from flows.comparison import compare_preparations
from flows.features import compute_features
from flows.names import name_training
from flows.networks import Network
from flows.stages import DISSERTATION, stage_flow
from tasks import training
from tasks.limits import training_slot


@stage_flow("train-backbone", name_training)
def train_backbone(settings: StudySettings = DISSERTATION, backbone: Network = "MobileNetV2") -> None:
    """Compute a backbone's pooled features once, train its head on them, and fine-tune it where the settings say so.

    LeNet and AlexNet are trained from nothing instead. What is done already is not done again, and a training that was
    cut off goes on after its last epoch.

    Run with other settings than the study's own, it trains the network with those, in place of the one that was there.
    The study's next run asks which one stands: with the settings of this run it takes the network as it is, and with
    its own earlier ones it trains it once more.

    Args:
        settings: The study.
        backbone: The network.
    """
    with training_slot(unless=lambda: is_trained(Study(settings), backbone)):
        if settings.training.preparation == "best" and settings.comparison.per_backbone:
            compare_preparations(settings, [choosing_backbone(settings, backbone)])
        if backbone in SCRATCH_NETWORKS:
            training.train_scratch(settings, backbone)
            return
        compute_features(settings, backbone, chosen_preparation(Study(settings), backbone))
        if settings.search.trials:
            training.search_head(settings, backbone)
        training.train_head(settings, backbone)
        if settings.fine_tuning.blocks:
            training.fine_tune(settings, backbone)


@stage_flow("combine", "combine {ensemble} for {settings.name}")
def combine(settings: StudySettings = DISSERTATION, ensemble: str = "Ensemble-mean") -> None:
    """Let several trained systems judge together.

    Args:
        settings: The study.
        ensemble: One of its ensembles: `ensemble.methods` names them.
    """
    training.combine(settings, ensemble)
