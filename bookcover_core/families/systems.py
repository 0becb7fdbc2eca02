"""The systems of a study: everything that its settings have made, evaluated and reported.

A system on a preparation is a model: "MobileNetV2" on padded covers is "MobileNetV2-padded".
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bookcover_core.errors import BookcoverError, SettingsError, WeightsError, choose_among
from bookcover_core.families.ensemble import Ensembles, Fusions
from bookcover_core.families.family import Family, System, comparison_parts
from bookcover_core.families.prediction import Predictor
from bookcover_core.families.registry import FAMILIES
from bookcover_core.models.encoders import find_network
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.model_cards import read_card
from bookcover_core.models.weights import weights_source
from bookcover_core.pipeline.graph import NOT_KNOWN, Part, declarations, parts
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.stored_probabilities import ValidationFigures

ALL_FAMILIES = (*FAMILIES, Ensembles(), Fusions())

STAGE_MODULES = tuple(dict.fromkeys(sys.modules[type(family).__module__] for family in ALL_FAMILIES))
"""Modules that declare the stages which make systems, in their order."""


def systems(settings: StudySettings) -> list[System]:
    """The systems of a study, in the order in which they are shown: those that compete for the best come first."""
    found = [system for family in ALL_FAMILIES for system in family.systems(settings)]
    return sorted(found, key=lambda system: not system.competes)


def find_system(settings: StudySettings, name: str) -> System:
    """The system of the study called `name`; raises `SettingsError` where it has none of that name."""
    found = {system.name: system for system in systems(settings)}
    if name not in found:
        what = f"the study has no system called {name!r}"
        advice = choose_among(name, found)
        raise SettingsError(what, where="training.backbones, fine_tuning.blocks or ensemble.methods", advice=advice)
    return found[name]


def system_to_visualise(settings: StudySettings) -> System | None:
    """The system that `visualisation.model` names, if it does; `SettingsError` where it is none that can be shown."""
    explained = {system.name: system for system in systems(settings) if system.explains}
    named = settings.visualisation.model
    if named and find_system(settings, named).name not in explained:
        what = f"{named!r} cannot be visualised: only a single network can"
        advice = choose_among(named, explained) if explained else "Leave it out: files of one's own tell no gradients."
        raise SettingsError(what, where="visualisation.model", advice=advice)
    return explained.get(named)


def check_systems(settings: StudySettings) -> None:
    """Check, before anything is fetched, the names in `settings`, and the weights that compare preparations for all.

    Raises `SettingsError` where there is no such network, ensemble member or system, `WeightsError` for the weights.
    """
    for fault in unknown_names(settings):
        raise fault
    if settings.compares_for_all:
        weights_source(settings, find_network(settings.models, settings.comparison.backbone))


def unknown_names(settings: StudySettings) -> Iterator[BookcoverError]:
    """A fault for each network, ensemble member or system to visualise that `settings` name and that does not exist."""
    networks = (*settings.training.backbones, *settings.models.weight_files, settings.comparison.backbone)
    comparing = [settings.comparison.backbone] if settings.compares_for_all else []  # no network from scratch can
    looks: list[Callable[[], object]] = [
        partial(find_network, settings.models, name, others=() if name in comparing else SCRATCH)
        for name in dict.fromkeys(networks)
        if name in comparing or name not in SCRATCH
    ]
    looks.append(partial(system_to_visualise, settings))
    for look in looks:
        try:
            look()
        except BookcoverError as error:
            yield error


def training_parts(study: Study, network: str) -> Iterator[Part]:
    """The parts that make all systems of `network`; each is given when those before it are done."""
    made = (system for system in systems(study.settings) if system.network == network)
    given = set()
    for part in (part for system in made for part in system.family.parts(study, system)):
        if part not in given:
            given.add(part)
            yield part


def study_parts(study: Study) -> Iterator[Part]:
    """Every part of a study, from its listings to its report; each is given when those before it are done."""
    declared = declarations()
    trains = next(place for place, each in enumerate(declared) if each.step == "train")
    scores = next(place for place, each in enumerate(declared) if each.name == "evaluate")
    for each in declared[:trains]:
        yield from parts(study, each.name)
    if study.settings.compares_for_all:
        yield from comparison_parts(study, study.settings.comparison.backbone)
    for network in study.settings.training.backbones:
        yield from training_parts(study, network)
    for system in untrained_systems(study.settings):
        yield from system.family.parts(study, system)
    for each in declared[scores:]:
        yield from parts(study, each.name)


def untrained_systems(settings: StudySettings) -> list[System]:
    """The systems that no network is trained for, in the order in which they are made: after all trainings."""
    made = (system for family in ALL_FAMILIES for system in family.systems(settings))
    return [system for system in made if system.network not in settings.training.backbones]


def network_is_made(study: Study, network: str) -> bool:
    """Whether all systems of `network` are made, and every part before them is sound."""
    return are_sound(study, training_parts(study, network))


def validation_figures_of(folder: Path) -> ValidationFigures:
    """What the system in `folder` makes of the validation books; raises `WeightsError` as `read_card` does."""
    return ValidationFigures.of(read_card(folder).metrics)


def load_predictor(folder: Path) -> Predictor:
    """The system in `folder` that has a card, ready for covers from outside."""
    return family_of(read_card(folder).kind).predictor(folder)


def family_of(kind: str) -> Family:
    """The family that a card names; raises `WeightsError` where there is none."""
    for family in ALL_FAMILIES:
        if family.name == kind:
            return family
    what = f"its card is of an unknown kind of system, {kind!r}"
    raise WeightsError(what, where="card.json", advice="Train the system again.")


def are_sound(study: Study, parts: Iterator[Part]) -> bool:
    """Whether all of these parts are known and sound."""
    try:
        return all(part.is_sound(study) for part in parts)
    except NOT_KNOWN:  # a part is not known before an earlier one is done
        return False
