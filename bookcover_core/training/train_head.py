"""The stage `train`: a head for each backbone on the chosen preparation, and the whole network that it completes.

Sections 4.1 and 4.2: at most 200 epochs, an end after 20 without a better validation accuracy, the best epoch kept.
Where a search has chosen hyperparameters (section 5.4), the head is built and trained with those.
"""

import logging
import math

from bookcover_core.errors import StageOrderError
from bookcover_core.listings.books import read_genres
from bookcover_core.models.architecture import measure
from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.machine_info import this_machine
from bookcover_core.models.model_cards import MODEL_WEIGHTS, ModelCard, software_versions, write_card
from bookcover_core.models.systems import Kind
from bookcover_core.models.weights import build_backbone, weights_source
from bookcover_core.pipeline.manifests import Manifest, digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.training.features import model_name
from bookcover_core.training.hyperparameter_search import chosen_hyperparameters
from bookcover_core.training.measurement_inputs import measurements_given
from bookcover_core.training.preparation_comparison import chosen_preparation

logger = logging.getLogger(__name__)


def train_backbone(study: Study, name: str) -> Manifest:
    """The manifest of the training of one backbone's head on the chosen preparation.

    Writes `models/<backbone>-<preparation>/`: head.weights.h5, model.weights.h5 (the whole network), history.csv, and
    card.json.

    Args:
        study: The study.
        name: A backbone of `models.backbones`.

    Raises:
        SettingsError: There is no such backbone.
        StageOrderError: The split, the features, the comparison or the search are not made yet.
        TrainingError: The head cannot be trained.
        WeightsError: The backbone's weights cannot be had.
    """
    backbone = find_backbone(name)
    preparation = chosen_preparation(study, name)
    model = model_name(name, preparation)
    features = f"features/{model}"
    searched = [f"search/{model}"] if study.settings.search.trials else []
    head = study.settings.head
    run = study.stage(
        "train",
        model,
        after=["listings", "split", features, *searched],
        given={"backbone": name, "preparation": preparation, **measurements_given(study, head)},
    )
    if run.done:
        return run.done
    source = weights_source(study.settings, backbone)
    if source.digest != study.manifest(features).inputs["weights"]:
        raise StageOrderError(
            f"the features of {model} were computed with other weights than the settings name now",
            where=study.manifest_file(features),
            advice="Run the stage `features` again.",
        )
    from bookcover_core.models.networks import assemble, save_weights  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.head_run import run_training  # noqa: PLC0415 - imports TensorFlow

    folder = study.workspace.models / model
    chosen = chosen_hyperparameters(study, model)
    training = run_training(
        study,
        name,
        preparation,
        epochs=study.settings.training.epochs,
        patience=study.settings.training.patience,
        monitor=study.settings.training.monitor,
        folder=folder,
        key=run.key,
        label=run.label,
        hyperparameters=chosen,
    )
    fitted, best = training.fitted, training.fitted.best
    network = build_backbone(study.settings, backbone)
    whole = assemble(backbone, network, fitted.head)
    model_digest = save_weights(whole, folder / MODEL_WEIGHTS)
    card = write_card(
        folder,
        ModelCard(
            name=model,
            kind=Kind.FROZEN,
            backbone=name,
            preparation=preparation,
            input_size=backbone.size,
            preprocessing=backbone.preprocessing,
            weights=source.kind,
            weights_file=source.file,
            weights_digest=source.digest,
            hidden_units=list(chosen.hidden_units),
            dropout=chosen.dropout,
            extra_inputs=list(head.extra_inputs),
            hyperparameters=chosen.model_dump(mode="json"),
            genres=read_genres(study.workspace),
            settings=run.settings,
            inputs=run.inputs,
            digests={training.weights.name: training.weights_digest, MODEL_WEIGHTS: model_digest},
            metrics={
                "best_epoch": best.epoch,
                "epochs": len(fitted.history),
                "loss": best.loss,
                "accuracy": best.accuracy,
                "validation_loss": best.val_loss,
                "validation_accuracy": best.val_accuracy,
                "test_accuracy": training.test_accuracy,
            },
            parameters={
                "backbone": network.count_params(),
                "head": sum(math.prod(variable.shape) for variable in fitted.head.trainable_variables),
            },
            architecture=measure(whole),
            software=software_versions(),
            machine=this_machine(),
        ),
    )
    return run.finish(
        outputs=[training.weights, folder / MODEL_WEIGHTS, training.history, card],
        counts={
            "best_epoch": best.epoch,
            "epochs": len(fitted.history),
            "validation_accuracy": round(best.val_accuracy, 6),
            "test_accuracy": round(training.test_accuracy, 6),
            "weights": source.kind,
        },
        digest=digest_of([training.digest, source.digest]),
    )
