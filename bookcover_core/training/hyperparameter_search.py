"""The stage `search`: better hyperparameters for the head of one network, chosen on validation books (section 5.4).

Random search (Bergstra and Bengio 2012): heads drawn by chance from the settings' ranges, each fitted as `train` would
fit it. The best on the validation books, by `training.monitor`, gives its hyperparameters to `train`.

    search/<model>/trials.csv     a row for each head (`Trial`), written as soon as it is known
    search/<model>/chosen.json    the row that was chosen
"""

import gc
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator

from bookcover_core.errors import TrainingError
from bookcover_core.listings.books import read_genres
from bookcover_core.models.backbones import pretrained
from bookcover_core.models.extra_inputs import measurements_digest
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table, write_json, write_table
from bookcover_core.settings import HeadSettings, StudySettings
from bookcover_core.training.features import load_split
from bookcover_core.training.loop import CHECKPOINT, Checkpoint, Schedule
from bookcover_core.training.preparation_choice import chosen_preparation, model_name
from bookcover_core.training.stored_probabilities import ValidationFigures, choose_by_validation

logger = logging.getLogger(__name__)

_TABLE, _CHOSEN = "trials.csv", "chosen.json"

# What stands in the table for a head whose loss is no longer a number.
_FAILED = {"best_epoch": 0, "epochs": 0, "validation_accuracy": 0.0, "validation_loss": math.inf, "seconds": 0.0}

# The settings that every trial depends on, whatever it draws.
_FIXED = ("seed", "head.extra_inputs", "training.optimizer", "training.epochs", "training.patience", "training.monitor")

_HEAD_TRAINING = ("optimizer", "learning_rate", "batch_size", "weight_decay", "label_smoothing")
HEAD_SETTINGS = ("seed", "head", *(f"training.{name}" for name in _HEAD_TRAINING))
"""Settings that every head on pooled features depends on."""

_DRAWN = 412  # purpose of the generator that draws the trials
_DIGITS = 4  # digits that drawn learning rates and weight decays keep: enough to tell them apart, few enough to copy


class Hyperparameters(BaseModel, frozen=True):
    """How a head is built and trained, as far as a search may choose it."""

    learning_rate: float
    batch_size: int
    hidden_units: Annotated[
        tuple[int, ...], BeforeValidator(lambda given: given.split() if isinstance(given, str) else given)
    ]
    """In a table as "512 256"."""
    dropout: float
    weight_decay: float
    label_smoothing: float

    @classmethod
    def of(cls, settings: StudySettings) -> "Hyperparameters":
        """Those that the settings name."""
        return cls.model_validate(settings.training.model_dump() | settings.head.model_dump())

    def plan(self, settings: StudySettings, **when: Any) -> tuple[Schedule, HeadSettings]:
        """How a head with these is trained, and what it is built of; `when` replaces epochs, patience and monitor."""
        chosen = self.model_dump()
        shape = {name: chosen.pop(name) for name in HeadSettings.model_fields if name in chosen}
        schedule = Schedule(**settings.training.model_dump() | chosen | when, seed=settings.seed)
        return schedule, settings.head.model_copy(update=shape)


class Trial(Hyperparameters):
    """One head that was tried: a row of trials.csv."""

    trial: int
    """From 1; the first is the settings' own."""
    best_epoch: int
    epochs: int
    validation_accuracy: float
    validation_loss: float
    """In the best epoch."""
    seconds: float
    key: str
    """SHA-256 over all that it depends on."""


COLUMNS = ("trial", *(name for name in Trial.model_fields if name != "trial"))
"""Columns of trials.csv."""


def head_inputs(
    study: Study, backbone: str, preparation: str, part: str = "", after: Sequence[str] = (), features: str = ""
) -> Inputs:
    """What a head on features is made from; part and features are those of the model, where no others are named."""
    model, given = model_name(backbone, preparation), {"backbone": backbone, "preparation": preparation}
    if study.settings.head.extra_inputs:
        given["measurements"] = measurements_digest(study)
    return Inputs(part or model, after=["listings", "split", f"features/{features or model}", *after], given=given)


def draw_trials(settings: StudySettings) -> list[Hyperparameters]:
    """The heads that a search tries: the settings' own first, then draws, of which more leave the first as they are."""
    ranges = settings.search
    generator = np.random.default_rng([settings.seed, _DRAWN])

    def between(low: float, high: float) -> float:
        value = float(np.exp(generator.uniform(np.log(low), np.log(high))))
        return float(np.clip(float(f"{value:.{_DIGITS}g}"), low, high))

    trials = [Hyperparameters.of(settings)]
    while len(trials) < ranges.trials:
        units = int(generator.choice(ranges.hidden_units))
        trials.append(
            Hyperparameters(
                learning_rate=between(*ranges.learning_rate),
                batch_size=int(generator.choice(ranges.batch_size)),
                hidden_units=(units,) if units else (),
                dropout=float(generator.choice(ranges.dropout)),
                weight_decay=between(*ranges.weight_decay),
                label_smoothing=float(generator.choice(ranges.label_smoothing)),
            )
        )
    return trials[: ranges.trials]


