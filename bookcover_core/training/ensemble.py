"""The stage `ensemble`: several systems that judge together (section 5.4).

    the members' probabilities  ->  their mean, or a weighted mean  ->  models/<ensemble>-<preparation>/

The weights of a weighted mean are those with which the probabilities fit the validation books best: the least mean
cross entropy, no weight below 0, and a sum of 1. That is a convex problem with one optimum, to which expectation
maximisation for a mixture of fixed components climbs without a step size to choose.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.listings.books import read_genres
from bookcover_core.models.systems import Kind, System, ensembles, find_system, members
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json
from bookcover_core.training.plan import is_made
from bookcover_core.training.preparation_choice import model_of, preparation_of
from bookcover_core.training.stored_probabilities import predict_split, write_probabilities

logger = logging.getLogger(__name__)

ENSEMBLE = "ensemble.json"

# Splits that an ensemble judges: the one that its weights are fitted on, and the one that it is evaluated on.
_SPLITS = ("validation", "test")

# Probabilities are taken for at least this where their logarithm is wanted.
_LEAST = 1e-12

# Expectation maximisation ends when a step wins less than this of the mean cross entropy, or after so many steps.
_LEAST_GAIN = 1e-10
_MOST_STEPS = 10_000

Floats = npt.NDArray[np.floating]


def _inputs(study: Study, ensemble: str) -> Inputs:
    system = find_system(study.settings, ensemble)
    if system.kind is not Kind.ENSEMBLE:
        raise SettingsError(
            f"{ensemble!r} is no ensemble",
            where="ensemble.methods",
            advice=f"The study's ensembles are {', '.join(ensembles(study.settings)) or 'none'}.",
        )
    parts = members(study.settings)
    _check_members(study, system, parts)
    models = [model_of(study, part) for part in parts]
    return Inputs(
        model_of(study, system),
        after=["split", *(f"{part.stage}/{model}" for part, model in zip(parts, models, strict=True))],
        given={"how": system.network, "members": " ".join(models)},
    )


@stage(
    "ensemble",
    "Combine systems",
    run_title="combine {ensemble}",
    inputs=_inputs,  # how and whom it combines stand for the settings that choose them
    parts=lambda study: [(name,) for name in ensembles(study.settings)],
    apart=True,
)
def combine(study: Study, run: StageRun, ensemble: str) -> Result:
    """The manifest of an ensemble of the study.

    Writes `models/<name>-<preparation>/`: ensemble.json (members with weights, digests and validation figures), and its
    probabilities for the validation and test books.

    Args:
        study: The study.
        run: This run of the stage.
        ensemble: One of its ensembles: "Ensemble-mean", "Ensemble-weighted".

    Raises:
        SettingsError: The study has no such ensemble, or no such members.
        StageOrderError: A member has not been trained.
    """
    system = find_system(study.settings, ensemble)
    parts = members(study.settings)
    models = [model_of(study, part) for part in parts]
    preparation = preparation_of(study, system)
    folder = study.workspace.models / run.part
    judged = {split: _Judged.of(study, models, split) for split in _SPLITS}
    validation = judged["validation"]
    weights = np.full(len(parts), 1 / len(parts))
    if system.network == "weighted":
        weights = fit_weights(validation.of_true_genre)
    mixed = {split: np.tensordot(weights, each.probabilities, axes=1) for split, each in judged.items()}
    written = [
        write_probabilities(folder, split, judged[split].keys, mixed[split].astype(np.float32)) for split in _SPLITS
    ]
    figures = _figures(validation.labels, mixed["validation"])
    told: dict[str, Any] = {
        "name": run.part,
        "how": system.network,
        "preparation": preparation,
        "genres": [genre.name for genre in read_genres(study.workspace)],
        **figures,
        "members": [
            {
                "name": part.name,
                "kind": part.kind,
                "model": model,
                "weight": float(weight),
                "digest": run.inputs[f"{part.stage}/{model}"],
                **_figures(validation.labels, probabilities),
            }
            for part, model, weight, probabilities in zip(parts, models, weights, validation.probabilities, strict=True)
        ],
    }
    write_json(folder / ENSEMBLE, told)
    logger.info(
        "%s: validation loss %.4f, accuracy %.4f; weights %s",
        run.label,
        figures["validation_loss"],
        figures["validation_accuracy"],
        ", ".join(f"{model} {weight:.3f}" for model, weight in zip(models, weights, strict=True)),
    )
    return Result(
        outputs=[folder / ENSEMBLE, *written],
        counts={"members": len(parts), **{figure: round(value, 6) for figure, value in figures.items()}},
    )


def fit_weights(of_true_genre: Floats) -> npt.NDArray[np.float64]:
    """Weights (members,) of the weighted mean with the least cross entropy: none below 0, 1 in all.

    Args:
        of_true_genre: (members, books) what each member gives the true genre of each book.
    """
    given = np.maximum(np.asarray(of_true_genre, np.float64), _LEAST)
    weights = np.full(len(given), 1 / len(given))
    loss = np.inf
    for _ in range(_MOST_STEPS):
        shares = weights[:, None] * given
        mixed = shares.sum(axis=0)
        before, loss = loss, float(-np.log(mixed).mean())
        if before - loss < _LEAST_GAIN:
            break
        weights = (shares / mixed).mean(axis=1)
    return weights


@dataclass(frozen=True)
class _Judged:
    """What the members say of the books of one split."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    probabilities: npt.NDArray[np.float64]
    """(members, books, genres)."""

    @classmethod
    def of(cls, study: Study, models: list[str], split: str) -> "_Judged":
        """The judgements of `models`, in the order of the first one's books."""
        keys, labels, first = predict_split(study, models[0], split)
        all_of_them = [first]
        for model in models[1:]:
            own, _, probabilities = predict_split(study, model, split)
            place = {key: row for row, key in enumerate(own)}
            all_of_them.append(probabilities[[place[key] for key in keys]])
        return cls(keys, labels, np.stack(all_of_them).astype(np.float64))

    @property
    def of_true_genre(self) -> npt.NDArray[np.float64]:
        """(members, books) what each member gives the true genre."""
        given: npt.NDArray[np.float64] = self.probabilities[:, np.arange(len(self.labels)), self.labels]
        return given


def _check_members(study: Study, system: System, parts: list[System]) -> None:
    missing = [part.name for part in parts if not is_made(study, part)]
    if missing:
        raise StageOrderError(
            f"{' and '.join(missing)}, {'a member' if len(missing) == 1 else 'members'} of it, "
            f"{'has' if len(missing) == 1 else 'have'} not been trained with today's settings",
            where=system.name,
            advice="Run the stage `train` again, or name other members in ensemble.members.",
        )


def _figures(labels: npt.NDArray[np.int32], probabilities: Floats) -> dict[str, float]:
    """Accuracy and mean cross entropy on the validation books."""
    given = probabilities[np.arange(len(labels)), labels]
    return {
        "validation_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "validation_loss": float(-np.log(np.maximum(given, _LEAST)).mean()),
    }
