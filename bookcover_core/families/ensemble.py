"""Ensembles: several systems that predict together (section 5.4); `families.joining` says how."""

import logging
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import SettingsError, StageOrderError, choose_among
from bookcover_core.families.family import Evidence, Family, System, listed
from bookcover_core.families.finished_system import finish_rule
from bookcover_core.families.joining import fit_product, fit_weights, join
from bookcover_core.families.registry import FAMILIES
from bookcover_core.models.model_cards import Member
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.settings import StudySettings
from bookcover_core.training.stored_probabilities import read_probabilities, validation_figures

logger = logging.getLogger(__name__)

_PREFIX = "Ensemble-"


def _all(settings: StudySettings) -> list[System]:
    return [*Ensembles().systems(settings), *Fusions().systems(settings)]


def _find(study: Study, ensemble: str) -> System:
    found = {system.name: system for system in _all(study.settings)}
    if ensemble not in found:
        what = f"the study has no ensemble called {ensemble!r}"
        advice = f"The study's ensembles are {', '.join(found) or 'none'}."
        raise SettingsError(what, where="ensemble.methods", advice=advice)
    return found[ensemble]


def _check_members(study: Study, ensemble: str) -> None:
    if missing := [member.name for member in _find(study, ensemble).members if not member.is_made(study)]:
        what = f"not all of its members are trained with today's settings: {listed(missing)}"
        advice = "Run the stage `train` again, or name other members in ensemble.members."
        raise StageOrderError(what, where=ensemble, advice=advice)


def _inputs(study: Study, ensemble: str) -> Inputs:
    system = _find(study, ensemble)
    members = [member.model(study) for member in system.members]
    # Whoever joins looking and reading adds what each of them knows.
    how = ensemble.removeprefix(_PREFIX) if ensemble.startswith(_PREFIX) else "product"
    return Inputs(
        system.model(study),
        after=["split", *(member.label(study) for member in system.members)],
        given={"how": how, "members": " ".join(members)},
    )


@stage(
    "ensemble",
    "Combine systems",
    run_title="combine {ensemble}",
    inputs=_inputs,  # how and whom it combines stand for the settings that choose them
    parts=lambda study: [(system.name,) for system in _all(study.settings)],
    fetch=_check_members,  # of those of an earlier run it is known what becomes of it, but none is made of them
    kept=True,
    apart=True,
)
def combine(study: Study, run: StageRun, ensemble: str) -> Result:
    """An ensemble of the study, such as "Ensemble-mean": its probabilities, and a card that names its members."""
    models, how = run.inputs["members"].split(), run.inputs["how"]
    books = read_table(study.workspace.splits, ("key", "label", "split"), label="int32")
    held = books[books["split"] == "validation"]
    labels, known = held["label"].to_numpy(), _predicted(study, models, "validation", held["key"])
    weights = np.full(len(models), 1 / len(models))
    if how == "weighted":
        weights = fit_weights(known[:, np.arange(len(labels)), labels])
    elif how == "product":
        weights = fit_product(known, labels)
    made = {label.partition("/")[2]: digest for label, digest in run.inputs.items() if "/" in label}
    members = [
        Member(model=model, weight=float(weight), digest=made[model], **validation_figures(labels, own))
        for model, weight, own in zip(models, weights, known, strict=True)
    ]
    logger.info("%s: weights %s", run.label, ", ".join(f"{each.model} {each.weight:.3f}" for each in members))
    return finish_rule(
        run,
        books,
        lambda split, held: join(how, weights, _predicted(study, models, split, held["key"])),
        kind="ensemble" if ensemble.startswith(_PREFIX) else "fusion",
        how=how,
        members=members,
        metrics=validation_figures(labels, join(how, weights, known)),
        counts={"members": len(models)},
    )


def _predicted(study: Study, models: list[str], split: str, keys: Iterable[str]) -> npt.NDArray[np.float64]:
    """(members, books, genres) what each of `models` predicts for the books of `keys`."""
    found = []
    for model in models:
        own, probabilities = read_probabilities(study.workspace.models / model, split)
        place = {key: row for row, key in enumerate(own)}
        found.append(probabilities[[place[key] for key in keys]])
    return np.stack(found).astype(np.float64)


class Ensembles(Family):
    """Systems that join others of `registry.FAMILIES`."""

    name = "ensemble"
    stage = "ensemble"
    explains = False

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each method of the settings; `SettingsError` where a member is no system of the study."""
        candidates = {system.name: system for family in FAMILIES for system in family.systems(settings)}
        if unknown := [name for name in settings.ensemble.members if name not in candidates]:
            what = f"the study trains no {unknown[0]!r} that could be a member"
            raise SettingsError(what, where="ensemble.members", advice=choose_among(unknown[0], candidates))
        default = [name for name, system in candidates.items() if system.competes]
        members = tuple(candidates[name] for name in settings.ensemble.members or default)
        names = [f"{_PREFIX}{how}" for how in settings.ensemble.methods]
        return [System(name, self, name, members) for name in names]

    def preparation(self, study: Study, system: System) -> str:
        """That of its members, "mixed" where they differ."""
        preparations = {member.preparation(study) for member in system.members}
        return preparations.pop() if len(preparations) == 1 else "mixed"


class Fusions(Ensembles):
    """Systems that look and read: CoverAlone wants nothing but the cover, CoverAndTitle what a listing says as well.

    They do not compete for the best of a study, whose question is what a network makes of the picture.
    """

    name = "fusion"
    competes = False

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each name of the settings: all networks with those that read."""
        candidates = [system for family in FAMILIES for system in family.systems(settings)]
        looking = [system for system in candidates if system.competes]
        reading = {"CoverAlone": {Evidence.READ}, "CoverAndTitle": {Evidence.READ, Evidence.LISTING}}
        return [
            System(name, self, name, (*looking, *(each for each in candidates if each.evidence & reading[name])))
            for name in settings.ensemble.fusions
        ]
