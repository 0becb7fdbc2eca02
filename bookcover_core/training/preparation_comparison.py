"""The stage `compare`: which preparation does best (section 3.2, Table 1), chosen by validation rather than test books.

comparison.per_backbone   labels                                     files
false                     compare/padded, compare                    comparison/padded/, chosen.json
true (section 5.4)        compare/ResNeXt50-padded,                  comparison/ResNeXt50/padded/,
                          compare/ResNeXt50                          comparison/ResNeXt50/chosen.json
"""

import json

from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json, write_table
from bookcover_core.training.hyperparameter_search import HEAD_SETTINGS, Hyperparameters, head_inputs
from bookcover_core.training.preparation_choice import (
    CHOICE,
    choice_part,
    compared_name,
    comparing_backbones,
    comparison_folder,
    trial_part,
)
from bookcover_core.training.stored_probabilities import ValidationFigures, choose_by_validation

# Columns of comparison.csv: Table 1, and what chooses.
COLUMNS = ("preparation", "best_epoch", "validation_accuracy", "validation_loss", "test_accuracy")

_RESULT, _TABLE = "result.json", "comparison.csv"


def _compared(study: Study) -> list[str]:
    """The backbones that compare preparations; none where the settings name the preparation."""
    return comparing_backbones(study.settings) if study.settings.training.preparation == "best" else []


def _trial_inputs(study: Study, preparation: str, backbone: str) -> Inputs:
    features = compared_name(backbone, preparation) if study.settings.comparison.share < 1 else ""
    part = trial_part(study.settings, preparation, backbone)
    return head_inputs(study, backbone, preparation, part, features=features)


@stage(
    "short-training",
    "Train shortly on a preparation",
    label="compare",
    run_title="short training of {backbone} on {preparation}",
    settings=(*HEAD_SETTINGS, "comparison.epochs", "comparison.patience"),
    inputs=_trial_inputs,
    parts=lambda study: [
        (str(method), backbone) for backbone in _compared(study) for method in study.settings.preparation.methods
    ],
    kept=True,
    apart=True,
    timed=True,
)
def compare_preparation(study: Study, run: StageRun, preparation: str, backbone: str) -> Result:
    """The short training of a backbone on one preparation: result.json."""
    from bookcover_core.training.training_run import run_head_training  # noqa: PLC0415 - imports TensorFlow

    settings, folder = study.settings.comparison, comparison_folder(study, backbone) / preparation
    training = run_head_training(
        study,
        run,
        backbone,
        preparation,
        Hyperparameters.of(study.settings),
        folder,
        compared=settings.share < 1,
        monitor="accuracy",
        epochs=settings.epochs,
        patience=settings.patience,
    )
    figures = {name: training.metrics[name] for name in (*COLUMNS[1:], "epochs")}
    result = {"preparation": str(preparation), **figures, "backbone": backbone}
    write_json(folder / _RESULT, result)
    outputs, digest = [*training.outputs, folder / _RESULT], digest_of([training.digest, result])
    return Result(outputs=outputs, counts=result, digest=digest)


def _choice_inputs(study: Study, backbone: str) -> Inputs:
    trials = [trial_part(study.settings, str(method), backbone) for method in study.settings.preparation.methods]
    return Inputs(choice_part(study.settings, backbone), after=[f"compare/{trial}" for trial in trials])


@stage(
    "compare",
    "Compare the preparations",
    run_title="choose the preparation for {backbone}",
    inputs=_choice_inputs,
    parts=lambda study: [(backbone,) for backbone in _compared(study)],
)
def compare_preparations(study: Study, _: StageRun, backbone: str) -> Result:
    """The choice among all preparations: comparison.csv, and chosen.json, which names those that tie with it too."""
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    folder, methods = comparison_folder(study, backbone), study.settings.preparation.methods
    results = [json.loads((folder / method / _RESULT).read_text("utf-8")) for method in methods]
    choice = choose_by_validation({each["preparation"]: ValidationFigures.of(each) for each in results})
    chosen = next(each for each in results if each["preparation"] == choice.names[0])
    write_table(folder / _TABLE, pd.DataFrame(results)[list(COLUMNS)])
    write_json(folder / CHOICE, {"chosen_by": "validation_accuracy", "tied": choice.tied, "tie": choice.words} | chosen)
    return Result(
        outputs=[folder / _TABLE, folder / CHOICE],
        counts={"chosen": chosen["preparation"], "preparations": len(methods), "tied": choice.tied},
    )
