"""What is measured: systems as the project's stages make them, and mixtures of them."""

from dataclasses import dataclass, field
from typing import Any, Literal

NETWORK, ENCODER = "MobileNetV2", "EfficientNet_lite2"
BASELINE = "frozen"


@dataclass(frozen=True, eq=False)
class Variant:
    """A system of a study."""

    name: str
    part: str
    """The part of the table that it stands in."""
    says: str
    """What is other than in the dissertation."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Settings, by dotted name. Variants with the same are systems of one study."""
    system: str = NETWORK
    """Which of the study's systems is measured."""


@dataclass(frozen=True)
class Mixture:
    """Systems that judge together, of several studies."""

    name: str
    part: str
    says: str
    members: tuple[str, ...]
    how: Literal["mean", "weighted", "product"] = "mean"
    """How `families.ensemble` joins them; weights are fitted on the validation books."""


_DEEP = {"head.hidden_units": [512], "head.dropout": 0.5, "training.weight_decay": 0.3}
_BY_LOSS = {"training.monitor": "loss"}
_TUNED = {
    "fine_tuning.blocks": 3,
    "fine_tuning.learning_rate": 0.00003,
    "fine_tuning.monitor": "loss",
    "fine_tuning.epochs": 10,
    "fine_tuning.patience": 3,
}
_SEARCHED = {"search.trials": 12, "search.hidden_units": [0, 256, 512]}
_BOTH = _DEEP | {"training.backbones": [NETWORK, ENCODER]}
_NOPREP, _CROPPED = {"training.preparation": "noprep"}, {"training.preparation": "cropped"}
_READ = _BOTH | {
    "text.strengths": [16],
    "text.systems": ["Title", "TitleAuthor", "CoverText"],
    "ensemble.fusions": ["CoverAlone", "CoverAndTitle"],
    "ensemble.methods": ["product"],
    "ensemble.members": [NETWORK, "CoverText"],
}
# By how the table calls it: the folder of a sentence encoder, which the command line names.
_MEANING = {"MiniLM": "all-MiniLM-L6-v2", "MPNet": "all-mpnet-base-v2"}


def _seen_as(scaling: str) -> dict[str, Any]:
    """MobileNetV2 whose pixels are scaled for another network."""
    return {"training.backbones": [f"scaled_{scaling}"]}


