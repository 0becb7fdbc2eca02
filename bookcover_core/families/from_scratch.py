"""Networks from scratch: LeNet and AlexNet, trained on covers alone (`models.lenet_alexnet` says what others did).

The dissertation says that the AlexNet of Iwana et al. 2016 was trained for 450,000 epochs (section 5.4); steps of one
batch each, which Caffe calls iterations, are the likely meaning. Stochastic gradient descent with momentum is what both
networks were trained with in the papers that brought them.
"""

import logging
import math

from bookcover_core.families.family import Family, System
from bookcover_core.families.finished_system import finish_training
from bookcover_core.listings.books import read_genres
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.model_cards import measure
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import ScratchSettings, StudySettings
from bookcover_core.training.preparation_choice import chosen_preparation, model_name

logger = logging.getLogger(__name__)

_NAME = "scratch"

MOMENTUM = 0.9
"""Of the gradient: Krizhevsky et al. 2012, section 5."""


def _inputs(study: Study, network: str) -> Inputs:
    preparation = chosen_preparation(study, network)
    return Inputs(
        model_name(network, preparation),
        after=["listings", "split", *(f"prepare/shard-{number:04d}" for number in shards(study))],
        # The steps of a network are given to its own part.
        given={
            "network": network,
            "preparation": preparation,
            f"scratch.{network.lower()}_steps": str(_steps(study.settings.scratch, network)),
        },
    )


@stage(
    "scratch",
    "Train LeNet and AlexNet from scratch",
    step="train",
    run_title="train {network} from scratch",
    settings=("seed", "scratch.learning_rate", "scratch.batch_size", "scratch.patience"),
    inputs=_inputs,
    parts=lambda study: [(name,) for name in study.settings.training.backbones if name in SCRATCH],
    kept=True,
    apart=True,
    timed=True,
)
def train_scratch(study: Study, run: StageRun, network: str) -> Result:
    """One network trained from scratch on the chosen preparation, without augmentation.

    The steps of the settings are taken in whole epochs, the last one to its end, unless patience ends them sooner.
    """
    settings, scratch = study.settings.scratch, SCRATCH[network]
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.loop import Schedule  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.training_run import run_pixel_training  # noqa: PLC0415 - imports TensorFlow

    books = sum(read_table(study.workspace.splits, ("split",))["split"] == "train")
    epochs = math.ceil(_steps(settings, network) / max(1, math.ceil(books / settings.batch_size)))
    logger.info("%s: %d steps are at most %d epochs", run.label, _steps(settings, network), epochs)
    built = scratch.build(len(read_genres(study.workspace)), study.settings.seed)
    training = run_pixel_training(
        study,
        run,
        built,
        keras.optimizers.SGD(settings.learning_rate, momentum=MOMENTUM),
        Schedule(
            epochs=epochs,
            patience=settings.patience,
            batch_size=settings.batch_size,
            seed=study.settings.seed,
            advice="Lower scratch.learning_rate.",
        ),
        preparation=chosen_preparation(study, network),
    )
    return finish_training(
        run,
        training,
        kind=_NAME,
        input_size=scratch.size,
        preprocessing=scratch.preprocessing,
        weights="random",
        weights_digest=f"random:{study.settings.seed}",
        parameters={"trainable": built.count_params()},
        architecture=measure(built),
    )


def _steps(settings: ScratchSettings, name: str) -> int:
    """Steps that the network is trained for, at most."""
    return {"LeNet": settings.lenet_steps, "AlexNet": settings.alexnet_steps}[name]


class FromScratch(Family):
    """A network that is trained on covers alone."""

    name = _NAME
    stage = "scratch"
    monitored = ("networks trained from scratch", "")

    def systems(self, settings: StudySettings) -> list[System]:
        """LeNet and AlexNet, where the settings name them."""
        return [System(name, self, name) for name in settings.training.backbones if name in SCRATCH]
