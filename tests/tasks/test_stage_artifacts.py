"""What stages show on the page of their run."""

from prefect import flow

from bookcover_core.pipeline.graph import find
from tasks.stages import run_stage
from tests.bookcover_core.report.specimen import Specimen, make_study
from tests.tasks.test_stages import read_artifact


class StandsAnyway:
    """A run of a stage whose results stand, of whatever code."""

    def __init__(self, study):
        self._study = study

    def take(self):
        return self._study.manifest("twins").model_copy(update={"reused": True})


@flow(name="twins-alone")
def twins_alone(settings):
    return run_stage(settings, "twins")


def test_twins_under_different_genres_are_shown_as_a_picture(tmp_path, prefect_server, monkeypatch):
    """The task of the twins leaves an artifact with what was found and the sheet of covers."""
    specimen = Specimen(genres=("A", "B", "C"), backbones=("ResNeXt50",), failed=("ResNeXt50",), compared=False)
    study = make_study(tmp_path, specimen, name="torn")
    monkeypatch.setattr(find("twins"), "at", StandsAnyway)
    twins_alone(study.settings)
    artifact = read_artifact("twins-torn")
    assert "### 4 books show a picture that another shows too" in artifact.data
    assert "](data:image/jpeg;base64," in artifact.data