VARIANTS = (
    Variant(BASELINE, "dissertation", "MobileNetV2 frozen, padded, one layer, Adam 0.001, batches of 32"),
    Variant("deeper, decayed", "section 5.4", "a hidden layer of 512, dropout 0.5, weight decay 0.3", _DEEP),
    Variant("EfficientNet-lite2", "section 5.4", "another network, with the deeper, decayed head", _BOTH, ENCODER),
    Variant("CoverText", "words", "the words read off the cover", _READ, "CoverText"),
    Variant("Title", "words", "the title as it is printed", _READ, "Title"),
    Variant("TitleAuthor", "words", "title and author as they are printed", _READ, "TitleAuthor"),
    Variant("MobileNetV2, CoverText", "words and picture", "one network and the words read", _READ, "Ensemble-product"),
    Variant("CoverAlone", "words and picture", "both networks and the words read", _READ, "CoverAlone"),
    Variant(
        "CoverAndTitle",
        "words and picture",
        "the same with title and author as they are printed",
        _READ,
        "CoverAndTitle",
    ),
    *(
        Variant(
            f"{name}, {meaning}",
            part,
            f"the same, n-grams and meaning: {says}",
            _READ | {"text.strengths": [4, 16], "text.encoder": folder},
            name,
        )
        for meaning, folder in _MEANING.items()
        for name, part, says in (
            ("CoverText", "words", "the words read off the cover"),
            ("Title", "words", "the title as it is printed"),
            ("TitleAuthor", "words", "title and author as they are printed"),
            ("CoverAlone", "words and picture", "both networks and the words read"),
            ("CoverAndTitle", "words and picture", "the same with title and author as they are printed"),
        )
    ),
    Variant("noprep, deeper", "section 5.4", "deeper, decayed on NoPrep", _DEEP | _NOPREP),
    Variant("cropped, deeper", "section 5.4", "deeper, decayed on Cropped", _DEEP | _CROPPED),
    Variant("EfficientNet-lite2, noprep", "section 5.4", "on NoPrep", _BOTH | _NOPREP, ENCODER),
    Variant("EfficientNet-lite2, cropped", "section 5.4", "on Cropped", _BOTH | _CROPPED, ENCODER),
    Variant("frozen, seed 1", "dissertation", "another seed, and other folds: how much chance moves", {"seed": 1}),
    Variant("frozen, seed 2", "dissertation", "another seed, and other folds: how much chance moves", {"seed": 2}),
    Variant("noprep", "preparation", "scaled straight to the square", _NOPREP),
    Variant("cropped", "preparation", "the centre square", _CROPPED),
    Variant("longer", "section 5.4", "patience 100", {"training.epochs": 1_000, "training.patience": 100}),
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
    Variant("dropout", "section 5.4", "dropout 0.5 on the features", {"head.dropout": 0.5}),
    Variant(
        "decayed",
        "section 5.4",
        "weight decay 3, batches of 128",
        {"training.weight_decay": 3, "training.batch_size": 128},
    ),
    Variant("frozen, by loss", "section 5.4", "as frozen, the epoch with the least validation loss kept", _BY_LOSS),
    Variant("deeper, by loss", "section 5.4", "as deeper, decayed, with the least validation loss", _DEEP | _BY_LOSS),
    *(
        Variant(f"input {says}", "wrong input", f"pixels {what}", _seen_as(scaling), f"scaled_{scaling}")
        for says, what, scaling in (
            ("0..255", "as they are", "none"),
            ("0..1", "divided by 255", "unit"),
            ("torch", "in ResNeXt50's mode", "torch"),
        )
    ),
    *(
        Variant(f"scaled {kind}", "preparation", f"{kind} in place of bicubic", {"preparation.interpolation": kind})
        for kind in ("nearest", "bilinear", "lanczos")
    ),
    Variant(
        "two layers",
        "section 5.4",
        "hidden layers of 512 and 256, dropout 0.5",
        {"head.hidden_units": [512, 256], "head.dropout": 0.5},
    ),
    Variant("searched", "section 5.4", "12 heads tried, the best on validation kept", _SEARCHED),
    Variant("searched, by loss", "section 5.4", "as searched, with the least validation loss", _SEARCHED | _BY_LOSS),
    Variant(
        "fine-tuned, by loss",
        "section 5.4",
        "3 top blocks trained too, augmented, the epoch with the least validation loss kept",
        _DEEP | _TUNED,
        f"{NETWORK}-finetuned",
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

_DEEPER = ("deeper, decayed", "noprep, deeper", "cropped, deeper")
_SIX = (*_DEEPER, "EfficientNet-lite2", "EfficientNet-lite2, noprep", "EfficientNet-lite2, cropped")
MIXTURES = (
    Mixture("three preparations", "ensembles", "mean of padded, noprep, cropped", (BASELINE, "noprep", "cropped")),
    Mixture("three preparations, deeper", "ensembles", "the same with the deeper, decayed head", _DEEPER),
    Mixture("two networks", "ensembles", "mean of both, deeper, decayed", ("deeper, decayed", "EfficientNet-lite2")),
    Mixture("two networks, three preparations", "ensembles", "mean of all six", _SIX),
    Mixture(
        "CoverAlone, three preparations",
        "words and picture",
        "two networks on three preparations, and the words read",
        (*_SIX, "CoverText"),
        "product",
    ),
    Mixture(
        "CoverAndTitle, three preparations",
        "words and picture",
        "the same with title and author as they are printed",
        (*_SIX, "CoverText", "Title", "TitleAuthor"),
        "product",
    ),
    *(
        Mixture(f"{name}, {encoder}, three preparations", "words and picture", says, (*_SIX, *readers), "product")
        for encoder in _MEANING
        for name, says, readers in (
            (
                "CoverAlone",
                "two networks on three preparations, and n-grams and meaning of the words read",
                (f"CoverText, {encoder}",),
            ),
            (
                "CoverAndTitle",
                "the same with title and author as they are printed",
                tuple(f"{reader}, {encoder}" for reader in ("CoverText", "Title", "TitleAuthor")),
            ),
        )
    ),
    Mixture(
        "all, weighted",
        "ensembles",
        "nine heads of MobileNetV2, weights fitted on validation books",
        (BASELINE, "noprep", "cropped", "shape", "decayed", "deeper", *_DEEPER),
        "weighted",
    ),
)
