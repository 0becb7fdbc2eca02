"""The one training loop, of heads on stored features and of networks on pixels alike (section 4.2).

The state is kept on disk: a training that was cut off, or that is to go on for more epochs, ends as if it had never
stopped. Keras' own `fit` takes up weights and optimiser bit for bit too, but counts patience anew, and takes more than
twice the processor's time (5,000 x 1,280 features, batches of 32, a whole epoch to an execution).
"""

import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.settings import Monitor, TrainingSettings

logger = logging.getLogger(__name__)

Arrays = list[npt.NDArray[np.float32]]

Progress = Callable[[int, int], None]

CHECKPOINT = "checkpoint.npz"
"""Name of the file that a training's state is kept in."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: a row of history.csv.

    Losses are cross entropies with the true genre alone, whatever smoothing the training aims at. Training figures are
    means over the epoch, each batch judged before its step, as in Keras; validation figures those after it.
    """

    epoch: int  # from 1; 0 is a network that was trained before, as it starts
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class Schedule(TrainingSettings):
    """How a network is trained: its section of the settings, and what goes with it."""

    seed: int
    epochs: int = TrainingSettings.model_fields["epochs"].default
    """At most, without a bound: from scratch, it follows from a number of steps."""
    augmented: bool = False
    """Whether pictures are varied."""
    advice: str = "Lower training.learning_rate."
    """What to do when the loss is no longer a number."""


@dataclass(frozen=True)
class Fitted:
    """A training that has ended; its network, a `keras.Model`, has the weights of the best epoch."""

    best: Epoch
    history: list[Epoch]  # every epoch, epoch 0 among them where there was one
    weights: Arrays  # the weights that were trained, at the best epoch
    network: Any
    predict: Callable[[Any], npt.NDArray[np.float32]]
    """Probabilities (books, genres) of books such as it was trained on."""

    @property
    def figures(self) -> dict[str, float]:
        """Its length, and what its best epoch brought."""
        best = self.best
        validated = {"validation_loss": best.val_loss, "validation_accuracy": best.val_accuracy}
        learnt = {"loss": best.loss, "accuracy": best.accuracy}
        return {"best_epoch": best.epoch, "epochs": self.history[-1].epoch, **learnt, **validated}


class Learner(ABC):
    """A network that is trained, with its optimiser and the books of its training and validation splits."""

    start: Mapping[str, float] | None = None
    """Loss and accuracy on the training books of a network that was trained before: it is epoch 0, and competes."""

    def __init__(self, network: Any, optimizer: Any, train: Any, validation: Any, schedule: Schedule) -> None:
        if not len(train.labels) or not len(validation.labels):
            raise TrainingError(
                "there are no books to train or to validate on", where="splits/books.csv", advice="Check the splits."
            )
        self.network, self.optimizer, self.schedule = network, optimizer, schedule
        self.train, self.validation = train, validation
        self.trained: list[Any] = network.trainable_variables
        optimizer.build(self.trained)

    @property
    def weights(self) -> Arrays:
        """The weights that are trained, as they are now."""
        return [variable.numpy() for variable in self.trained]

    @property
    def state(self) -> list[Any]:
        """All that an epoch changes: the trained weights, the dropouts' generators, the optimiser's state."""
        return [*self.trained, *dropout_generators(self.network), *self.optimizer.variables]

    @abstractmethod
    def learn(self, epoch: int, progress: Progress | None) -> tuple[float, int]:
        """Sum of the losses and number of hits of the steps of an epoch. They depend on its number and the state."""

    @abstractmethod
    def validate(self) -> tuple[float, float]:
        """Mean cross entropy and accuracy on the validation books."""

    @abstractmethod
    def predict(self, books: Any) -> npt.NDArray[np.float32]:
        """Probabilities (books, genres) that the network gives now."""

    def run_epoch(self, epoch: int, progress: Progress | None) -> Epoch:
        """What epoch number `epoch` brought."""
        started = time.perf_counter()
        if epoch or not self.start:
            total, hits = self.learn(epoch, progress)
            loss, accuracy = total / len(self.train.labels), hits / len(self.train.labels)
        else:
            loss, accuracy = self.start["loss"], self.start["accuracy"]
        val_loss, val_accuracy = self.validate()
        return Epoch(epoch, loss, accuracy, val_loss, val_accuracy, round(time.perf_counter() - started, 4))


