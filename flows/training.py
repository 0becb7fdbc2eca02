"""Networks trained, and joined: chapter 4, section 5.4."""

from bookcover_core.models.systems import SCRATCH_NETWORKS
from bookcover_core.pipeline.study import Study
from bookcover_core.training.plan import is_trained
from bookcover_core.training.preparation_choice import choosing_backbone, chosen_preparation
from flows.comparison import compare_preparations
from flows.features import compute_features
from flows.names import name_training
from flows.networks import Network
from flows.stages import stage_flow
from flows.studies import Changes, reference, settings_of
from tasks import training
from tasks.limits import training_slot


@stage_flow("train-backbone", name_training)
def train_backbone(study: str = "", backbone: Network = "MobileNetV2", changes: Changes = ()) -> None:
    """Compute a backbone's pooled features once, train its head on them, and fine-tune it where the settings say so.

    LeNet and AlexNet are trained from nothing instead. What is done already is not done again, and a training that was
    cut off goes on after its last epoch.

    Changed settings are kept with the study: the network takes the place of the one that was there, and the study's
    next run takes it as it is.

    Args:
        study: Name of the study; empty: the only one of this home.
        backbone: The network.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    settings = settings_of(study, changes)
    with training_slot(unless=lambda: is_trained(Study(settings), backbone)):
        if settings.training.preparation == "best" and settings.comparison.per_backbone:
            compare_preparations(reference(settings), (choosing_backbone(settings, backbone),))
        if backbone in SCRATCH_NETWORKS:
            training.train_scratch(settings, backbone)
            return
        compute_features(settings, backbone, chosen_preparation(Study(settings), backbone))
        if settings.search.trials:
            training.search_head(settings, backbone)
        training.train_head(settings, backbone)
        if settings.fine_tuning.blocks:
            training.fine_tune(settings, backbone)


@stage_flow("combine", "combine {ensemble} for {study}")
def combine(study: str = "", ensemble: str = "Ensemble-mean", changes: Changes = ()) -> None:
    """Let several trained systems judge together.

    Args:
        study: Name of the study; empty: the only one of this home.
        ensemble: One of its ensembles: `ensemble.methods` names them.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    training.combine(settings_of(study, changes), ensemble)
