"""What a study's settings have trained, and what it is called."""

import pytest

from bookcover_core.errors import SettingsError, WeightsError
from bookcover_core.families.systems import check_systems, find_system, systems, unknown_names
from bookcover_core.settings import StudySettings


def wanted(**ensemble: object) -> StudySettings:
    return StudySettings.model_validate(
        {
            "training": {"backbones": ["MobileNetV2", "LeNet"]},
            "fine_tuning": {"blocks": 2},
            "baselines": {"names": []},
            "ensemble": {"methods": ["mean", "weighted"]} | ensemble,
        }
    )


def test_systems_are_networks_those_fine_tuned_and_ensembles():
    """Each has its name, its name for people and its stage; what is trained from scratch is not fine-tuned."""
    assert [(system.name, system.title, system.stage) for system in systems(wanted())] == [
        ("MobileNetV2", "MobileNetV2", "train"),
        ("LeNet", "LeNet, from scratch", "scratch"),
        ("MobileNetV2-finetuned", "MobileNetV2, fine-tuned", "finetune"),
        ("Ensemble-mean", "Ensemble, mean", "ensemble"),
        ("Ensemble-weighted", "Ensemble, weighted", "ensemble"),
    ]
    assert [system.name for system in systems(StudySettings()) if system.competes] == list(
        StudySettings().training.backbones
    )


def members(settings: StudySettings) -> list[str]:
    return [member.name for member in find_system(settings, "Ensemble-mean").members]


def test_members_are_all_networks_or_those_that_are_named():
    """An ensemble is no member of another; a name that the study does not train is refused."""
    assert members(wanted()) == ["MobileNetV2", "LeNet", "MobileNetV2-finetuned"]
    assert members(wanted(members=["MobileNetV2-finetuned"])) == ["MobileNetV2-finetuned"]
    with pytest.raises(SettingsError, match="Ensemble-mean"):
        systems(wanted(members=["Ensemble-mean"]))


@pytest.mark.parametrize("members", [["MobileNetV2", "Title"], ["CoverText", "Title"], ["Baseline-colour"]])
def test_what_judges_by_more_than_the_picture_is_never_the_best_of_a_study(members):
    """The study asks what a network makes of the picture: an ensemble that reads, or never looks, is no answer."""
    settings = StudySettings.model_validate(
        {"text": {"systems": ["Title", "CoverText"]}, "ensemble": {"methods": ["mean"], "members": members}}
    )
    assert not find_system(settings, "Ensemble-mean").competes
    assert find_system(wanted(), "Ensemble-mean").competes


def test_a_system_is_found_by_its_name():
    """Another name is an error that names those there are."""
    assert find_system(wanted(), "LeNet").stage == "scratch"
    with pytest.raises(SettingsError, match=r"ResNeXt50.*MobileNetV2-finetuned"):
        find_system(wanted(), "ResNeXt50")
    with pytest.raises(SettingsError, match=r"Did you mean MobileNetV2"):
        find_system(wanted(), "mobilenet_v2")
    with pytest.raises(SettingsError, match=r"member.*Did you mean LeNet\?"):
        systems(wanted(members=["lenett"]))


@pytest.mark.parametrize("name", ["Ensemble-mean", "Title", "Baseline-colour"])
def test_what_cannot_be_visualised_is_told_before_anything_is_run(name):
    """The networks that can are named: the study would stop at its last stage but one."""
    settings = StudySettings.model_validate(
        {"text": {"systems": ["Title"]}, "ensemble": {"methods": ["mean"]}, "visualisation": {"model": name}}
    )
    [fault] = unknown_names(settings)
    assert f"{name!r} cannot be visualised" in str(fault)
    assert "Choose among MobileNetV2, InceptionResNetV2, ResNeXt50." in str(fault)


def settings(**groups: object) -> StudySettings:
    return StudySettings.model_validate(groups)


def test_networks_and_members_are_checked_before_anything_is_fetched():
    """LeNet is a network too; one that nobody knows is named, and so is a member that the study does not train."""
    check_systems(settings(training={"backbones": ["LeNet", "MobileNetV2"]}, ensemble={"members": ["LeNet"]}))
    with pytest.raises(SettingsError, match="VGG"):
        check_systems(settings(training={"backbones": ["LeNet", "VGG"]}))
    with pytest.raises(SettingsError, match="AlexNet"):
        check_systems(settings(training={"backbones": ["LeNet"]}, ensemble={"members": ["AlexNet"]}))


def test_a_network_from_scratch_compares_no_preparations():
    """It has no features to train heads on; where nothing is compared for all, the setting is not looked at."""
    comparing = {"comparison": {"backbone": "LeNet"}, "training": {"backbones": ["LeNet"]}}
    with pytest.raises(SettingsError, match="there is no backbone called 'LeNet'"):
        check_systems(StudySettings.model_validate(comparing))
    comparing["training"]["preparation"] = "padded"
    check_systems(StudySettings.model_validate(comparing))


def test_only_the_network_that_compares_for_all_must_have_its_weights():
    """Without it nothing can be trained; a network that compares for itself keeps nobody else waiting."""
    missing = {"models": {"weight_files": {"MobileNetV2": "gone.h5"}}}
    with pytest.raises(WeightsError, match=r"gone\.h5"):
        check_systems(settings(**missing))
    check_systems(settings(**missing, comparison={"per_backbone": True}))
    check_systems(settings(**missing, training={"preparation": "padded"}))


def test_a_name_that_is_wrong_once_is_told_once():
    """An ensemble's members are looked at whichever system is asked for."""
    settings = wanted(members=["Nobody"])
    settings = settings.model_copy(
        update={"visualisation": settings.visualisation.model_copy(update={"model": "MobileNetV2"})}
    )
    assert ["Nobody" in str(fault) for fault in unknown_names(settings)] == [True]
