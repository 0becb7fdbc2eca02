"""The preparation that each system of a study is trained on, and the names that follow from it (section 3.2).

The settings name one, or leave the choice to a comparison (`training.preparation_comparison`): one for all networks, or
one for each (`comparison.per_backbone`, section 5.4).
"""

import json
from pathlib import Path

from bookcover_core.models.backbones import pretrained
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import Preparation, StudySettings

CHOICE = "chosen.json"
"""File of a comparison's choice."""


def model_name(backbone: str, preparation: str) -> str:
    """What a backbone on a preparation is called in folders and labels: "MobileNetV2-padded"."""
    return f"{backbone}-{preparation}"


def compared_name(backbone: str, preparation: str) -> str:
    """What its features of the books that preparations are compared on alone are called: `comparison.share` below 1."""
    return f"{model_name(backbone, preparation)}/compared"


def split_model_name(name: str) -> tuple[str, str]:
    """Backbone and preparation of a model's name."""
    backbone, _, preparation = name.rpartition("-")
    return backbone, preparation


def choosing_backbone(settings: StudySettings, network: str) -> str:
    """The backbone whose comparison chooses the preparation that `network` is trained on."""
    chooses = settings.comparison.per_backbone and network in pretrained(settings)
    return network if chooses else settings.comparison.backbone


def comparing_backbones(settings: StudySettings) -> list[str]:
    """The backbones that compare the preparations for the networks of a study, in their order; each of them once."""
    return list(dict.fromkeys(choosing_backbone(settings, name) for name in settings.training.backbones))


def comparison_parts(settings: StudySettings) -> set[str]:
    """Parts of the stage that make today's choices; "" for the choice of the settings' own backbone."""
    backbones = comparing_backbones(settings)
    trials = {trial_part(settings, str(method), name) for name in backbones for method in settings.preparation.methods}
    return trials | {choice_part(settings, name) for name in backbones}


def choice_part(settings: StudySettings, backbone: str) -> str:
    """Part of the choice that `backbone` makes: its name, or "" where one chooses for all."""
    return backbone if settings.comparison.per_backbone else ""


def trial_part(settings: StudySettings, preparation: str, backbone: str) -> str:
    """Part of the short training of `backbone` on `preparation`: "padded", or "ResNeXt50-padded"."""
    return "-".join(filter(None, [choice_part(settings, backbone), preparation]))


def comparison_label(settings: StudySettings, backbone: str) -> str:
    """Label of the choice that `backbone` makes: "compare", or "compare/ResNeXt50"."""
    return "/".join(filter(None, ["compare", choice_part(settings, backbone)]))


def comparison_folder(study: Study, backbone: str) -> Path:
    """Where the comparison that `backbone` makes lies."""
    return study.workspace.comparison / choice_part(study.settings, backbone)


def chosen_preparation(study: Study, network: str | None = None) -> Preparation:
    """The preparation that `network` is trained on: the one that the settings name, or a comparison's choice.

    Without a network: what the settings' own backbone chooses. `StageOrderError` where nothing has been chosen yet.
    """
    wanted = study.settings.training.preparation
    if wanted != "best":
        return Preparation(wanted)
    backbone = choosing_backbone(study.settings, network or study.settings.comparison.backbone)
    study.manifest(comparison_label(study.settings, backbone))
    choice = json.loads((comparison_folder(study, backbone) / CHOICE).read_text("utf-8"))
    return Preparation(choice["preparation"])