@dataclass(frozen=True)
class Checkpoint:
    """Where a training's state is kept, while it runs and afterwards."""

    file: Path
    key: str  # what each epoch depends on: the state of another training is passed over
    every: float = 5.0  # seconds between two savings, at least: an epoch of a head takes a fraction of one

    def save(self, learner: Learner, best: Arrays, history: Sequence[Epoch]) -> None:
        """Keep all that an epoch changes, the best weights so far and the epochs, as they are now."""
        arrays: dict[str, Any] = {
            f"state_{place}": np.asarray(variable) for place, variable in enumerate(learner.state)
        }
        arrays |= {f"best_{place}": array for place, array in enumerate(best)}
        arrays |= {"key": self.key, "history": json.dumps([asdict(row) for row in history])}
        with atomic(self.file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    def resume(self, learner: Learner, label: str) -> tuple[list[Epoch], Arrays]:
        """Epochs and best weights of the training that was cut off or ended sooner, its state taken up by `learner`.

        No epochs, and the learner's weights, where there is none that is sound, of this key, and not past its end.
        """
        best, state = learner.weights, learner.state
        try:
            with np.load(self.file, allow_pickle=False) as saved:
                if str(saved["key"]) != self.key:
                    return [], best
                history = [Epoch(**row) for row in json.loads(str(saved["history"]))]
                if any(_is_over(history[:epochs], learner.schedule) for epochs in range(1, len(history))):
                    logger.info("%s: begins anew: what is kept of it is past the end that the settings give", label)
                    return [], best
                arrays = [saved[f"state_{place}"] for place in range(len(state))]
                kept = [saved[f"best_{place}"] for place in range(len(best))]
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return [], best
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        return history, kept


def fit(
    learner: Learner, *, label: str, progress: Progress | None = None, checkpoint: Checkpoint | None = None
) -> Fitted:
    """How `learner` was trained; its network is left with the weights of the best epoch, the earliest of equals.

    `label` is what the training is called in the log; `progress` is handed to the learner. `TrainingError` where the
    loss is no longer a number.
    """
    schedule, history, weights = learner.schedule, list[Epoch](), learner.weights
    if checkpoint:
        history, weights = checkpoint.resume(learner, label)
    if history:
        logger.info("%s: going on after epoch %d", label, history[-1].epoch)
    saved = time.perf_counter()
    while not _is_over(history, schedule):
        row = learner.run_epoch(history[-1].epoch + 1 if history else int(not learner.start), progress)
        if not np.isfinite([row.loss, row.val_loss]).all():
            raise TrainingError(
                f"the loss is no longer a number in epoch {row.epoch}", where=label, advice=schedule.advice
            )
        history.append(row)
        best = _best(history, schedule.monitor)
        if best is row:
            weights = learner.weights
        _log(label, row, best, schedule.epochs)
        if checkpoint and time.perf_counter() - saved >= checkpoint.every:
            checkpoint.save(learner, weights, history)
            saved = time.perf_counter()
    if checkpoint:
        checkpoint.save(learner, weights, history)
    for variable, array in zip(learner.trained, weights, strict=True):
        variable.assign(array)
    return Fitted(_best(history, schedule.monitor), history, weights, learner.network, learner.predict)


def dropout_generators(network: Any) -> list[Any]:
    """The state of the generators that the dropouts of a `keras.Model` draw from."""
    return [variable for variable in network.variables if variable.path.endswith("seed_generator_state")]


def _best(history: Sequence[Epoch], monitor: Monitor) -> Epoch:
    """The best of these epochs, the first of equals."""
    if monitor == "loss":
        return min(history, key=lambda row: row.val_loss)
    return max(history, key=lambda row: row.val_accuracy)


def _is_over(history: Sequence[Epoch], schedule: Schedule) -> bool:
    """Whether no epoch is to follow: it was the last, or the last of `patience` since the best."""
    if not history:
        return False
    last = history[-1].epoch
    return last >= schedule.epochs or last - _best(history, schedule.monitor).epoch >= schedule.patience


def _log(label: str, row: Epoch, best: Epoch, epochs: int) -> None:
    learnt = f"loss {row.loss:.4f}, accuracy {row.accuracy:.4f}"
    validated = f"validation loss {row.val_loss:.4f}, accuracy {row.val_accuracy:.4f}"
    kept = f"best {best.val_accuracy:.4f} in epoch {best.epoch}"
    logger.info("%s: epoch %d of %d, %s, %s (%s)", label, row.epoch, epochs, learnt, validated, kept)