@stage(
    "search",
    "Search for better hyperparameters",
    step="train",
    run_title="search hyperparameters of {backbone}",
    settings=(*HEAD_SETTINGS, "training.epochs", "training.patience", "training.monitor", "search"),
    inputs=lambda study, backbone: head_inputs(study, backbone, chosen_preparation(study, backbone)),
    parts=lambda study: [(name,) for name in pretrained(study.settings)] if study.settings.search.trials else [],
    kept=True,
    apart=True,
    timed=True,
)
def search_head(study: Study, run: StageRun, backbone: str) -> Result:
    """The search for the hyperparameters of one network's head; trials that are on record are not run again."""
    settings, preparation = study.settings, chosen_preparation(study, backbone)
    fixed = [{path: settings.part(path) for path in _FIXED}, run.inputs, run.code]
    wanted = {digest_of([tried.model_dump(mode="json"), *fixed]): tried for tried in draw_trials(settings)}
    folder = study.workspace.search / run.part
    trials = _run_trials(study, backbone, preparation, wanted, folder, run.label)
    if settings.training.monitor == "loss":
        chosen = min(trials, key=lambda trial: trial.validation_loss)
    else:
        figures = {str(place): ValidationFigures.of(trial.model_dump()) for place, trial in enumerate(trials)}
        chosen = trials[int(choose_by_validation(figures).names[0])]
    told = {"chosen_by": f"validation_{settings.training.monitor}", **chosen.model_dump(mode="json", exclude={"key"})}
    write_json(folder / _CHOSEN, told)
    accuracy = round(chosen.validation_accuracy, 6)
    taken = Hyperparameters.model_validate(chosen.model_dump()).model_dump(mode="json")
    return Result(
        outputs=[folder / _TABLE, folder / _CHOSEN],
        counts={"trials": len(trials), "chosen": chosen.trial, "validation_accuracy": accuracy, **taken},
        digest=digest_of(taken),
    )


def chosen_hyperparameters(study: Study, model: str) -> Hyperparameters:
    """What the head of `model` is built and trained with: what the search chose, or else the settings' own."""
    if not study.settings.search.trials:
        return Hyperparameters.of(study.settings)
    study.manifest(f"search/{model}")
    return Hyperparameters.model_validate_json((study.workspace.search / model / _CHOSEN).read_bytes())


def _run_trials(
    study: Study, backbone: str, preparation: str, wanted: dict[str, Hyperparameters], folder: Path, label: str
) -> list[Trial]:
    """The trials of `wanted`, which are by their keys, in their order; the table is written after each."""
    from bookcover_core.training.head_trainer import fit_head  # noqa: PLC0415 - imports TensorFlow

    settings, epochs = study.settings, study.settings.training.epochs
    total = len(wanted) * epochs
    train, validation = (
        load_split(study, backbone, preparation, split, settings.head.extra_inputs) for split in ("train", "validation")
    )
    genres, table = len(read_genres(study.workspace)), folder / _TABLE
    trials = _read_trials(table)
    for number, (key, tried) in enumerate(wanted.items(), start=1):
        if key in trials:
            trials[key] = trials[key].model_copy(update={"trial": number})
            continue
        schedule, shape = tried.plan(settings)
        checkpoint = Checkpoint(folder / CHECKPOINT, key)
        try:
            fitted = fit_head(
                train,
                validation,
                genres,
                schedule,
                shape=shape,
                label=f"{label}, trial {number} of {len(wanted)}",
                progress=lambda done, _, before=(number - 1) * epochs: study.progress(before + done, total),
                checkpoint=checkpoint,
            )
        except TrainingError as error:
            logger.warning("%s: trial %d counts for nothing: %s", label, number, error)
            results = _FAILED
        else:
            results = {**fitted.figures, "seconds": round(sum(row.seconds for row in fitted.history), 3)}
        trials[key] = Trial.model_validate({**tried.model_dump(), "trial": number, **results, "key": key})
        _write_trials(table, [trials[each] for each in wanted if each in trials])
        checkpoint.file.unlink(missing_ok=True)
        # Keras' networks refer to themselves; left to Python, dozens wait to be freed.
        gc.collect()
    run = [trials[key] for key in wanted]
    _write_trials(table, run)
    if not any(trial.epochs for trial in run):
        raise TrainingError(
            f"none of {len(run)} heads can be trained", where=label, advice="Lower search.learning_rate; see the log."
        )
    return run


def _read_trials(file: Path) -> dict[str, Trial]:
    """The trials on record, by their keys; none where there are none, or none that can be read."""
    try:
        rows: list[Any] = read_table(file).to_dict("records")
        return {trial.key: trial for trial in map(Trial.model_validate, rows)}
    except (OSError, ValueError):
        return {}


def _write_trials(file: Path, trials: list[Trial]) -> None:
    import pandas as pd  # noqa: PLC0415 - a command that writes no table starts without pandas

    rows = [{**trial.model_dump(), "hidden_units": " ".join(map(str, trial.hidden_units))} for trial in trials]
    write_table(file, pd.DataFrame(rows, columns=list(COLUMNS)))
