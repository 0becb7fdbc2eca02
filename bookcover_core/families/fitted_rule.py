"""What a system that looks at no picture leaves in its folder: its rule, its card, and its probabilities."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bookcover_core.families.prediction import Floats
from bookcover_core.listings.books import read_genres
from bookcover_core.models.machine_info import this_machine
from bookcover_core.models.model_cards import ModelCard, software_versions, write_card
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import STORED_SPLITS, validation_figures, write_probabilities

if TYPE_CHECKING:
    import pandas as pd


def keep_rule(
    run: StageRun,
    file: Path,
    books: "pd.DataFrame",
    predict: Callable[[str, "pd.DataFrame"], Floats],
    *,
    parameters: int,
    metrics: dict[str, float] | None = None,
    counts: dict[str, Any] | None = None,
    **card: Any,
) -> Result:
    """The result of a stage that has written its rule to `file`: card and probabilities stand beside it.

    Args:
        run: The run of the stage, whose part is "<system>-<preparation>".
        file: The rule.
        books: Key, label and split of the study's books.
        predict: Split and its books (key, label, split) -> probabilities (books, genres).
        parameters: Numbers that were fitted.
        metrics: More figures for the card.
        counts: More counts of the stage.
        card: More fields of the card: `kind` at least.
    """
    folder, metrics = file.parent, dict(metrics or {})
    system, preparation = split_model_name(run.part)
    outputs, digest = [file], file_digest(file)
    for split in STORED_SPLITS:
        held = books[books["split"] == split]
        probabilities = predict(split, held)
        outputs.append(write_probabilities(folder, split, held["key"].tolist(), probabilities.astype(np.float32)))
        figures = validation_figures(held["label"].to_numpy(), probabilities) if len(held) else {}
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
        genres=read_genres(run.study.workspace),
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
