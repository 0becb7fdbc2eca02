"""The stage `compare`: which preparation of the covers the networks do best on (section 3.2, Table 1).

The head of one backbone is trained shortly on each preparation. The dissertation chose the preparation by its accuracy
on the test books; here the validation books choose, so that the test books decide nothing. The test accuracy is
reported beside it, as in Table 1.
"""

import json
from pathlib import Path
from typing import Any

from bookcover_core.manifests import Manifest, digest_of
from bookcover_core.models.backbones import find_backbone
from bookcover_core.settings import Preparation
from bookcover_core.study import Study
from bookcover_core.training.features import model_name
from bookcover_core.workspace import write_json, write_table

# Columns of comparison.csv: Table 1, and the accuracy that chooses.
COLUMNS = ("preparation", "best_epoch", "validation_accuracy", "test_accuracy")

_RESULT = "result.json"


def compare_preparation(study: Study, preparation: str) -> Manifest:
    """The manifest of the short training on one preparation.

    Writes `comparison/<preparation>/`: history.csv, head.weights.h5, and result.json (`COLUMNS`, backbone, epochs).

    Raises:
        StageOrderError: The split, or the features of the comparison's backbone on this preparation, are not made yet.
        TrainingError: The head cannot be trained.
    """
    settings = study.settings.comparison
    backbone = find_backbone(settings.backbone).name
    run = study.stage(
        "compare",
        preparation,
        after=["listings", "split", f"features/{model_name(backbone, preparation)}"],
        given={"preparation": preparation},
    )
    if run.done:
        return run.done
    from bookcover_core.training.runs import run_training  # noqa: PLC0415 - imports TensorFlow

    folder = study.workspace.comparison / preparation
    training = run_training(
        study,
        backbone,
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
        "backbone": backbone,
        "epochs": len(training.fitted.history),
    }
    write_json(folder / _RESULT, result)
    return run.finish(
        outputs=[training.history, training.weights, folder / _RESULT],
        counts=result,
        digest=digest_of([training.digest, result]),
    )


def compare_preparations(study: Study) -> Manifest:
    """The manifest of the choice among all preparations.

    Writes `comparison/comparison.csv` (`COLUMNS`, in the order of preparation.methods) and `comparison/chosen.json`:
    the preparation with the best validation accuracy, the first of equals.

    Raises:
        StageOrderError: A preparation has not been trained on.
    """
    methods = [str(method) for method in study.settings.preparation.methods]
    run = study.stage("compare", after=[f"compare/{method}" for method in methods])
    if run.done:
        return run.done
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    results = [json.loads((study.workspace.comparison / method / _RESULT).read_text("utf-8")) for method in methods]
    chosen = max(results, key=lambda result: result["validation_accuracy"])
    table, choice = study.workspace.comparison / "comparison.csv", _choice_file(study)
    write_table(table, pd.DataFrame(results)[list(COLUMNS)])
    write_json(choice, {"chosen_by": "validation_accuracy"} | chosen)
    return run.finish(outputs=[table, choice], counts={"chosen": chosen["preparation"], "preparations": len(methods)})


def chosen_preparation(study: Study) -> Preparation:
    """The preparation that the networks are trained on: the one that the settings name, or the comparison's choice.

    Raises:
        StageOrderError: The settings leave the choice to the comparison, and that has not been made.
    """
    wanted = study.settings.training.preparation
    if wanted != "best":
        return Preparation(wanted)
    study.manifest("compare")
    return Preparation(json.loads(_choice_file(study).read_text("utf-8"))["preparation"])


def _choice_file(study: Study) -> Path:
    return study.workspace.comparison / "chosen.json"
