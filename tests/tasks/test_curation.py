"""Tests of `tasks.curation`."""

from prefect import flow

from tasks import curation
from tests.bookcover_core.report.specimen import Specimen, make_study
from tests.tasks.test_stages import read_artifact


@flow(name="twins-alone")
def twins_alone(settings):
    return curation.find_twins(settings, return_state=True)


def test_twins_under_different_genres_are_shown_as_a_picture(tmp_path, prefect_server, monkeypatch):
    """The task of the twins leaves an artifact with what was found and the sheet of covers."""
    specimen = Specimen(genres=("A", "B", "C"), backbones=("ResNeXt50",), failed=("ResNeXt50",), compared=False)
    study = make_study(tmp_path, specimen, name="torn")
    monkeypatch.setattr("bookcover_core.curation.near_duplicates.find_twins", lambda study: study.manifest("twins"))
    assert twins_alone(study.settings).is_completed()
    artifact = read_artifact("twins-torn")
    assert "### 4 books show a picture that another shows too" in artifact.data
    assert "](data:image/jpeg;base64," in artifact.data
