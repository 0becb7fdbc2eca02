"""The stage `compare`: which preparation of the covers the networks do best on (section 3.2, Table 1).

The head of one backbone is trained shortly on each preparation. The dissertation chose the preparation by its accuracy
on the test books; here the validation books choose, so that the test books decide nothing. The test accuracy is
reported beside it, as in Table 1.

    comparison.per_backbone   labels                                     files
    false                     compare/padded, compare                    comparison/padded/, chosen.json
    true (section 5.4)        compare/ResNeXt50-padded,                  comparison/ResNeXt50/padded/,
                              compare/ResNeXt50                          comparison/ResNeXt50/chosen.json
"""

import json
from pathlib import Path
from typing import Any

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.systems import SCRATCH_NETWORKS, Kind, System, members
from bookcover_core.pipeline.manifests import Manifest, digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_table
from bookcover_core.settings import Preparation, StudySettings
from bookcover_core.training.features import model_name
from bookcover_core.training.measurement_inputs import measurements_given

# Columns of comparison.csv: Table 1, and the accuracy that chooses.
COLUMNS = ("preparation", "best_epoch", "validation_accuracy", "test_accuracy")

_RESULT, _TABLE, _CHOICE = "result.json", "comparison.csv", "chosen.json"

# What the members of an ensemble are prepared as, where they differ.
_MIXED = "mixed"


def choosing_backbone(settings: StudySettings, network: str) -> str:
    """The backbone whose comparison chooses the preparation that `network` is trained on."""
    chooses = settings.comparison.per_backbone and network not in SCRATCH_NETWORKS
    return network if chooses else settings.comparison.backbone


def comparing_backbones(settings: StudySettings) -> list[str]:
    """The backbones that compare the preparations for the networks of a study, in their order; each of them once."""
    return list(dict.fromkeys(choosing_backbone(settings, name) for name in settings.training.backbones))


def comparison_parts(settings: StudySettings) -> set[str]:
    """Parts of the stage that make today's choices; "" for the choice of the settings' own backbone."""
    backbones = comparing_backbones(settings)
    trials = {_part(settings, str(method), name) for name in backbones for method in settings.preparation.methods}
    return trials | {comparison_label(settings, name).partition("/")[2] for name in backbones}


def comparison_label(settings: StudySettings, backbone: str) -> str:
    """Label of the choice that `backbone` makes: "compare", or "compare/ResNeXt50"."""
    return f"compare/{backbone}" if settings.comparison.per_backbone else "compare"


def comparison_folder(study: Study, backbone: str) -> Path:
    """Where the comparison that `backbone` makes lies."""
    return (
        study.workspace.comparison / backbone if study.settings.comparison.per_backbone else study.workspace.comparison
    )


def compare_preparation(study: Study, preparation: str, backbone: str | None = None) -> Manifest:
    """The manifest of the short training on one preparation.

    Writes, to the preparation's folder in `comparison_folder`: history.csv, head.weights.h5, and result.json
    (`COLUMNS`, backbone, epochs).

    Args:
        study: The study.
        preparation: The preparation.
        backbone: One of `comparing_backbones`; none: the settings' own.

    Raises:
        StageOrderError: The split, or the features of the backbone on this preparation, are not made yet.
        TrainingError: The head cannot be trained.
    """
    settings = study.settings.comparison
    network = find_backbone(backbone or settings.backbone).name
    run = study.stage(
        "compare",
        _part(study.settings, preparation, network),
        after=["listings", "split", f"features/{model_name(network, preparation)}"],
        given={"backbone": network, "preparation": preparation, **measurements_given(study, study.settings.head)},
    )
    if run.done:
        return run.done
    from bookcover_core.training.head_run import run_training  # noqa: PLC0415 - imports TensorFlow

    folder = comparison_folder(study, network) / preparation
    training = run_training(
        study,
        network,
        preparation,
        epochs=settings.epochs,
        patience=settings.patience,
        folder=folder,
        key=run.key,
        label=run.label,
    )
    best = training.fitted.best
    result: dict[str, Any] = {
        "preparation": str(preparation),
        "best_epoch": best.epoch,
        "validation_accuracy": best.val_accuracy,
        "test_accuracy": training.test_accuracy,
        "backbone": network,
        "epochs": len(training.fitted.history),
    }
    write_json(folder / _RESULT, result)
    return run.finish(
        outputs=[training.history, training.weights, folder / _RESULT],
        counts=result,
        digest=digest_of([training.digest, result]),
    )


def compare_preparations(study: Study, backbone: str | None = None) -> Manifest:
    """The manifest of the choice among all preparations.

    Writes, to `comparison_folder`, comparison.csv (`COLUMNS`, in the order of preparation.methods) and chosen.json: the
    preparation with the best validation accuracy, the first of equals.

    Args:
        study: The study.
        backbone: One of `comparing_backbones`; none: the settings' own.

    Raises:
        StageOrderError: A preparation has not been trained on.
    """
    network = backbone or study.settings.comparison.backbone
    methods = [str(method) for method in study.settings.preparation.methods]
    stage, _, part = comparison_label(study.settings, network).partition("/")
    run = study.stage(stage, part, after=[f"compare/{_part(study.settings, method, network)}" for method in methods])
    if run.done:
        return run.done
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    folder = comparison_folder(study, network)
    results = [json.loads((folder / method / _RESULT).read_text("utf-8")) for method in methods]
    chosen = max(results, key=lambda result: result["validation_accuracy"])
    write_table(folder / _TABLE, pd.DataFrame(results)[list(COLUMNS)])
    write_json(folder / _CHOICE, {"chosen_by": "validation_accuracy"} | chosen)
    return run.finish(
        outputs=[folder / _TABLE, folder / _CHOICE],
        counts={"chosen": chosen["preparation"], "preparations": len(methods)},
    )


def chosen_preparation(study: Study, network: str | None = None) -> Preparation:
    """The preparation that `network` is trained on: the one that the settings name, or a comparison's choice.

    Args:
        study: The study.
        network: A backbone or a network that is trained from nothing; none: what the settings' own backbone chooses.

    Raises:
        StageOrderError: The settings leave the choice to a comparison, and that has not been made.
    """
    wanted = study.settings.training.preparation
    if wanted != "best":
        return Preparation(wanted)
    backbone = choosing_backbone(study.settings, network or study.settings.comparison.backbone)
    study.manifest(comparison_label(study.settings, backbone))
    choice = json.loads((comparison_folder(study, backbone) / _CHOICE).read_text("utf-8"))
    return Preparation(choice["preparation"])


def preparation_of(study: Study, system: System) -> str:
    """The preparation that a system is trained on; of an ensemble its members' own, "mixed" where they differ.

    Raises:
        StageOrderError: A comparison is to choose it, and has not been made.
    """
    if system.kind is not Kind.ENSEMBLE:
        return str(chosen_preparation(study, system.network))
    preparations = {preparation_of(study, member) for member in members(study.settings)}
    return preparations.pop() if len(preparations) == 1 else _MIXED


def model_of(study: Study, system: System) -> str:
    """Name of the model that a system is: "MobileNetV2-finetuned-padded".

    Raises:
        StageOrderError: A comparison is to choose its preparation, and has not been made.
    """
    return model_name(system.name, preparation_of(study, system))


def _part(settings: StudySettings, preparation: str, backbone: str) -> str:
    return model_name(backbone, preparation) if settings.comparison.per_backbone else str(preparation)
