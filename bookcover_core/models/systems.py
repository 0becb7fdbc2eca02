"""The systems of a study: everything that its settings have trained, and that is then evaluated.

A system on a preparation is a model: "MobileNetV2" on padded covers is "MobileNetV2-padded", the name of its folder
and of the last part of its stages' labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bookcover_core.errors import SettingsError
from bookcover_core.settings import StudySettings

# Networks that are trained from nothing, the baselines of Iwana et al. 2016: `models.lenet_alexnet` builds them.
SCRATCH_NETWORKS = ("LeNet", "AlexNet")

_FINE_TUNED = "-finetuned"
_ENSEMBLE = "Ensemble-"


class Kind(StrEnum):
    """How a system comes about. The value is for people."""

    FROZEN = "frozen"
    """A frozen ImageNet network with a trained head."""
    FINE_TUNED = "fine-tuned"
    """The same, its top blocks trained too."""
    SCRATCH = "scratch"
    """A network trained from nothing."""
    ENSEMBLE = "ensemble"
    """Several systems that judge together."""


# The stage that makes a system of each kind.
_STAGES = {Kind.FROZEN: "train", Kind.FINE_TUNED: "finetune", Kind.SCRATCH: "scratch", Kind.ENSEMBLE: "ensemble"}


@dataclass(frozen=True)
class System:
    """Something that a study trains, and that judges covers."""

    name: str
    """In folders, tables and labels: "MobileNetV2", "MobileNetV2-finetuned", "LeNet", "Ensemble-mean"."""
    kind: Kind
    network: str
    """The network that is trained; of an ensemble, how its members are joined."""

    @property
    def stage(self) -> str:
        """The stage that makes it."""
        return _STAGES[self.kind]

    @property
    def title(self) -> str:
        """Its name for people: "MobileNetV2, fine-tuned"."""
        return title_of(self.name)


def title_of(name: str) -> str:
    """The name of a system for people: "MobileNetV2, fine-tuned", "Ensemble, weighted"."""
    if name.startswith(_ENSEMBLE):
        return f"Ensemble, {name.removeprefix(_ENSEMBLE)}"
    if name.endswith(_FINE_TUNED):
        return f"{name.removesuffix(_FINE_TUNED)}, fine-tuned"
    return name


def fine_tuned(backbone: str) -> System:
    """The system that fine-tuning `backbone` makes."""
    return System(f"{backbone}{_FINE_TUNED}", Kind.FINE_TUNED, backbone)


def systems(settings: StudySettings) -> list[System]:
    """The systems of a study, in the order in which they are shown: networks, those fine-tuned, ensembles."""
    return [*_networks(settings), *(System(name, Kind.ENSEMBLE, how) for name, how in _ensembles(settings).items())]


def pretrained(settings: StudySettings) -> list[str]:
    """The study's backbones that start from ImageNet's weights."""
    return [name for name in settings.training.backbones if name not in SCRATCH_NETWORKS]


def ensembles(settings: StudySettings) -> list[str]:
    """Names of the ensembles of a study."""
    return list(_ensembles(settings))


def members(settings: StudySettings) -> list[System]:
    """The systems that the study's ensembles are made of.

    Raises:
        SettingsError: `ensemble.members` names one that the study does not train.
    """
    candidates = {system.name: system for system in _networks(settings)}
    if unknown := [name for name in settings.ensemble.members if name not in candidates]:
        raise SettingsError(
            f"the study trains no {unknown[0]!r} that could be a member",
            where="ensemble.members",
            advice=f"Its systems are {', '.join(candidates)}.",
        )
    return [candidates[name] for name in settings.ensemble.members or candidates]


def find_system(settings: StudySettings, name: str) -> System:
    """The system of the study called `name`.

    Raises:
        SettingsError: The study has none of that name.
    """
    found = {system.name: system for system in systems(settings)}
    if name not in found:
        raise SettingsError(
            f"the study has no system called {name!r}",
            where="training.backbones, fine_tuning.blocks or ensemble.methods",
            advice=f"Its systems are {', '.join(found)}.",
        )
    return found[name]


def _ensembles(settings: StudySettings) -> dict[str, str]:
    """How the members of each ensemble are joined, by its name."""
    return {f"{_ENSEMBLE}{how}": how for how in settings.ensemble.methods}


def _networks(settings: StudySettings) -> Iterator[System]:
    """The systems that are networks."""
    for name in settings.training.backbones:
        yield System(name, Kind.SCRATCH if name in SCRATCH_NETWORKS else Kind.FROZEN, name)
    if settings.fine_tuning.blocks:
        for name in settings.training.backbones:
            if name not in SCRATCH_NETWORKS:
                yield fine_tuned(name)
