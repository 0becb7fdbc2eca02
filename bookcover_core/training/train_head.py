"""The stage `train`: a head for each backbone on the chosen preparation, and the whole network that it completes.

Sections 4.1 and 4.2: at most 200 epochs, an end after 20 without a better validation accuracy, the best epoch kept.
Where a search has chosen hyperparameters (section 5.4), the head is built and trained with those.
"""

import logging

from bookcover_core.errors import StageOrderError
from bookcover_core.listings.books import read_genres
from bookcover_core.models.architecture import measure
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.model_cards import MODEL_WEIGHTS
from bookcover_core.models.systems import Kind, pretrained
from bookcover_core.models.weights import build_backbone, weights_source
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.training.hyperparameter_search import chosen_hyperparameters
from bookcover_core.training.hyperparameters import HEAD_SETTINGS
from bookcover_core.training.measurement_inputs import measurements_given
from bookcover_core.training.preparation_choice import chosen_preparation, model_name

logger = logging.getLogger(__name__)


def _inputs(study: Study, backbone: str) -> Inputs:
    preparation = chosen_preparation(study, find_backbone(backbone).name)
    model = model_name(backbone, preparation)
    searched = [f"search/{model}"] if study.settings.search.trials else []
    return Inputs(
        model,
        after=["listings", "split", f"features/{model}", *searched],
        given={"backbone": backbone, "preparation": preparation, **measurements_given(study, study.settings.head)},
    )


@stage(
    "train",
    "Train the networks",
    run_title="train {backbone}",
    settings=(*HEAD_SETTINGS, "training.epochs", "training.patience", "training.monitor"),
    inputs=_inputs,
    parts=lambda study: [(name,) for name in pretrained(study.settings)],
    apart=True,
    timed=True,
)
def train_backbone(study: Study, run: StageRun, backbone: str) -> Result:
    """The manifest of the training of one backbone's head on the chosen preparation.

    Writes `models/<backbone>-<preparation>/`: head.weights.h5, model.weights.h5 (the whole network), history.csv, and
    card.json.

    Args:
        study: The study.
        run: This run of the stage.
        backbone: A backbone of `models.backbones`.

    Raises:
        SettingsError: There is no such backbone.
        StageOrderError: The split, the features, the comparison or the search are not made yet.
        TrainingError: The head cannot be trained.
        WeightsError: The backbone's weights cannot be had.
    """
    named = find_backbone(backbone)
    preparation = chosen_preparation(study, backbone)
    model, head = run.part, study.settings.head
    features = f"features/{model}"
    source = weights_source(study.settings, named)
    if source.digest != study.manifest(features).inputs["weights"]:
        raise StageOrderError(
            f"the features of {model} were computed with other weights than the settings name now",
            where=study.manifest_file(features),
            advice="Run the stage `features` again.",
        )
    from bookcover_core.models.networks import assemble  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.training_run import finish, run_head_training  # noqa: PLC0415 - imports TensorFlow

    chosen = chosen_hyperparameters(study, model)
    training, fitted = run_head_training(
        study,
        backbone,
        preparation,
        epochs=study.settings.training.epochs,
        patience=study.settings.training.patience,
        monitor=study.settings.training.monitor,
        folder=study.workspace.models / model,
        key=run.key,
        label=run.label,
        hyperparameters=chosen,
    )
    network = build_backbone(study.settings, named)
    whole = assemble(named, network, fitted.head)
    training.add_weights(whole, MODEL_WEIGHTS)
    return finish(
        run,
        training,
        kind=Kind.FROZEN,
        backbone=backbone,
        preparation=preparation,
        input_size=named.size,
        preprocessing=named.preprocessing,
        weights=source.kind,
        weights_file=source.file,
        weights_digest=source.digest,
        hidden_units=list(chosen.hidden_units),
        dropout=chosen.dropout,
        extra_inputs=list(head.extra_inputs),
        hyperparameters=chosen.model_dump(mode="json"),
        genres=read_genres(study.workspace),
        parameters={"backbone": network.count_params(), "head": sum(array.size for array in fitted.weights)},
        architecture=measure(whole),
    )
