"""What the rest of the study may ask of a family of systems, and of one system of it.

A family is a module: it says which systems the settings ask for, and declares the stage that makes one. Every system
leaves the probabilities of the validation and test books in its folder (`families.finished_system`), which evaluation,
ensembles and analysis read.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from bookcover_core.families.prediction import Predictor
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from bookcover_core.training.preparation_choice import choosing_backbone, chosen_preparation, model_name


class Evidence(StrEnum):
    """What a book can be judged by."""

    PICTURE = "picture"  # what the cover shows
    READ = "read"  # the words that are read off the cover
    LISTING = "listing"  # what a listing says, which a picture from outside comes without


@dataclass(frozen=True)
class System:
    """Something that a study trains, evaluates and reports."""

    name: str  # in folders, tables and labels: "MobileNetV2", "MobileNetV2-finetuned", "Ensemble-mean"
    family: "Family"
    network: str  # argument of its stage: the network that is trained; its own name where there is none
    members: tuple["System", ...] = ()
    """The systems that it joins, if it joins any."""

    @property
    def title(self) -> str:
        """Its name for people: "MobileNetV2, fine-tuned"."""
        return title_of(self.name)

    @property
    def stage(self) -> str:
        """The stage that makes it."""
        return self.family.stage

    @property
    def maker(self) -> Part:
        """The part that makes it, when everything before it is done."""
        return Part(find(self.stage), (self.network,))

    @property
    def competes(self) -> bool:
        """Whether it may be called the best of the study, whose question is what is made of the picture alone."""
        return self.family.competes and self.evidence == {Evidence.PICTURE}

    @property
    def evidence(self) -> frozenset[Evidence]:
        """What it judges a book by; of one that joins others, what these do."""
        return frozenset().union(*(each.evidence for each in self.members)) if self.members else self.family.evidence

    @property
    def explains(self) -> bool:
        """Whether pictures can be made of what it sees: Grad-CAM, and ideal pictures of genres."""
        return self.family.explains

    def preparation(self, study: Study) -> str:
        """The preparation of its covers."""
        return self.family.preparation(study, self)

    def model(self, study: Study) -> str:
        """Name of its folder, and of the part that makes it: "MobileNetV2-finetuned-padded"."""
        return model_name(self.name, self.preparation(study))

    def label(self, study: Study) -> str:
        """Label of the part that makes it: "finetune/MobileNetV2-finetuned-padded"."""
        return f"{self.stage}/{self.model(study)}"

    def is_made(self, study: Study) -> bool:
        """Whether it, and all that it joins, is made by today's settings, inputs and code, and sound."""
        return self.maker.is_sound(study) and all(member.is_made(study) for member in self.members)


def _network_predictor(folder: Path) -> Predictor:
    from bookcover_core.families.network_predictor import NetworkPredictor  # noqa: PLC0415 - imports TensorFlow

    return NetworkPredictor(folder)


class Family(ABC):
    """Systems that come about in one way."""

    name: ClassVar[str]
    """On cards, as `kind`."""
    stage: ClassVar[str]
    """Name of the stage that makes one of its systems, declared in its module."""
    competes: ClassVar[bool] = True
    """Whether its systems may be called the best of a study, and are members of ensembles unless others are named."""
    explains: ClassVar[bool] = True
    """Whether pictures can be made of what its systems see."""
    evidence: ClassVar[frozenset[Evidence]] = frozenset({Evidence.PICTURE})
    """What its systems judge a book by."""
    unprepared: ClassVar[str] = ""
    """What stands for the preparation, where its systems see no prepared cover."""
    monitored: ClassVar[tuple[str, str] | None] = None
    """Its systems in words, and the setting of the validation metric that selects epochs (empty: accuracy), if any."""
    predictor: Callable[[Path], Predictor] = staticmethod(_network_predictor)
    """The system in a folder, ready for covers from outside."""

    @abstractmethod
    def systems(self, settings: StudySettings) -> list[System]:
        """Its systems that the settings ask for, in their order."""

    def parts(self, study: Study, system: System) -> Iterator[Part]:
        """The parts that make one of its systems, in order; each is given when those before it are done."""
        training, per_backbone = study.settings.training, study.settings.comparison.per_backbone
        if per_backbone and training.preparation == "best" and system.network in training.backbones:
            yield from comparison_parts(study, choosing_backbone(study.settings, system.network))
        yield system.maker

    def preparation(self, study: Study, system: System) -> str:
        """The preparation of the covers that one of its systems sees."""
        return self.unprepared or str(chosen_preparation(study, system.network))


def title_of(name: str) -> str:
    """The name of a system for people: "MobileNetV2, fine-tuned", "AlexNet, from scratch"."""
    if name in SCRATCH:
        return f"{name}, from scratch"
    return name.replace("-", ", ", 1).replace("-", " ").replace("finetuned", "fine-tuned")


def feature_parts(study: Study, backbone: str, preparation: str, stage: str = "features") -> Iterator[Part]:
    """The features of a frozen network, and before them the network in int8 where they are computed so."""
    if study.settings.models.precision == "int8":
        yield Part(find("quantise"), (backbone, preparation))
    yield Part(find(stage), (backbone, preparation))


def comparison_parts(study: Study, backbone: str) -> Iterator[Part]:
    """The comparison of preparations by `backbone`."""
    stage = "compared-features" if study.settings.comparison.share < 1 else "features"
    for method in study.settings.preparation.methods:
        yield from feature_parts(study, backbone, str(method), stage)
        yield Part(find("short-training"), (str(method), backbone))
    yield Part(find("compare"), (backbone,))


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
