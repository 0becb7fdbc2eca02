"""Ensembles: several systems that predict together (section 5.4).

    the members' probabilities  ->  their mean, a weighted mean or product  ->  models/<ensemble>-<preparation>/

Weights are those with which the joined probabilities fit the validation books best: the least mean cross entropy, no
weight below 0. Those of a weighted mean sum to 1: a convex problem with one optimum, to which expectation maximisation
for a mixture of fixed components climbs without a step size to choose. A product (logarithmic pool, Genest and Zidek
1986) multiplies the members' probabilities, each raised to its weight: members that see different things, a picture and
a title, say, add what each of them knows, and the weights set how sure they may be together.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.families.family import Evidence, Family, System, listed
from bookcover_core.families.registry import FAMILIES
from bookcover_core.listings.books import read_genres
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_json
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import (
    LEAST,
    STORED_SPLITS,
    predict_split,
    validation_figures,
    write_probabilities,
)

logger = logging.getLogger(__name__)

ENSEMBLE = "ensemble.json"

_PREFIX = "Ensemble-"

# What the preparation of an ensemble is called whose members' preparations differ.
_MIXED = "mixed"

_JOINED = {
    "mean": "by the mean of its members' probabilities",
    "weighted": "by a mean of its members' probabilities whose weights were fitted on the validation books",
    "product": "by the product of its members' probabilities, raised to weights fitted on the validation books",
}

# A member's weight in a product, at most: validation books that are all right would raise it without end.
_GREATEST_WEIGHT = 10.0

# Expectation maximisation ends when a step wins less than this of the mean cross entropy, or after so many steps.
_LEAST_GAIN = 1e-10
_MOST_STEPS = 10_000

Floats = npt.NDArray[np.floating]


def _find(settings: StudySettings, name: str) -> System:
    """The ensemble of that name.

    Raises:
        SettingsError: There is none, or one of its members is not trained.
    """
    found = {system.name: system for system in _all(settings)}
    if name not in found:
        raise SettingsError(
            f"the study has no ensemble called {name!r}",
            where="ensemble.methods",
            advice=f"The study's ensembles are {', '.join(found) or 'none'}.",
        )
    return found[name]


def _all(settings: StudySettings) -> list[System]:
    return [*Ensembles().systems(settings), *Fusions().systems(settings)]


def _how(ensemble: str) -> str:
    """How an ensemble joins its members; whoever joins looking and reading adds what each of them knows."""
    return ensemble.removeprefix(_PREFIX) if ensemble.startswith(_PREFIX) else "product"


def _inputs(study: Study, ensemble: str) -> Inputs:
    system = _find(study.settings, ensemble)
    _check_members(study, system)
    members = [member.model(study) for member in system.members]
    return Inputs(
        system.model(study),
        after=["split", *(member.label(study) for member in system.members)],
        given={"how": _how(ensemble), "members": " ".join(members)},
    )


@stage(
    "ensemble",
    "Combine systems",
    run_title="combine {ensemble}",
    inputs=_inputs,  # how and whom it combines stand for the settings that choose them
    parts=lambda study: [(system.name,) for system in _all(study.settings)],
    kept=True,
    apart=True,
)
def combine(study: Study, run: StageRun, ensemble: str) -> Result:  # noqa: ARG001 - its inputs say whom it joins
    """The manifest of an ensemble of the study: "Ensemble-mean", "Ensemble-weighted".

    Writes `models/<name>-<preparation>/`: ensemble.json (members with weights, digests and validation figures), and its
    probabilities for the validation and test books.
    """
    models, how = run.inputs["members"].split(), run.inputs["how"]
    folder = study.workspace.models / run.part
    predicted = {split: _Predicted.of(study, models, split) for split in STORED_SPLITS}
    validation = predicted["validation"]
    weights = np.full(len(models), 1 / len(models))
    if how == "weighted":
        weights = fit_weights(validation.of_true_genre)
    elif how == "product":
        weights = fit_product(validation.probabilities, validation.labels)
    mixed = {split: join(how, weights, each.probabilities) for split, each in predicted.items()}
    written = [
        write_probabilities(folder, split, each.keys, mixed[split].astype(np.float32))
        for split, each in predicted.items()
    ]
    figures = validation_figures(validation.labels, mixed["validation"])
    made = {label.partition("/")[2]: digest for label, digest in run.inputs.items() if "/" in label}
    told: dict[str, Any] = {
        "name": run.part,
        "how": how,
        "preparation": split_model_name(run.part)[1],
        "genres": [genre.name for genre in read_genres(study.workspace)],
        **figures,
        "members": [
            {
                "name": split_model_name(model)[0],
                "model": model,
                "weight": float(weight),
                "digest": made[model],
                **validation_figures(validation.labels, probabilities),
            }
            for model, weight, probabilities in zip(models, weights, validation.probabilities, strict=True)
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
        counts={"members": len(models), **{figure: round(value, 6) for figure, value in figures.items()}},
    )


def join(how: str, weights: npt.ArrayLike, probabilities: Floats) -> npt.NDArray[np.float64]:
    """The joined probabilities (books, genres) of the members' (members, books, genres).

    Args:
        how: mean, weighted or product.
        weights: (members,).
        probabilities: Each member's.
    """
    shares = np.asarray(weights, np.float64)
    if how != "product":
        mixed: npt.NDArray[np.float64] = np.tensordot(shares, probabilities, axes=1)
        return mixed
    return _softmax(np.tensordot(shares, _logarithms(probabilities), axes=1))


def fit_product(probabilities: Floats, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Weights (members,) of the product with the least cross entropy: none below 0, none above 10.

    Args:
        probabilities: (members, books, genres).
        labels: (books,) their genres.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - slow to import

    logs, books = _logarithms(probabilities), np.arange(len(labels))
    of_true_genre = logs[:, books, labels]

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        given = _softmax(np.tensordot(weights, logs, axes=1))
        slope = ((given * logs).sum(axis=2) - of_true_genre).mean(axis=1)
        return float(-np.log(np.maximum(given[books, labels], LEAST)).mean()), slope

    start = np.full(len(logs), 1 / len(logs))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, _GREATEST_WEIGHT)] * len(logs))
    weights: npt.NDArray[np.float64] = found.x
    return weights


def _logarithms(probabilities: Floats) -> npt.NDArray[np.float64]:
    logs: npt.NDArray[np.float64] = np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))
    return logs


def _softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found: npt.NDArray[np.float64] = exponents / exponents.sum(axis=-1, keepdims=True)
    return found


def fit_weights(of_true_genre: Floats) -> npt.NDArray[np.float64]:
    """Weights (members,) of the weighted mean with the least cross entropy: none below 0, 1 in all.

    Args:
        of_true_genre: (members, books) what each member gives the true genre of each book.
    """
    given = np.maximum(np.asarray(of_true_genre, np.float64), LEAST)
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
class _Predicted:
    """What the members predict for the books of one split."""

    keys: list[str]
    labels: npt.NDArray[np.int32]
    probabilities: npt.NDArray[np.float64]
    """(members, books, genres)."""

    @classmethod
    def of(cls, study: Study, models: list[str], split: str) -> "_Predicted":
        """The predictions of `models`, in the order of the first one's books."""
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


