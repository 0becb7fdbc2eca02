"""The one training loop, of heads on stored features and of networks on pixels alike (section 4.2).

The state is kept on disk: a training that was cut off, or that is to go on for more epochs, ends as if it had never
stopped. Keras' own `fit` takes up weights and optimiser bit for bit too, but counts patience anew, and takes more than
twice the processor's time (5,000 x 1,280 features, batches of 32, a whole epoch to an execution).
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import TrainingError
from bookcover_core.models.tensorflow_setup import keras
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.settings import Monitor, TrainingSettings

logger = logging.getLogger(__name__)

Arrays = list[npt.NDArray[np.float32]]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: a row of history.csv.

    Losses are cross entropies with the true genre alone, whatever smoothing the training aims at. Training figures are
    means over the epoch, each batch judged before its step, as in Keras; validation figures those after it.
    """

    epoch: int
    """From 1; 0 is a network that was trained before, as it starts."""
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float

    def is_better_than(self, other: "Epoch", monitor: Monitor) -> bool:
        """Whether it did better on the validation books, by what `monitor` names."""
        return self.val_loss < other.val_loss if monitor == "loss" else self.val_accuracy > other.val_accuracy


class Schedule(TrainingSettings):
    """How a network is trained: its section of the settings, and what goes with it."""

    seed: int
    epochs: int = TrainingSettings.model_fields["epochs"].default
    """At most, without a bound: from scratch, it follows from a number of steps."""
    augmented: bool = False
    """Whether pictures are varied."""
    advice: str = "Lower training.learning_rate."
    """What to do when the loss is no longer a number."""


class Learner(Protocol):
    """A network that is trained, with the books that it learns from."""

    network: keras.Model
    optimizer: keras.optimizers.Optimizer
    trained: list[keras.Variable]
    """Weights that are trained."""

    def run_epoch(self, epoch: int, progress: Progress | None) -> Epoch:
        """What epoch number `epoch`, from 1, brought. It depends on that number and the state alone."""

    def predict(self, books: Any) -> npt.NDArray[np.float32]:
        """Probabilities (books, genres) that the network gives now."""


@dataclass(frozen=True)
class Fitted:
    """A training that has ended; its network has the weights of the best epoch."""

    best: Epoch
    history: list[Epoch]
    """Every epoch, epoch 0 among them where there was one."""
    weights: Arrays
    """The weights that were trained, at the best epoch."""
    network: keras.Model
    predict: Callable[[Any], npt.NDArray[np.float32]]
    """Probabilities (books, genres) of books such as it was trained on."""


def best_epoch(history: Iterable[Epoch], monitor: Monitor) -> Epoch | None:
    """The best of these epochs, the first of equals; none of none."""
    best: Epoch | None = None
    for row in history:
        if best is None or row.is_better_than(best, monitor):
            best = row
    return best


@dataclass(frozen=True)
class Checkpoint:
    """Where a training's state is kept, while it runs and afterwards."""

    file: Path
    key: str
    """What each epoch depends on: the state of another training is passed over."""
    every: float = 5.0
    """Seconds between two savings, at least: an epoch of a head takes a fraction of one."""

    def save(self, state: Sequence[keras.Variable], best: Arrays, history: Sequence[Epoch]) -> None:
        """Keep all that an epoch changes, the best weights so far and the epochs, as they are now."""
        arrays: dict[str, Any] = {f"state_{number}": np.asarray(variable) for number, variable in enumerate(state)}
        arrays |= {f"best_{number}": array for number, array in enumerate(best)}
        arrays |= {"key": self.key, "history": json.dumps([asdict(row) for row in history])}
        with atomic(self.file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)

    def resume(
        self, state: Sequence[keras.Variable], best: Arrays, schedule: Schedule, label: str
    ) -> tuple[list[Epoch], Arrays]:
        """Epochs and best weights of the training that was cut off or ended sooner, its state taken up into `state`.

        No epochs, and `best`, where there is none, or one that is damaged, of another key, or past its end.
        """
        try:
            with np.load(self.file, allow_pickle=False) as saved:
                if str(saved["key"]) != self.key:
                    return [], best
                history = [Epoch(**row) for row in json.loads(str(saved["history"]))]
                begun = [history[:epochs] for epochs in range(1, len(history))]
                if any(_is_over(rows, best_epoch(rows, schedule.monitor), schedule) for rows in begun):
                    logger.info("%s: begins anew: what is kept of it is past the end that the settings give", label)
                    return [], best
                arrays = [saved[f"state_{number}"] for number in range(len(state))]
                best = [saved[f"best_{number}"] for number in range(len(best))]
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return [], best
        for variable, array in zip(state, arrays, strict=True):
            variable.assign(array)
        return history, best


