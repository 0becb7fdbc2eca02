"""The stage `scratch`: LeNet and AlexNet, trained on covers from nothing, after Iwana et al. 2016 (arXiv 1610.09204).

The dissertation says that AlexNet was trained for 450,000 epochs (section 5.4); 30,000 and 450,000 steps, one batch
each, are the likely meaning. Stochastic gradient descent with momentum is what both networks were trained with in the
papers that brought them.
"""

import logging
import math

from bookcover_core.listings.books import read_genres
from bookcover_core.models.architecture import measure
from bookcover_core.models.lenet_alexnet import find_scratch
from bookcover_core.models.machine_info import this_machine
from bookcover_core.models.model_cards import MODEL_WEIGHTS, ModelCard, software_versions, write_card
from bookcover_core.models.systems import Kind
from bookcover_core.pipeline.manifests import Manifest, digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import ScratchSettings
from bookcover_core.training.features import model_name
from bookcover_core.training.preparation_comparison import chosen_preparation

logger = logging.getLogger(__name__)

# Momentum of the gradient: Krizhevsky et al. 2012, section 5.
_MOMENTUM = 0.9


def train_scratch(study: Study, name: str) -> Manifest:
    """The manifest of the training of one network from nothing, on the chosen preparation.

    The steps of the settings are taken in whole epochs, the last one to its end, unless patience ends them sooner. The
    pictures are shown as they were prepared, without augmentation. Writes `models/<name>-<preparation>/`:
    model.weights.h5, history.csv, card.json, and the probabilities of the validation and test books.

    Args:
        study: The study.
        name: A network of `models.lenet_alexnet`.

    Raises:
        SettingsError: There is no such network.
        StageOrderError: The split or the comparison is not made yet, or prepared pictures are missing or damaged.
        TrainingError: It cannot be trained.
    """
    settings, scratch = study.settings.scratch, find_scratch(name)
    preparation = chosen_preparation(study, name)
    model = model_name(name, preparation)
    run = study.stage(
        "scratch",
        model,
        after=["listings", "split", *(f"prepare/shard-{number:04d}" for number in shards(study))],
        given={"network": name, "preparation": preparation, "steps": str(_steps(settings, name))},
    )
    if run.done:
        return run.done
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.image_run import run_pixel_training  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.image_trainer import PixelSchedule  # noqa: PLC0415 - imports TensorFlow

    genres = read_genres(study.workspace)
    books = sum(read_table(study.workspace.splits, ("split",))["split"] == "train")
    epochs = math.ceil(_steps(settings, name) / max(1, math.ceil(books / settings.batch_size)))
    logger.info("%s: %d steps are at most %d epochs", run.label, _steps(settings, name), epochs)
    network = scratch.build(len(genres), seed=study.settings.seed)
    folder = study.workspace.models / model
    training = run_pixel_training(
        study,
        network,
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
        folder=folder,
        key=run.key,
        label=run.label,
    )
    weights = f"random:{study.settings.seed}"
    card = write_card(
        folder,
        ModelCard(
            name=model,
            kind=Kind.SCRATCH,
            backbone=name,
            preparation=preparation,
            input_size=scratch.size,
            preprocessing=scratch.preprocessing,
            weights="random",
            weights_file=None,
            weights_digest=weights,
            genres=genres,
            settings=run.settings,
            inputs=run.inputs,
            digests={MODEL_WEIGHTS: training.weights_digest},
            metrics=training.metrics,
            parameters={"trainable": network.count_params()},
            architecture=measure(network),
            software=software_versions(),
            machine=this_machine(),
        ),
    )
    return run.finish(
        outputs=[*training.outputs, card],
        counts=training.counts | {"weights": "random"},
        digest=digest_of([training.digest, weights]),
    )


def _steps(settings: ScratchSettings, name: str) -> int:
    """Steps that the network is trained for, at most."""
    return {"LeNet": settings.lenet_steps, "AlexNet": settings.alexnet_steps}[name]
