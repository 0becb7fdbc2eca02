"""Frozen networks: a head for each backbone on the chosen preparation, and the whole network that it completes.

Sections 4.1 and 4.2: at most 200 epochs, an end after 20 without a better validation accuracy, the best epoch kept.
Where a search has chosen hyperparameters (section 5.4), the head is built and trained with those.
"""

from collections.abc import Iterator

from bookcover_core.families.family import Family, System, comparison_parts, feature_parts
from bookcover_core.families.finished_system import finish_training
from bookcover_core.models.backbones import pretrained
from bookcover_core.models.encoders import Encoder, find_network
from bookcover_core.models.model_cards import ENCODER_FILE, MODEL_WEIGHTS, QUANTISED, measure
from bookcover_core.models.weights import build_backbone, weights_source
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.feature_store import quantised_files
from bookcover_core.training.hyperparameter_search import HEAD_SETTINGS, chosen_hyperparameters, head_inputs
from bookcover_core.training.preparation_choice import chosen_preparation, model_name
from bookcover_core.training.repeated_training import variants

_NAME, ENCODER = "frozen", "encoder"


def _inputs(study: Study, backbone: str) -> Inputs:
    preparation = chosen_preparation(study, backbone)
    searched = [f"search/{model_name(backbone, preparation)}"] if study.settings.search.trials else []
    return head_inputs(study, backbone, preparation, after=searched)


@stage(
    "train",
    "Train the networks",
    run_title="train {backbone}",
    settings=(*HEAD_SETTINGS, "training.epochs", "training.patience", "training.monitor", "models.input_size"),
    inputs=_inputs,
    parts=lambda study: [(name,) for name in pretrained(study.settings)],
    kept=True,
    apart=True,
    timed=True,
)
def train_backbone(study: Study, run: StageRun, backbone: str) -> Result:
    """One backbone's head trained on the chosen preparation, beside the network or encoder that it completes."""
    named, preparation = find_network(study.settings.models, backbone), chosen_preparation(study, backbone)
    model, source = run.part, weights_source(study.settings, named)
    made = study.manifest(f"features/{model}").inputs
    from bookcover_core.models.networks import assemble  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.training_run import run_head_training  # noqa: PLC0415 - imports TensorFlow

    chosen = chosen_hyperparameters(study, model)
    training = run_head_training(study, run, backbone, preparation, chosen, study.workspace.models / model)
    parameters = {"head": sum(array.size for array in training.fitted.weights)}
    architecture = None
    if isinstance(named, Encoder):
        training.add_copy(named.file, f"{ENCODER_FILE}{named.file.suffix.lower()}")
    else:
        network = build_backbone(study.settings, named)
        whole = assemble(named, network, training.fitted.network)
        training.add_weights(whole, MODEL_WEIGHTS)
        parameters["backbone"], architecture = network.count_params(), measure(whole)
    if made["precision"] == "int8":
        for file, name in zip(quantised_files(study, model), QUANTISED, strict=True):
            training.add_copy(file, name)
    return finish_training(
        run,
        training,
        kind=ENCODER if isinstance(named, Encoder) else _NAME,
        output=named.output if isinstance(named, Encoder) else "",
        input_size=named.size,
        preprocessing=named.preprocessing,
        weights=source.kind,
        weights_file=source.file,
        weights_digest=source.digest,
        engine=made["engine"],
        precision=made["precision"],
        hidden_units=list(chosen.hidden_units),
        dropout=chosen.dropout,
        extra_inputs=list(study.settings.head.extra_inputs),
        hyperparameters=chosen.model_dump(mode="json"),
        parameters=parameters,
        architecture=architecture,
    )


class Frozen(Family):
    """A backbone as it came, with a trained head."""

    name = _NAME
    stage = "train"
    monitored = ("frozen networks", "training.monitor")

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each backbone of the settings that no file of theirs gives."""
        encoders = {each.name for each in settings.models.encoders}
        return [System(name, self, name) for name in pretrained(settings) if name not in encoders]

    def parts(self, study: Study, system: System) -> Iterator[Part]:
        """Features, search, training, and the trainings that repeat it."""
        settings, network = study.settings, system.network
        if settings.training.preparation == "best" and settings.comparison.per_backbone:
            yield from comparison_parts(study, network)
        yield from feature_parts(study, network, self.preparation(study, system))
        if settings.search.trials:
            yield Part(find("search"), (network,))
        yield system.maker
        for variant in variants(settings):
            yield Part(find("repeat"), (network, variant))
