"""What the stage that makes a system leaves in its folder beside the system itself: probabilities and a card."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bookcover_core.listings.books import read_genres
from bookcover_core.models.machine_info import this_machine
from bookcover_core.models.model_cards import ModelCard, software_versions, write_card
from bookcover_core.pipeline.engine import Result, StageRun
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import STORED_SPLITS, validation_figures, write_probabilities

if TYPE_CHECKING:
    import pandas as pd

    from bookcover_core.training.training_run import TrainingRun


def finish_training(run: StageRun, training: "TrainingRun", **card: Any) -> Result:
    """The result of a stage that trained a network; `card` are fields of `ModelCard`."""
    card |= {"digests": training.weights, "metrics": training.metrics}
    digest = digest_of([training.digest, card["weights_digest"]])
    return _finish(run, training.outputs, training.counts | {"weights": card["weights"]}, digest, card)


def finish_rule(
    run: StageRun,
    books: "pd.DataFrame",
    predict: Callable[[str, "pd.DataFrame"], npt.NDArray[np.floating]],
    *,
    file: Path | None = None,
    beside: Sequence[Path] = (),
    metrics: Mapping[str, float] | None = None,
    counts: Mapping[str, Any] | None = None,
    **card: Any,
) -> Result:
    """The result of a stage that made a system without training a network: its probabilities are written too.

    `predict` gives the probabilities (books, genres) of a split and its `books` (key, label, split). Later stages see
    `file`, the rule, or else the probabilities; `beside` are files that the rule wants at work. `metrics` are more
    figures for the card, `card` its other fields, such as `kind`, and `counts` more counts of the stage.
    """
    found, kept = dict(metrics or {}), [file, *beside] if file else []
    outputs, folder = [*kept], run.study.workspace.models / run.part
    for split in STORED_SPLITS:
        held = books[books["split"] == split]
        probabilities = predict(split, held)
        outputs.append(write_probabilities(folder, split, held["key"].tolist(), probabilities))
        figures = validation_figures(held["label"].to_numpy(), probabilities) if len(held) else {}
        found[f"{split}_accuracy"] = figures.get("validation_accuracy", 0.0)
    digests = {each.name: file_digest(each) for each in kept}
    digest = digests[file.name] if file else digest_of([file_digest(each) for each in outputs])
    card |= {"metrics": found, "weights_digest": digest, "digests": digests}
    rounded = {name: round(value, 6) for name, value in found.items()}
    return _finish(run, outputs, {**(counts or {}), **rounded}, digest, card)


def _finish(
    run: StageRun, outputs: Sequence[Path], counts: Mapping[str, Any], digest: str, card: Mapping[str, Any]
) -> Result:
    system, preparation = split_model_name(run.part)
    usual = {"backbone": system, "preparation": preparation, "genres": read_genres(run.study.workspace)}
    told = {"name": run.part, "settings": run.settings, "inputs": run.inputs, "machine": this_machine()}
    told["software"] = software_versions(*(["openvino"] if card.get("engine") == "openvino" else []))
    written = write_card(run.study.workspace.models / run.part, ModelCard(**usual | dict(card) | told))
    return Result(outputs=[*outputs, written], counts=counts, digest=digest)
