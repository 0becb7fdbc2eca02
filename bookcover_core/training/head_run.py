"""Training runs: a head fitted on a study's stored features, and what is kept of it in a folder.

Both stages that train, `compare` and `train`, do it this way.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import HEAD_WEIGHTS
from bookcover_core.models.networks import HeadShape, save_weights
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings import Monitor, StudySettings
from bookcover_core.training.features import load_split
from bookcover_core.training.head_trainer import Checkpoint, Epoch, FittedHead, Schedule, fit_head, predict
from bookcover_core.training.hyperparameters import Hyperparameters

HISTORY = "history.csv"
CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True)
class TrainingRun:
    """A head that was trained, and where it lies."""

    fitted: FittedHead
    history: Path
    weights: Path
    weights_digest: str
    """SHA-256 of the file of weights."""
    test_accuracy: float
    """Share of the test books whose genre is the most probable one. Nothing is chosen by it."""

    @property
    def digest(self) -> str:
        """What the stages behind see of the run: the weights of the head, and the curve without its times."""
        arrays = [hashlib.sha256(array.tobytes()).hexdigest() for array in self.fitted.head.get_weights()]
        rows = [asdict(row) | {"seconds": None} for row in self.fitted.history]
        return digest_of([arrays, rows])


def plan(
    settings: StudySettings, hyperparameters: Hyperparameters, *, epochs: int, patience: int, monitor: Monitor
) -> tuple[Schedule, HeadShape]:
    """How a head with these hyperparameters is trained, and what it is built of."""
    schedule = Schedule(
        epochs=epochs,
        patience=patience,
        batch_size=hyperparameters.batch_size,
        learning_rate=hyperparameters.learning_rate,
        seed=settings.seed,
        optimizer=settings.training.optimizer,
        weight_decay=hyperparameters.weight_decay,
        label_smoothing=hyperparameters.label_smoothing,
        monitor=monitor,
    )
    return schedule, HeadShape(hyperparameters.hidden_units, hyperparameters.dropout, settings.head.extra_inputs)


def run_training(
    study: Study,
    backbone: str,
    preparation: str,
    *,
    epochs: int,
    patience: int,
    monitor: Monitor = "accuracy",
    folder: Path,
    key: str,
    label: str,
    hyperparameters: Hyperparameters | None = None,
) -> TrainingRun:
    """A head trained on the features of `backbone` on `preparation`.

    Writes history.csv and head.weights.h5 to `folder`. A run that was cut off goes on where it was.

    Args:
        study: The study.
        backbone: Whose features.
        preparation: Of which pictures.
        epochs: Epochs at most.
        patience: Epochs without a better one after which it ends.
        monitor: What tells on the validation books which epoch is the best.
        folder: Where history and weights go.
        key: What the training hangs on; the state of a run with another is not taken up.
        label: What it is called in the log.
        hyperparameters: How the head is built and trained; none: as the settings say.

    Raises:
        StageOrderError: The features have not been computed.
        TrainingError: The head cannot be trained.
    """
    settings = study.settings
    hyperparameters = hyperparameters or Hyperparameters.of(settings)
    schedule, shape = plan(settings, hyperparameters, epochs=epochs, patience=patience, monitor=monitor)
    train, validation, test = (
        load_split(study, backbone, preparation, split, shape.extra_inputs) for split in ("train", "validation", "test")
    )
    checkpoint = Checkpoint(folder / CHECKPOINT, key)
    fitted = fit_head(
        train,
        validation,
        len(read_genres(study.workspace)),
        schedule,
        shape=shape,
        label=label,
        progress=study.progress,
        checkpoint=checkpoint,
    )
    hits = predict(fitted.head, test).argmax(axis=1) == test.labels
    weights_digest = save_weights(fitted.head, folder / HEAD_WEIGHTS)
    write_table(folder / HISTORY, pd.DataFrame(fitted.history, columns=list(Epoch.__dataclass_fields__)))
    checkpoint.file.unlink(missing_ok=True)
    return TrainingRun(
        fitted=fitted,
        history=folder / HISTORY,
        weights=folder / HEAD_WEIGHTS,
        weights_digest=weights_digest,
        test_accuracy=float(np.mean(hits)),
    )
