"""A training as a study keeps it: of a head on stored features or of a network on pixels, in a folder of its own.

    head.weights.h5 or model.weights.h5, history.csv, probabilities-validation.npz, probabilities-test.npz

Evaluation, ensembles and analysis read the probabilities; none of them loads a network.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import HEAD_WEIGHTS, MODEL_WEIGHTS
from bookcover_core.models.networks import save_weights
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.pipeline.engine import StageRun
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import copy_file, write_table
from bookcover_core.settings import ExtraInput
from bookcover_core.training.features import load_split
from bookcover_core.training.head_trainer import fit_head
from bookcover_core.training.history import HISTORY
from bookcover_core.training.hyperparameter_search import Hyperparameters
from bookcover_core.training.image_trainer import fit_network, read_books
from bookcover_core.training.loop import CHECKPOINT, Checkpoint, Epoch, Fitted, Schedule
from bookcover_core.training.stored_probabilities import STORED_SPLITS, write_probabilities

_WHEN_IT_ENDS = ("epochs", "patience")  # settings that say when a training ends, and change no epoch of it


@dataclass(frozen=True)
class TrainingRun:
    """A training that has ended, and what was kept of it."""

    fitted: Fitted
    folder: Path
    outputs: list[Path]
    test_accuracy: float
    """Share of the test books whose genre is the most probable one. Nothing is chosen by it."""
    weights: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file of weights, by its name."""

    def add_weights(self, network: keras.Model, name: str) -> None:
        """Write the weights of `network` to the folder."""
        self.weights[name] = save_weights(network, self.folder / name)
        self.outputs.append(self.folder / name)

    def add_copy(self, file: Path, name: str) -> None:
        """Put a copy of a file of weights into the folder."""
        copy_file(file, self.folder / name)
        self.weights[name] = file_digest(self.folder / name)
        self.outputs.append(self.folder / name)

    @property
    def digest(self) -> str:
        """What later stages see of it: the weights that were trained, and the curve without its times."""
        arrays = [hashlib.sha256(array.tobytes()).hexdigest() for array in self.fitted.weights]
        rows = [asdict(row) | {"seconds": None} for row in self.fitted.history]
        return digest_of([arrays, rows])

    @property
    def metrics(self) -> dict[str, float]:
        """What the card says of it."""
        first = self.fitted.history[0]
        before = {} if first.epoch else {"validation_accuracy_before": first.val_accuracy}
        return {**self.fitted.figures, "test_accuracy": self.test_accuracy, **before}

    @property
    def counts(self) -> dict[str, float]:
        """What the manifest says of it."""
        shown = ("best_epoch", "epochs", "validation_accuracy", "test_accuracy", "validation_accuracy_before")
        return {name: round(value, 6) for name, value in self.metrics.items() if name in shown}


def run_head_training(
    study: Study,
    run: StageRun,
    backbone: str,
    preparation: str,
    hyperparameters: Hyperparameters,
    folder: Path,
    *,
    compared: bool = False,
    **when: Any,
) -> TrainingRun:
    """A head trained on features, and what was kept of it in `folder`: see `load_split` and `Hyperparameters.plan`."""
    schedule, shape = hyperparameters.plan(study.settings, **when)
    books_of = partial(load_split, study, backbone, preparation, extra_inputs=shape.extra_inputs, compared=compared)
    fit = partial(fit_head, genres=len(read_genres(study.workspace)), schedule=schedule, shape=shape)
    return _run(run, folder, books_of, fit, HEAD_WEIGHTS)


def run_pixel_training(
    study: Study,
    run: StageRun,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    schedule: Schedule,
    *,
    preparation: str,
    extra_inputs: Collection[ExtraInput] = (),
    start: Mapping[str, float] | None = None,
) -> TrainingRun:
    """`network`, trained on the study's pictures, and what was kept of it: see `fit_network`."""
    books_of = partial(read_books, study, preparation, extra_inputs=extra_inputs)
    fit = partial(fit_network, network, optimizer, schedule=schedule, start=start)
    # An epoch is minutes of work.
    return _run(run, study.workspace.models / run.part, books_of, fit, MODEL_WEIGHTS, every=0)


def _run(
    run: StageRun,
    folder: Path,
    books_of: Callable[..., Any],
    fit: Callable[..., Fitted],
    weights: str,
    every: float = Checkpoint.every,
) -> TrainingRun:
    """A training that `fit` makes of the books of each split; one that was cut off, or ended sooner, goes on."""
    checkpoint = Checkpoint(folder / CHECKPOINT, run.key_but_for(*_WHEN_IT_ENDS), every)
    told = {"label": run.label, "progress": run.study.progress, "checkpoint": checkpoint}
    fitted = fit(books_of(split="train"), books_of(split="validation"), **told)
    outputs, accuracies = [folder / HISTORY], {}
    for split in STORED_SPLITS:
        books = books_of(split=split)
        probabilities = fitted.predict(books)
        outputs.append(write_probabilities(folder, split, books.keys, probabilities))
        accuracies[split] = float(np.mean(probabilities.argmax(axis=1) == books.labels))
    write_table(folder / HISTORY, pd.DataFrame(fitted.history, columns=list(Epoch.__dataclass_fields__)))
    training = TrainingRun(fitted, folder, outputs, accuracies["test"])
    training.add_weights(fitted.network, weights)
    return training
