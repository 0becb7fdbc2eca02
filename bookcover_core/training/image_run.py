"""Trainings from pixels: a network fitted to a study's pictures, and what is kept of it in its folder.

The stages `finetune` and `scratch` do it this way, as `compare` and `train` do theirs (`training.head_run`).
"""

import hashlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bookcover_core.models.model_cards import MODEL_WEIGHTS
from bookcover_core.models.networks import save_weights
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings import ExtraInput
from bookcover_core.training.head_run import CHECKPOINT, HISTORY
from bookcover_core.training.head_trainer import Checkpoint, Epoch
from bookcover_core.training.image_dataset import read_books
from bookcover_core.training.image_trainer import FittedNetwork, PixelSchedule, Start, fit_network
from bookcover_core.training.stored_probabilities import write_probabilities


@dataclass(frozen=True)
class PixelRun:
    """A network that was fitted to pictures, and where it lies."""

    fitted: FittedNetwork
    outputs: list[Path]
    """Its weights, its history, and its probabilities for the validation and the test books."""
    weights_digest: str
    """SHA-256 of the file of weights."""
    test_accuracy: float
    """Share of the test books whose genre is the most probable one. Nothing is chosen by it."""

    @property
    def digest(self) -> str:
        """What the stages behind see of the run: the weights that were trained, and the curve without its times."""
        arrays = [hashlib.sha256(array.tobytes()).hexdigest() for array in self.fitted.weights]
        rows = [asdict(row) | {"seconds": None} for row in self.fitted.history]
        return digest_of([arrays, rows])

    @property
    def metrics(self) -> dict[str, float]:
        """What its card tells of the training."""
        best, last = self.fitted.best, self.fitted.history[-1]
        return {
            "best_epoch": best.epoch,
            "epochs": last.epoch,
            "loss": best.loss,
            "accuracy": best.accuracy,
            "validation_loss": best.val_loss,
            "validation_accuracy": best.val_accuracy,
            "test_accuracy": self.test_accuracy,
        }

    @property
    def counts(self) -> dict[str, float]:
        """What its manifest tells of the training."""
        return {
            "best_epoch": self.fitted.best.epoch,
            "epochs": self.fitted.history[-1].epoch,
            "validation_accuracy": round(self.fitted.best.val_accuracy, 6),
            "test_accuracy": round(self.test_accuracy, 6),
        }


def run_pixel_training(
    study: Study,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    schedule: PixelSchedule,
    *,
    preparation: str,
    extra_inputs: Collection[ExtraInput] = (),
    start: Start | None = None,
    folder: Path,
    key: str,
    label: str,
) -> PixelRun:
    """`network`, fitted to the study's pictures.

    Writes model.weights.h5, history.csv and the probabilities of the validation and test books to `folder`. A run that
    was cut off goes on after the last epoch that it finished.

    Args:
        study: The study.
        network: What is fitted: see `fit_network`.
        optimizer: What takes the steps.
        schedule: Epochs, patience, batch size, seed, augmentation, and what the best epoch is told by.
        preparation: Of which pictures.
        extra_inputs: What the network is told beside its pictures.
        start: How well it does before; none: it has learnt nothing yet.
        folder: Where all goes.
        key: What the training hangs on; the state of a run with another is not taken up.
        label: What it is called in the log.

    Raises:
        StageOrderError: The pictures have not been prepared, or some are missing or damaged.
        TrainingError: The network cannot be trained.
    """
    checkpoint = Checkpoint(folder / CHECKPOINT, key)
    fitted = fit_network(
        network,
        optimizer,
        read_books(study, preparation, "train", extra_inputs),
        read_books(study, preparation, "validation", extra_inputs),
        schedule,
        start=start,
        label=label,
        progress=study.progress,
        checkpoint=checkpoint,
    )
    outputs, hits = [folder / MODEL_WEIGHTS, folder / HISTORY], np.empty(0)
    for split in ("validation", "test"):
        books = read_books(study, preparation, split, extra_inputs)
        probabilities = fitted.judge.probabilities(books)
        outputs.append(write_probabilities(folder, split, books.keys, probabilities))
        hits = probabilities.argmax(axis=1) == books.labels
    weights_digest = save_weights(network, folder / MODEL_WEIGHTS)
    write_table(folder / HISTORY, pd.DataFrame(fitted.history, columns=list(Epoch.__dataclass_fields__)))
    checkpoint.file.unlink(missing_ok=True)
    return PixelRun(fitted, outputs, weights_digest, float(np.mean(hits)))
