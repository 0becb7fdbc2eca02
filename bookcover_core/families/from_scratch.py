"""Networks from scratch: LeNet and AlexNet, trained on covers alone (`models.lenet_alexnet` says what others did).

The dissertation says that the AlexNet of Iwana et al. 2016 was trained for 450,000 epochs (section 5.4); steps of one
batch each, which Caffe calls iterations, are the likely meaning. Stochastic gradient descent with momentum is what both
networks were trained with in the papers that brought them.
"""

import logging
import math
from collections.abc import Sequence

from bookcover_core.families.family import BETTER, Family, System, in_epochs, listed
from bookcover_core.listings.books import read_genres
from bookcover_core.models.architecture import measure
from bookcover_core.models.lenet_alexnet import SCRATCH, find_scratch
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import Monitor, ScratchSettings, StudySettings
from bookcover_core.training.preparation_choice import chosen_preparation, model_name

logger = logging.getLogger(__name__)

_NAME = "scratch"

# Momentum of the gradient: Krizhevsky et al. 2012, section 5.
_MOMENTUM = 0.9


def _inputs(study: Study, network: str) -> Inputs:
    find_scratch(network)
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
    """The manifest of the training of one network from scratch, on the chosen preparation.

    The steps of the settings are taken in whole epochs, the last one to its end, unless patience ends them sooner. The
    pictures are shown as they were prepared, without augmentation. Writes `models/<name>-<preparation>/`:
    model.weights.h5, history.csv, card.json, and the probabilities of the validation and test books.
    """
    settings, scratch = study.settings.scratch, find_scratch(network)
    preparation = chosen_preparation(study, network)
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.image_trainer import PixelSchedule  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.training_run import finish, run_pixel_training  # noqa: PLC0415 - imports TensorFlow

    genres = read_genres(study.workspace)
    books = sum(read_table(study.workspace.splits, ("split",))["split"] == "train")
    epochs = math.ceil(_steps(settings, network) / max(1, math.ceil(books / settings.batch_size)))
    logger.info("%s: %d steps are at most %d epochs", run.label, _steps(settings, network), epochs)
    built = scratch.build(len(genres), study.settings.seed)
    training = run_pixel_training(
        study,
        run,
        built,
        keras.optimizers.SGD(settings.learning_rate, momentum=_MOMENTUM),
        PixelSchedule(
            epochs=epochs,
            patience=settings.patience,
            batch_size=settings.batch_size,
            seed=study.settings.seed,
            augmented=False,
            advice="Lower scratch.learning_rate.",
        ),
        preparation=preparation,
    )
    return finish(
        run,
        training,
        kind=_NAME,
        backbone=network,
        preparation=preparation,
        input_size=scratch.size,
        preprocessing=scratch.preprocessing,
        weights="random",
        weights_file=None,
        weights_digest=f"random:{study.settings.seed}",
        genres=genres,
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

    def systems(self, settings: StudySettings) -> list[System]:
        """LeNet and AlexNet, where the settings name them."""
        return [System(name, self, name) for name in settings.training.backbones if name in SCRATCH]

    def monitor(self, settings: StudySettings) -> tuple[str, Monitor]:
        """The accuracy."""
        del settings
        return "networks trained from scratch", "accuracy"

    def describe(self, settings: StudySettings, systems: Sequence[System], genres: int) -> list[str]:
        """How many steps they are trained for."""
        del systems, genres
        scratch = settings.scratch
        steps = {"LeNet": scratch.lenet_steps, "AlexNet": scratch.alexnet_steps}
        trained = [name for name in steps if name in settings.training.backbones]
        said = (
            f"{listed(trained)} {'is' if len(trained) == 1 else 'are'} trained from scratch by stochastic gradient "
            f"descent (momentum {_MOMENTUM:g}, learning rate {scratch.learning_rate:g}, batches of "
            f"{scratch.batch_size}) for at most {listed([f'{steps[name]:,}' for name in trained])} steps, stopping "
            f"after {in_epochs(scratch.patience)} without {BETTER['accuracy']}."
        )
        return [said]
