"""Tests of `flows.names`: a list of runs tells what each of them did."""

import pytest

from bookcover_core.settings import StudySettings, TrainingSettings
from flows.names import name_comparison, name_download, name_evaluation, name_training, name_verdict


@pytest.fixture
def settings(tmp_path) -> StudySettings:
    return StudySettings(name="little", workspace=str(tmp_path))


@pytest.mark.parametrize(
    ("chunks", "name"),
    [
        ("all", "download all chunks of little"),
        ("next", "download the next chunk of little"),
        ([3], "download chunk 3 of little"),
        ([1, 2], "download chunks 1, 2 of little"),
        ([1, 2, 3, 4], "download 4 chunks of little"),
    ],
)
def test_a_download_names_its_chunks(settings, chunks, name):
    """Which, or how many."""
    assert name_download({"settings": settings, "chunks": chunks}) == name


def test_a_training_names_the_preparation_when_it_is_known(settings):
    """Before the comparison has chosen one, it says that the best is taken."""
    assert name_training({"settings": settings, "backbone": "ResNeXt50"}) == (
        "train ResNeXt50 on the best preparation for little"
    )
    padded = settings.model_copy(update={"training": TrainingSettings(preparation="padded")})
    assert name_training({"settings": padded, "backbone": "ResNeXt50"}) == "train ResNeXt50 on padded for little"


def test_others_name_what_they_were_asked_for(settings):
    """Networks, systems, covers; all of them where none is named."""
    assert name_comparison({"settings": settings, "backbones": None}) == "compare preparations of little"
    assert name_comparison({"settings": settings, "backbones": ["VGG16"]}) == "compare preparations of little by VGG16"
    assert name_evaluation({"settings": settings, "names": None}) == "evaluate all systems of little"
    assert name_evaluation({"settings": settings, "names": ["A", "B"]}) == "evaluate A, B of little"
    assert name_verdict({"settings": settings, "covers": ["/tmp/a/cover.jpg"]}) == "judge cover.jpg by little"
    assert name_verdict({"settings": settings, "covers": ["a.jpg", "b.jpg"]}) == "judge 2 covers by little"
