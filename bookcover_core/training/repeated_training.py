"""The stage `repeat`: the head of a frozen network trained again, so that luck and the number of books show.

    seed-2, seed-3 ...         the study's split, another seed
    fold-1, fold-2 ...         cross-validation: each book is tested once, by a head that saw nothing of its group
    share-0.25-1, -2, -3       a quarter of the training books, drawn genre by genre; those of a smaller share are among
                               those of a larger one
    repeats/<model>/<variant>/probabilities-test.npz

Preparation and hyperparameters are those that the study's own validation books chose, also for folds.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bookcover_core.curation.folds import Division, divide_fold
from bookcover_core.errors import GenreError, TrainingError
from bookcover_core.listings.books import read_genres
from bookcover_core.models.backbones import pretrained
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.features import load_split
from bookcover_core.training.hyperparameter_search import HEAD_SETTINGS, chosen_hyperparameters, head_inputs
from bookcover_core.training.loop import CHECKPOINT, Checkpoint
from bookcover_core.training.preparation_choice import chosen_preparation, model_name
from bookcover_core.training.stored_probabilities import write_probabilities

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 3  # draws of the books of each share
_SHARES = 421  # purpose of the generator that draws them


def variants(settings: StudySettings) -> list[str]:
    """The trainings that repeat that of each frozen network."""
    repeats = settings.repeats
    return [
        *(f"seed-{number}" for number in range(2, repeats.seeds + 1)),
        *fold_variants(settings),
        *(f"share-{share:g}-{draw}" for share in sorted(repeats.shares) for draw in range(1, _DRAWS + 1)),
    ]


def fold_variants(settings: StudySettings) -> list[str]:
    """Those that test every book once together."""
    return [f"fold-{number}" for number in range(1, settings.repeats.folds + 1)]


def _inputs(study: Study, backbone: str, variant: str) -> Inputs:
    settings, preparation = study.settings, chosen_preparation(study, backbone)
    model = model_name(backbone, preparation)
    searched = [f"search/{model}"] if settings.search.trials else []
    inputs = head_inputs(study, backbone, preparation, f"{model}/{variant}", searched)
    folds = f"{settings.repeats.folds} {settings.splits.validation_share:g}"
    return replace(inputs, given={**inputs.given, "folds": folds}) if variant.startswith("fold") else inputs


@stage(
    "repeat",
    "Train the heads again",
    step="train",
    run_title="train {backbone} again: {variant}",
    settings=(*HEAD_SETTINGS, "training.epochs", "training.patience", "training.monitor"),
    inputs=_inputs,
    parts=lambda study: [
        (name, variant) for name in pretrained(study.settings) for variant in variants(study.settings)
    ],
    kept=True,
    apart=True,
    timed=True,
)
def repeat_training(study: Study, run: StageRun, backbone: str, variant: str) -> Result:
    """The head of one network, trained in one of `variants`; what is kept are its probabilities of its test books."""
    from bookcover_core.training.head_trainer import fit_head  # noqa: PLC0415 - imports TensorFlow

    preparation = chosen_preparation(study, backbone)
    schedule, shape = chosen_hyperparameters(study, model_name(backbone, preparation)).plan(study.settings)
    books = read_table(study.workspace.splits, ("key", "label", "split", "group"), label="int32")
    sides, luck = divide(study.settings, variant, books)
    everything = load_split(study, backbone, preparation, "", shape.extra_inputs)
    train, validation, test = (everything.of(rows) for rows in sides)
    folder = study.workspace.repeats / run.part
    checkpoint = Checkpoint(folder / CHECKPOINT, run.key)
    fitted = fit_head(
        train,
        validation,
        len(read_genres(study.workspace)),
        schedule.model_copy(update={"seed": schedule.seed + luck}),
        shape=shape,
        label=run.label,
        progress=study.progress,
        checkpoint=checkpoint,
    )
    probabilities = fitted.predict(test)
    file = write_probabilities(folder, "test", test.keys, probabilities)
    checkpoint.file.unlink(missing_ok=True)
    accuracies = {
        "validation_accuracy": round(fitted.best.val_accuracy, 6),
        "test_accuracy": round(float((probabilities.argmax(axis=1) == test.labels).mean()), 6),
    }
    counts = {"training_books": len(train.keys), "best_epoch": fitted.best.epoch, **accuracies}
    return Result(outputs=[file], counts=counts)


def divide(settings: StudySettings, variant: str, books: "pd.DataFrame") -> tuple[Division, int]:
    """The rows of one of `variants` on each side, and what it adds to the seed.

    Books have a label, a split and a group. `TrainingError` where they have too few groups for the folds.
    """
    kind, *told = variant.split("-")
    labels, splits = books["label"].to_numpy(), books["split"].to_numpy()
    own = Division(*(np.flatnonzero(splits == split) for split in ("train", "validation", "test")))
    if kind == "seed":
        return own, int(told[0]) - 1
    if kind == "fold":
        groups, folds = books["group"].to_numpy(), settings.repeats.folds
        share, seed = settings.splits.validation_share, settings.seed
        try:
            fold = divide_fold(labels, groups, fold=int(told[0]), folds=folds, validation_share=share, seed=seed)
        except GenreError as error:
            raise TrainingError(error.what, where="repeats.folds", advice=error.advice) from error
        return fold, 0
    share, draw = float(told[0]), int(told[1])
    shuffled = np.random.default_rng([settings.seed, _SHARES, draw]).permutation(own.train)
    by_genre = [shuffled[labels[shuffled] == label] for label in np.unique(labels[own.train])]
    drawn = np.concatenate([rows[: math.ceil(share * len(rows))] for rows in by_genre])
    return own._replace(train=np.sort(drawn)), draw - 1
