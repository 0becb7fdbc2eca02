"""What a system that looks at no picture leaves in its folder: its rule, its card, and its probabilities."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bookcover_core.families.prediction import Floats
from bookcover_core.listings.books import read_genres
from bookcover_core.models.machine_info import this_machine
from bookcover_core.models.model_cards import ModelCard, software_versions, write_card
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import STORED_SPLITS, validation_figures, write_probabilities


def read_held_out(study: Study) -> dict[str, pd.DataFrame]:
    """Key, label and split of the validation and test books, by split.

    Raises:
        StageOrderError: The books have not been split.
    """
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    return {split: books[books["split"] == split] for split in STORED_SPLITS}


def keep_rule(
    study: Study,
    run: StageRun,
    file: Path,
    predict: Callable[[str, pd.DataFrame], Floats],
    *,
    parameters: int,
    metrics: dict[str, float] | None = None,
    counts: dict[str, Any] | None = None,
    **card: Any,
) -> Result:
    """The result of a stage that has written its rule to `file`: card and probabilities stand beside it.

    Args:
        study: The study.
        run: The run of the stage, whose part is "<system>-<preparation>".
        file: The rule.
        predict: Split and its books (key, label, split) -> probabilities (books, genres).
        parameters: Numbers that were fitted.
        metrics: More figures for the card.
        counts: More counts of the stage.
        card: More fields of the card: `kind` at least.
    """
    folder, metrics = file.parent, dict(metrics or {})
    system, preparation = split_model_name(run.part)
    outputs, digest = [file], file_digest(file)
    for split, books in read_held_out(study).items():
        probabilities = predict(split, books)
        outputs.append(write_probabilities(folder, split, books["key"].tolist(), probabilities.astype(np.float32)))
        figures = validation_figures(books["label"].to_numpy(), probabilities) if len(books) else {}
        metrics[f"{split}_accuracy"] = figures.get("validation_accuracy", 0.0)
    told = ModelCard(
        name=run.part,
        backbone=system,
        preparation=preparation,
        input_size=0,
        preprocessing="none",
        weights="none",
        weights_file=None,
        weights_digest=digest,
        genres=read_genres(study.workspace),
        settings=run.settings,
        inputs=run.inputs,
        digests={file.name: digest},
        metrics=metrics,
        parameters={"trainable": parameters},
        software=software_versions(),
        machine=this_machine(),
        **card,
    )
    rounded = {name: round(value, 6) for name, value in metrics.items()}
    return Result(outputs=[*outputs, write_card(folder, told)], counts={**(counts or {}), **rounded}, digest=digest)
