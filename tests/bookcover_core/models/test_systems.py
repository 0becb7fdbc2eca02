"""What a study's settings have trained, and what it is called."""

import pytest

from bookcover_core.errors import SettingsError
from bookcover_core.models.systems import ensembles, find_system, members, systems
from bookcover_core.settings import StudySettings


def wanted(**ensemble: object) -> StudySettings:
    return StudySettings.model_validate(
        {
            "training": {"backbones": ["MobileNetV2", "LeNet"]},
            "fine_tuning": {"blocks": 2},
            "ensemble": {"methods": ["mean", "weighted"]} | ensemble,
        }
    )


def test_systems_are_networks_those_fine_tuned_and_ensembles():
    """Each has its name, its name for people and its stage; what is trained from nothing is not fine-tuned."""
    assert [(system.name, system.title, system.stage) for system in systems(wanted())] == [
        ("MobileNetV2", "MobileNetV2", "train"),
        ("LeNet", "LeNet", "scratch"),
        ("MobileNetV2-finetuned", "MobileNetV2, fine-tuned", "finetune"),
        ("Ensemble-mean", "Ensemble, mean", "ensemble"),
        ("Ensemble-weighted", "Ensemble, weighted", "ensemble"),
    ]
    assert ensembles(wanted()) == ["Ensemble-mean", "Ensemble-weighted"]
    assert [system.name for system in systems(StudySettings())] == list(StudySettings().training.backbones)


def test_members_are_all_networks_or_those_that_are_named():
    """An ensemble is no member of another; a name that the study does not train is refused."""
    assert [system.name for system in members(wanted())] == ["MobileNetV2", "LeNet", "MobileNetV2-finetuned"]
    assert [system.name for system in members(wanted(members=["MobileNetV2-finetuned"]))] == ["MobileNetV2-finetuned"]
    with pytest.raises(SettingsError, match="Ensemble-mean"):
        members(wanted(members=["Ensemble-mean"]))


def test_a_system_is_found_by_its_name():
    """Another name is an error that names those there are."""
    assert find_system(wanted(), "LeNet").stage == "scratch"
    with pytest.raises(SettingsError, match=r"ResNeXt50.*MobileNetV2-finetuned"):
        find_system(wanted(), "ResNeXt50")
