"""What runs are called, where that takes more than filling in a parameter."""

from typing import Any

from bookcover_core.errors import BookcoverError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_comparison import chosen_preparation

# Names of networks, or numbers of chunks, that a run's name lists.
_MOST = 3


def training_name(settings: StudySettings, backbone: str) -> str:
    """Name of the run that trains a network; the preparation is in it where it is known by then."""
    try:
        preparation = str(chosen_preparation(Study(settings), backbone))
    except (BookcoverError, OSError, ValueError, KeyError):
        preparation = "the best preparation"
    return f"train {backbone} on {preparation} for {settings.name}"


def name_training(parameters: dict[str, Any]) -> str:
    """Name of a run of `train-backbone`."""
    return training_name(parameters["settings"], parameters["backbone"])


def name_download(parameters: dict[str, Any]) -> str:
    """Name of a run of `download-covers`."""
    chunks = parameters["chunks"]
    named = {"all": "all chunks", "next": "the next chunk"}
    what = named[chunks] if isinstance(chunks, str) else _listed("chunk", [str(number) for number in chunks])
    return f"download {what} of {parameters['settings'].name}"


def name_comparison(parameters: dict[str, Any]) -> str:
    """Name of a run of `compare-preparations`."""
    backbones = parameters["backbones"]
    by = f" by {_listed('network', backbones)}" if backbones else ""
    return f"compare preparations of {parameters['settings'].name}{by}"


def name_evaluation(parameters: dict[str, Any]) -> str:
    """Name of a run of `evaluate`."""
    names = parameters["names"]
    what = _listed("system", names) if names else "all systems"
    return f"evaluate {what} of {parameters['settings'].name}"


def name_verdict(parameters: dict[str, Any]) -> str:
    """Name of a run of `judge`."""
    covers = parameters["covers"]
    what = covers[0].rpartition("/")[2][:60] if len(covers) == 1 else f"{len(covers)} covers"
    return f"judge {what} by {parameters['settings'].name}"


def _listed(what: str, names: list[str]) -> str:
    """Some names, or how many there are where they are many."""
    if not names or len(names) > _MOST:
        return f"{len(names)} {what}s"
    return ", ".join(names) if what != "chunk" else f"{what}{'s' if len(names) > 1 else ''} {', '.join(names)}"
