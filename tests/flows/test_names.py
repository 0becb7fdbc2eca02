"""Tests of `flows.names`: a list of runs tells what each of them did."""

import pytest

from bookcover_core.settings import StudySettings, TrainingSettings
from flows.names import (
    name_begun_study,
    name_comparison,
    name_download,
    name_evaluation,
    name_study_of_settings,
    name_training,
    name_verdict,
)
from tests.begun import begun


@pytest.fixture
def settings(tmp_path) -> StudySettings:
    return StudySettings(name="little", workspace=str(tmp_path))


@pytest.mark.parametrize(
    ("chunks", "name"),
    [
        ("all", "download all chunks of little"),
        ("next", "download the next chunk of little"),
        ("3", "download chunk 3 of little"),
        ("1, 2", "download chunks 1, 2 of little"),
        ("1-4", "download chunks 1-4 of little"),
    ],
)
def test_a_download_names_its_chunks(settings, chunks, name):
    """Which, as they were asked for."""
    assert name_download({"study": begun(settings), "chunks": chunks}) == name


def test_a_training_names_the_preparation_when_it_is_known(settings):
    """Before the comparison has chosen one, it says that the best is taken."""
    assert name_training({"study": begun(settings), "backbone": "ResNeXt50"}) == (
        "train ResNeXt50 on the best preparation for little"
    )
    padded = settings.model_copy(update={"training": TrainingSettings(preparation="padded")})
    assert name_training({"study": begun(padded), "backbone": "ResNeXt50"}) == "train ResNeXt50 on padded for little"


def test_others_name_what_they_were_asked_for(settings):
    """Networks, systems, covers; all of them where none is named."""
    study = begun(settings)
    assert name_comparison({"study": study, "backbones": []}) == "compare preparations of little"
    assert name_comparison({"study": study, "backbones": ["VGG16"]}) == "compare preparations of little by VGG16"
    assert name_evaluation({"study": study, "names": []}) == "evaluate all systems of little"
    assert name_evaluation({"study": study, "names": ["A", "B"]}) == "evaluate A, B of little"
    assert name_verdict({"study": study, "covers": ["/tmp/a/cover.jpg"]}) == "judge cover.jpg by little"
    assert name_verdict({"study": study, "covers": ["a.jpg", "b.jpg"]}) == "judge 2 covers by little"


def test_a_study_that_is_begun_bears_its_name():
    """That of the form, that of its books, or the dissertation's."""
    assert name_begun_study({"name": "mine", "books": "/srv/covers"}) == "study mine"
    assert name_begun_study({"name": "", "books": "/srv/My covers/"}) == "study My-covers"
    assert name_begun_study({"name": "", "books": "https://example.org/a/listing%201.csv?x=1"}) == "study listing-1"
    assert name_begun_study({"name": "", "books": ""}) == "study bookcover30"
    assert name_study_of_settings({"settings": {"name": "all"}}) == "study all"
    assert name_study_of_settings({"settings": StudySettings()}) == "study bookcover30"
