"""What is measured: systems that the project's stages train, ablations, and mixtures of both."""

from dataclasses import dataclass, field
from typing import Any

from inputs import BACKBONE, Features, preprocessed, scaled, with_input, with_interpolation

from bookcover_core.settings import Interpolation

BASELINE = "frozen"
FINE_TUNED = "MobileNetV2-finetuned"


@dataclass(frozen=True)
class Variant:
    """A system as the project's stages train it."""

    name: str
    part: str
    """The part of the table that it stands in."""
    says: str
    """What is other than in the dissertation."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings, by dotted name."""
    system: str = BACKBONE
    """Which of the study's systems is measured."""


@dataclass(frozen=True)
class Ablation:
    """The dissertation's head on features that were computed in another way."""

    name: str
    part: str
    says: str
    features: Features


@dataclass(frozen=True)
class Mixture:
    """Systems that judge together."""

    name: str
    part: str
    says: str
    members: tuple[str, ...]
    fitted: bool = False
    """Whether the weights are fitted on the validation books; otherwise all are alike."""


_DEEP = {"head.hidden_units": [512], "head.dropout": 0.5, "training.weight_decay": 0.3}
_BY_LOSS = {"training.monitor": "loss"}
_TUNED = {
    "fine_tuning.blocks": 3,
    "fine_tuning.learning_rate": 0.00003,
    "fine_tuning.epochs": 4,
    "fine_tuning.patience": 2,
    "fine_tuning.monitor": "accuracy",
}
_SEARCHED = {"search.trials": 12, "search.hidden_units": [0, 256, 512]}

VARIANTS = (
    Variant(BASELINE, "dissertation", "MobileNetV2 frozen, padded, one layer, Adam 0.001, batches of 32"),
    Variant("frozen, seed 1", "dissertation", "another seed: how much chance moves", {"seed": 1}),
    Variant("frozen, seed 2", "dissertation", "another seed: how much chance moves", {"seed": 2}),
    Variant("noprep", "preparation", "scaled straight to the square", {"training.preparation": "noprep"}),
    Variant("cropped", "preparation", "the centre square", {"training.preparation": "cropped"}),
    Variant(
        "longer", "section 5.4", "1,000 epochs, patience 100", {"training.epochs": 1_000, "training.patience": 100}
    ),
    Variant("wame", "section 5.4", "WAME at 0.0003", {"training.optimizer": "wame", "training.learning_rate": 0.0003}),
    Variant(
        "shape",
        "section 5.4",
        "aspect ratio, width, height told",
        {"head.extra_inputs": ["aspect_ratio", "width", "height"]},
    ),
    Variant("colour", "section 5.4", "mean colour told", {"head.extra_inputs": ["mean_colour"]}),
    Variant(
        "deeper", "section 5.4", "a hidden layer of 512, dropout 0.5", {"head.hidden_units": [512], "head.dropout": 0.5}
    ),
    Variant(
        "two layers",
        "section 5.4",
        "hidden layers of 512 and 256, dropout 0.5",
        {"head.hidden_units": [512, 256], "head.dropout": 0.5},
    ),
    Variant("dropout", "section 5.4", "dropout 0.5 on the features", {"head.dropout": 0.5}),
    Variant(
        "decayed",
        "section 5.4",
        "weight decay 3, batches of 128",
        {"training.weight_decay": 3, "training.batch_size": 128},
    ),
    Variant("deeper, decayed", "section 5.4", "a hidden layer of 512, dropout 0.5, weight decay 0.3", _DEEP),
    Variant("noprep, deeper", "section 5.4", "the same on NoPrep", _DEEP | {"training.preparation": "noprep"}),
    Variant("cropped, deeper", "section 5.4", "the same on Cropped", _DEEP | {"training.preparation": "cropped"}),
    Variant(
        "searched",
        "section 5.4",
        "12 heads tried, the best on validation kept",
        _SEARCHED,
    ),
    Variant("frozen, by loss", "section 5.4", "as frozen, the epoch with the least validation loss kept", _BY_LOSS),
    Variant("deeper, by loss", "section 5.4", "as deeper, decayed, with the least validation loss", _DEEP | _BY_LOSS),
    Variant("searched, by loss", "section 5.4", "as searched, with the least validation loss", _SEARCHED | _BY_LOSS),
    Variant("fine-tuned", "section 5.4", "from there: 3 top blocks trained too, augmented", _DEEP | _TUNED, FINE_TUNED),
    Variant(
        "fine-tuned, not augmented",
        "section 5.4",
        "the same, not augmented",
        _DEEP | _TUNED | {"fine_tuning.augment": False},
        FINE_TUNED,
    ),
    Variant(
        "fine-tuned, by loss",
        "section 5.4",
        "augmented, 10 epochs at most, the one with the least validation loss kept",
        _DEEP | _TUNED | {"fine_tuning.monitor": "loss", "fine_tuning.epochs": 10, "fine_tuning.patience": 3},
        FINE_TUNED,
    ),
    Variant(
        "LeNet", "from nothing", "LeNet, 30,000 steps at most, patience 20", {"training.backbones": ["LeNet"]}, "LeNet"
    ),
    Variant(
        "AlexNet",
        "from nothing",
        "AlexNet, 600 steps",
        {"training.backbones": ["AlexNet"], "scratch.alexnet_steps": 600},
        "AlexNet",
    ),
)

ABLATIONS = (
    Ablation("input 0..255", "wrong input", "pixels as they are", with_input(scaled(1.0, 0.0))),
    Ablation("input 0..1", "wrong input", "pixels divided by 255", with_input(scaled(1 / 255, 0.0))),
    Ablation("input torch", "wrong input", "ResNeXt50's mode", with_input(preprocessed("torch"))),
    Ablation("input caffe", "wrong input", "ResNet50's mode", with_input(preprocessed("caffe"))),
    *(
        Ablation(f"scaled {kind}", "preparation", f"{kind} in place of bicubic", with_interpolation(kind))
        for kind in (Interpolation.NEAREST, Interpolation.BILINEAR, Interpolation.LANCZOS)
    ),
)

_PREPARATIONS = (BASELINE, "noprep", "cropped")
_DEEPER = ("deeper, decayed", "noprep, deeper", "cropped, deeper")
_NINE = (*_PREPARATIONS, "shape", "decayed", "deeper", *_DEEPER)
MIXTURES = (
    Mixture(
        "three seeds", "ensembles", "mean of three frozen networks", (BASELINE, "frozen, seed 1", "frozen, seed 2")
    ),
    Mixture("three preparations", "ensembles", "mean of padded, noprep, cropped", _PREPARATIONS),
    Mixture(
        "three preparations, deeper",
        "ensembles",
        "mean of padded, noprep, cropped, each with the deeper, decayed head",
        _DEEPER,
    ),
    Mixture(
        "all, weighted",
        "ensembles",
        "weights fitted on validation books",
        _NINE,
        fitted=True,
    ),
    Mixture(
        "all and fine-tuned, weighted",
        "ensembles",
        "the same with the fine-tuned network of the least loss",
        (*_NINE, "fine-tuned, by loss"),
        fitted=True,
    ),
)