def _check_members(study: Study, ensemble: System) -> None:
    missing = [member.name for member in ensemble.members if not member.is_made(study)]
    if missing:
        raise StageOrderError(
            f"{' and '.join(missing)}, {'a member' if len(missing) == 1 else 'members'} of it, "
            f"{'has' if len(missing) == 1 else 'have'} not been trained with today's settings",
            where=ensemble.name,
            advice="Run the stage `train` again, or name other members in ensemble.members.",
        )


class Ensembles(Family):
    """Systems that join others of `registry.FAMILIES`."""

    name = "ensemble"
    stage = "ensemble"
    explains = False

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each method of the settings.

        Raises:
            SettingsError: `ensemble.members` names a system that the study does not train.
        """
        candidates = {system.name: system for family in FAMILIES for system in family.systems(settings)}
        if unknown := [name for name in settings.ensemble.members if name not in candidates]:
            raise SettingsError(
                f"the study trains no {unknown[0]!r} that could be a member",
                where="ensemble.members",
                advice=f"Its systems are {', '.join(candidates)}.",
            )
        default = [name for name, system in candidates.items() if system.competes]
        members = tuple(candidates[name] for name in settings.ensemble.members or default)
        names = [f"{_PREFIX}{how}" for how in settings.ensemble.methods]
        return [System(name, self, name, members) for name in names]

    def preparation(self, study: Study, system: System) -> str:
        """That of its members, "mixed" where they differ."""
        preparations = {member.preparation(study) for member in system.members}
        return preparations.pop() if len(preparations) == 1 else _MIXED

    def describe(self, settings: StudySettings, systems: Sequence[System], genres: int) -> list[str]:
        """How each joins its members' probabilities."""
        del settings, genres
        return [f"{system.title} judges {_JOINED[_how(system.name)]}." for system in systems]


class Fusions(Ensembles):
    """Systems that look and read: CoverAlone wants nothing but the cover, CoverAndTitle what a listing says as well.

    They stand beside the systems that only look, and are not compared with them for the best of a study, whose question
    is what a network makes of the picture.
    """

    name = "fusion"
    competes = False

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each name of the settings: all networks with those that read."""
        candidates = [system for family in FAMILIES for system in family.systems(settings)]
        looking = [system for system in candidates if system.competes]
        reading = {
            "CoverAlone": frozenset({Evidence.READ}),
            "CoverAndTitle": frozenset({Evidence.READ, Evidence.LISTING}),
        }
        return [
            System(name, self, name, (*looking, *(each for each in candidates if each.evidence & reading[name])))
            for name in settings.ensemble.fusions
        ]

    def describe(self, settings: StudySettings, systems: Sequence[System], genres: int) -> list[str]:
        """Whom each joins, and how."""
        del settings, genres
        return [
            f"{system.title} joins {listed([each.name for each in system.members])} {_JOINED['product']}."
            for system in systems
        ]
