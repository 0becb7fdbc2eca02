"""What the report gathers: today's networks, and why others or the published numbers stand aside."""

from pathlib import Path

from bookcover_core.report.findings import gather
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from tests.bookcover_core.report.specimen import Specimen, make_study


def _changed(study: Study, group: str, **values: object) -> Study:
    changed = study.settings.model_copy(update={group: getattr(study.settings, group).model_copy(update=values)})
    assert isinstance(changed, StudySettings)
    return Study(changed)


def test_the_official_test_set_is_comparable(official):
    """190 test books of each of the thirty genres, ImageNet weights, covers from the listings: comparable."""
    findings = gather(official)
    assert findings.comparable
    assert findings.best.backbone == "InceptionResNetV2"


def test_what_stands_in_the_way_is_named(official, own_genres):
    """Random weights, covers from elsewhere and other genres are each named as obstacles."""
    assert any("random" in each for each in gather(_changed(official, "models", weights="random")).obstacles)
    private = _changed(official, "covers", allowed_private_hosts=("127.0.0.1",))
    assert any("addresses" in each for each in gather(private).obstacles)
    assert gather(own_genres).obstacles == ["the genres are not those of BookCover30"]


def test_own_weight_files_are_no_rehearsal(official):
    """With weights = random, networks that all have files of their own are not random."""
    own = {"MobileNetV2": "a.h5", "InceptionResNetV2": "b.h5"}
    assert not gather(_changed(official, "models", weights="random", weight_files=own)).random_weights


def test_missing_networks_have_a_reason(bookcover30):
    """A network without results is missing: for the reason given, or the one that its folder tells."""
    assert [each.backbone for each in gather(bookcover30).missing] == ["ResNeXt50"]
    assert "not trained" in gather(bookcover30).missing[0].reason
    assert gather(bookcover30, {"ResNeXt50": "No memory."}).missing[0].reason == "No memory."


def test_only_todays_networks_are_gathered(bookcover30):
    """A network that the settings no longer name is left out, and so are its manifests."""
    findings = gather(_changed(bookcover30, "training", backbones=("MobileNetV2",)))
    assert [network.backbone for network in findings.networks] == ["MobileNetV2"]
    assert [manifest.part for manifest in findings.manifests["evaluate"]] == ["MobileNetV2-padded"]
    assert not findings.missing


def test_the_comparison_chooses_the_preparation(bookcover30):
    """With the choice left to the comparison, the networks on its choice are gathered."""
    findings = gather(_changed(bookcover30, "training", preparation="best"))
    assert findings.preparation == "padded"
    assert len(findings.networks) == 2


def test_before_a_preparation_is_chosen_all_networks_are_missing(tmp_path: Path):
    """With the choice left to a comparison that has not been made, there are no networks and no error."""
    study = make_study(tmp_path, Specimen(genres=("A", "B", "C"), backbones=("MobileNetV2",), compared=False))
    findings = gather(_changed(study, "training", preparation="best"))
    assert findings.preparation == ""
    assert [each.backbone for each in findings.missing] == ["MobileNetV2"]
    assert findings.best is None
