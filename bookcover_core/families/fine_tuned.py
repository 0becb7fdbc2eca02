"""Fine-tuned networks: a network's top blocks learn from covers too, from where its head left off (section 5.4).

The start, a trained head, is the best of dozens of epochs by validation accuracy; with few hundred books that is partly
luck, which no epoch of fine-tuning repeats: so epochs are chosen by their loss (`fine_tuning.monitor`; what that brings
on real covers is in results/README.md).
"""

import logging
from collections.abc import Iterator

from bookcover_core.errors import SettingsError
from bookcover_core.families.family import Family, System
from bookcover_core.families.finished_system import finish_training
from bookcover_core.families.frozen import Frozen
from bookcover_core.models.encoders import Encoder, find_network
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import Part
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shards
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import chosen_preparation, model_name

logger = logging.getLogger(__name__)

_NAME, _SUFFIX = "fine-tuned", "-finetuned"


def _networks(settings: StudySettings) -> list[str]:
    """The networks that are fine-tuned: encoders are not."""
    return [each.name for each in Frozen().systems(settings)] if settings.fine_tuning.blocks else []


def _inputs(study: Study, backbone: str) -> Inputs:
    if isinstance(find_network(study.settings.models, backbone), Encoder):
        what = f"{backbone} is an encoder from a file, whose blocks are not known: it cannot be fine-tuned"
        advice = "Fine-tune a network of keras.applications."
        raise SettingsError(what, where="fine_tuning.blocks", advice=advice)
    preparation = chosen_preparation(study, backbone)
    prepared = [f"prepare/shard-{number:04d}" for number in shards(study)]
    return Inputs(
        model_name(f"{backbone}{_SUFFIX}", preparation),
        after=["listings", "split", *prepared, f"train/{model_name(backbone, preparation)}"],
        given={"backbone": backbone, "preparation": preparation},
    )


@stage(
    "finetune",
    "Fine-tune the networks",
    step="train",
    run_title="fine-tune {backbone}",
    settings=("seed", "fine_tuning"),
    inputs=_inputs,
    parts=lambda study: [(name,) for name in _networks(study.settings)],
    kept=True,
    apart=True,
    timed=True,
)
def fine_tune(study: Study, run: StageRun, backbone: str) -> Result:
    """A network of which the top `fine_tuning.blocks` blocks and the head are trained with Adam.

    What is below stays as it is, and so do all batch normalisations. Epoch 0 is the network as `train` left it.
    """
    settings, preparation = study.settings.fine_tuning, chosen_preparation(study, backbone)
    from bookcover_core.models.network_blocks import find_blocks, unfreeze_top  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.models.networks import load_model  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.loop import Schedule  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.training_run import run_pixel_training  # noqa: PLC0415 - imports TensorFlow

    whole, before = load_model(study.workspace.models / model_name(backbone, preparation))
    body = whole.get_layer(backbone)
    blocks, trained = find_blocks(body), unfreeze_top(body, settings.blocks)
    count = min(settings.blocks, len(blocks))
    logger.info("%s: %d of %d blocks are trained, from %s up", run.label, count, len(blocks), trained[0])
    training = run_pixel_training(
        study,
        run,
        whole,
        keras.optimizers.Adam(settings.learning_rate),
        Schedule(
            epochs=settings.epochs,
            patience=settings.patience,
            batch_size=settings.batch_size,
            seed=study.settings.seed,
            augmented=settings.augment,
            advice="Lower fine_tuning.learning_rate.",
            monitor=settings.monitor,
        ),
        preparation=preparation,
        extra_inputs=before.extra_inputs,
        start=before.metrics,
    )
    parameters = before.parameters | {"trainable": sum(array.size for array in training.fitted.weights)}
    own = {"kind": _NAME, "engine": "tensorflow", "precision": "float32", "parameters": parameters}
    return finish_training(run, training, **dict(before) | own)


class FineTuned(Family):
    """A network whose top blocks were trained too, from where its head left off."""

    name = _NAME
    stage = "finetune"
    monitored = ("fine-tuned networks", "fine_tuning.monitor")

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each backbone, where the settings ask for fine-tuning."""
        return [System(f"{name}{_SUFFIX}", self, name) for name in _networks(settings)]

    def parts(self, study: Study, system: System) -> Iterator[Part]:
        """Those of the frozen network that it starts from, and its own."""
        frozen = Frozen()
        yield from frozen.parts(study, System(system.network, frozen, system.network))
        yield system.maker
