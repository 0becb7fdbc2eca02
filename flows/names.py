"""What runs are called, where that takes more than filling in parameters."""

from collections.abc import Sequence
from typing import Any

from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.graph import NOT_KNOWN
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.settings.short_form import study_name
from bookcover_core.training.preparation_choice import chosen_preparation
from flows.studies import name_of, settings_of

# Names of networks or systems that a run's name lists.
_MOST = 3


def training_name(settings: StudySettings, backbone: str) -> str:
    """Name of the run that trains a network; the preparation is in it where it is known by then."""
    try:
        preparation = str(chosen_preparation(Study(settings), backbone))
    except NOT_KNOWN:
        preparation = "the best preparation"
    return f"train {backbone} on {preparation} for {settings.name}"


def name_begun_study(parameters: dict[str, Any]) -> str:
    """Name of a run of `study`."""
    return f"study {study_name(parameters['name'], parameters['books'])}"


def name_study_of_settings(parameters: dict[str, Any]) -> str:
    """Name of a run of `study-every-setting`."""
    settings = parameters["settings"]
    name = settings.name if isinstance(settings, StudySettings) else settings.get("name", StudySettings().name)
    return f"study {name}"


def name_training(parameters: dict[str, Any]) -> str:
    """Name of a run of `train-backbone`."""
    try:
        settings = settings_of(parameters["study"])
    except BookcoverError:
        return f"train {parameters['backbone']} for {name_of(parameters['study'])}"
    return training_name(settings, parameters["backbone"])


def name_download(parameters: dict[str, Any]) -> str:
    """Name of a run of `download-covers`."""
    named = {"all": "all chunks", "next": "the next chunk"}
    chunks = parameters["chunks"].strip()
    what = named.get(chunks, f"chunk{'' if chunks.isdecimal() else 's'} {chunks}")
    return f"download {what} of {name_of(parameters['study'])}"


def name_comparison(parameters: dict[str, Any]) -> str:
    """Name of a run of `compare-preparations`."""
    backbones = parameters["backbones"]
    by = f" by {_listed('network', backbones)}" if backbones else ""
    return f"compare preparations of {name_of(parameters['study'])}{by}"


def name_evaluation(parameters: dict[str, Any]) -> str:
    """Name of a run of `evaluate`."""
    names = parameters["names"]
    what = _listed("system", names) if names else "all systems"
    return f"evaluate {what} of {name_of(parameters['study'])}"


def name_verdict(parameters: dict[str, Any]) -> str:
    """Name of a run of `judge`."""
    covers = parameters["covers"]
    what = covers[0].rpartition("/")[2][:60] if len(covers) == 1 else f"{len(covers)} covers"
    return f"judge {what} by {name_of(parameters['study'])}"


def _listed(what: str, names: Sequence[str]) -> str:
    """Some names, or how many there are where they are many."""
    return f"{len(names)} {what}s" if len(names) > _MOST else ", ".join(names)