def fit(
    learner: Learner,
    schedule: Schedule,
    *,
    label: str,
    start: Callable[[], Epoch] | None = None,
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fitted:
    """How `learner` was trained; its network is left with the weights of the best epoch, the earliest of equals.

    Args:
        learner: What is trained.
        schedule: When it ends, and the validation metric that selects the best epoch.
        label: What the training is called in the log.
        start: Measures epoch 0, of a network that competes with what it becomes; none: it has learnt nothing yet.
        progress: Handed to the learner.
        checkpoint: Where the state is kept, if anywhere.

    Raises:
        TrainingError: The loss is no longer a number.
    """
    state, weights = _state(learner), [variable.numpy() for variable in learner.trained]
    history: list[Epoch] = []
    if checkpoint:
        history, weights = checkpoint.resume(state, weights, schedule, label)
    best = best_epoch(history, schedule.monitor)

    def see(row: Epoch) -> None:
        nonlocal best, weights
        history.append(row)
        if best is None or row.is_better_than(best, schedule.monitor):
            best, weights = row, [variable.numpy() for variable in learner.trained]
        _log(label, row, best, schedule.epochs)

    if history:
        logger.info("%s: going on after epoch %d", label, history[-1].epoch)
    elif start:
        see(start())
    saved = time.perf_counter()
    while not _is_over(history, best, schedule):
        row = learner.run_epoch(history[-1].epoch + 1 if history else 1, progress)
        if not np.isfinite([row.loss, row.val_loss]).all():
            raise TrainingError(
                f"the loss is no longer a number in epoch {row.epoch}", where=label, advice=schedule.advice
            )
        see(row)
        if checkpoint and time.perf_counter() - saved >= checkpoint.every:
            checkpoint.save(state, weights, history)
            saved = time.perf_counter()
    if checkpoint:
        checkpoint.save(state, weights, history)
    for variable, array in zip(learner.trained, weights, strict=True):
        variable.assign(array)
    assert best is not None
    return Fitted(best, history, weights, learner.network, learner.predict)


def check_books(train: int, validation: int, label: str) -> None:
    """Raise `TrainingError` where there is nothing to learn from, or to validate on."""
    if not train or not validation:
        raise TrainingError(
            "there are no books to train or to validate on", where=label, advice="Check the splits: splits/books.csv."
        )


def dropout_generators(network: keras.Model) -> list[keras.Variable]:
    """The state of the generators that the network's dropouts draw from."""
    return [variable for variable in network.variables if variable.path.endswith("seed_generator_state")]


def _state(learner: Learner) -> list[keras.Variable]:
    """All that an epoch changes: the trained weights, the dropouts' generators, the optimiser's state."""
    return [*learner.trained, *dropout_generators(learner.network), *learner.optimizer.variables]


def _is_over(history: Sequence[Epoch], best: Epoch | None, schedule: Schedule) -> bool:
    """Whether no epoch is to follow: it was the last, or the last of `patience` since the best."""
    if best is None:
        return False
    last = history[-1].epoch
    return last >= schedule.epochs or last - best.epoch >= schedule.patience


def _log(label: str, row: Epoch, best: Epoch, epochs: int) -> None:
    """Say what one epoch, of as many as `epochs`, brought."""
    learnt = f"loss {row.loss:.4f}, accuracy {row.accuracy:.4f}"
    validated = f"validation loss {row.val_loss:.4f}, accuracy {row.val_accuracy:.4f}"
    kept = f"best {best.val_accuracy:.4f} in epoch {best.epoch}"
    logger.info("%s: epoch %d of %d, %s, %s (%s)", label, row.epoch, epochs, learnt, validated, kept)
