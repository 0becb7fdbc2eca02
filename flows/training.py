"""Networks trained, and joined: chapter 4, section 5.4."""

from bookcover_core.families.systems import network_is_made, systems, training_parts, untrained_systems
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from flows.names import name_training
from flows.networks import NetworkOrEncoder
from flows.stages import stage_flow
from flows.studies import Changes, settings_of
from tasks.limits import training_slot
from tasks.spreading import run_parts
from tasks.stages import run_stage


@stage_flow(
    "train-backbone",
    name_training,
    step="train",
    runs=lambda settings: [{"backbone": name} for name in settings.training.backbones],
)
def train_backbone(study: str = "", backbone: NetworkOrEncoder = "MobileNetV2", changes: Changes = ()) -> None:
    """Compute a backbone's pooled features once, train its head on them, and fine-tune it where the settings say so.

    LeNet and AlexNet are trained from scratch instead. What is done already is not done again, and a training that was
    cut off goes on after its last epoch.

    Changed settings are kept with the study: the network takes the place of the one that was there, and the study's
    next run takes it as it is.

    Args:
        study: Name of the study; empty: the only one of this home.
        backbone: The network.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    wanted = Study(settings_of(study, changes))
    with training_slot(unless=lambda: network_is_made(wanted, backbone)):
        run_parts(wanted, training_parts(wanted, backbone))


@stage_flow(
    "combine",
    "combine {ensemble} for {study}",
    step="ensemble",
    runs=lambda settings: [{"ensemble": system.name} for system in systems(settings) if system.members],
)
def combine(study: str = "", ensemble: str = "Ensemble-mean", changes: Changes = ()) -> None:
    """Let several trained systems judge together.

    Args:
        study: Name of the study; empty: the only one of this home.
        ensemble: One of its ensembles: `ensemble.methods` names them.
        changes: Settings to change, now and for what comes after: training.epochs=400, say.
    """
    run_stage(settings_of(study, changes), "ensemble", ensemble)


def fit_baselines(settings: StudySettings) -> None:
    """Make the systems that no network is trained for and that join no others: a second's work, here and now."""
    study = Study(settings)
    for system in untrained_systems(settings):
        if not system.members:
            run_parts(study, system.family.parts(study, system))
