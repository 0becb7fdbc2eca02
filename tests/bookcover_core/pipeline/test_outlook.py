"""What a study would run, and why, is told before anything is run."""

import pytest

from bookcover_core.pipeline.engine import Result, State, record
from bookcover_core.pipeline.graph import find
from bookcover_core.pipeline.outlook import outdated, prospects
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings.toml_file import parse_settings


@pytest.fixture
def study(tmp_path) -> Study:
    folder = tmp_path / "covers"
    for name in ("a", "b"):
        write_text(folder / name / "1.jpg", name)
    books = {"source": "folder", "folder": str(folder)}
    return Study(parse_settings({"name": "s", "workspace": str(tmp_path / "studies"), "books": books}))


def told(study: Study) -> dict[str, tuple[State, tuple[str, ...]]]:
    return {each.label: (each.state, each.reasons) for each in prospects(study)}


def test_a_fresh_study_would_run_everything(study):
    """What can be asked is not run yet, the rest waits for it; nothing is written for it."""
    found = told(study)
    assert found["listings"] == (State.NOT_RUN, ())
    assert found["download"] == (State.WAITING, ())
    assert found["split"] == (State.WAITING, ())
    assert not study.workspace.root.exists()


def test_a_changed_setting_is_named_with_the_time_that_its_stage_took(study):
    """The stage that depends on a setting says which one changed; with the settings of before, it is done."""
    record(study, "curate")
    find("split").at(study).finish(Result())
    assert told(study)["split"] == (State.WAITING, ("it builds on curate",))
    changed = Study(study.settings.model_copy(update={"seed": 7}))
    assert told(changed)["split"] == (State.OTHER_SETTINGS, ("seed changed from 2020 to 7",))
    (prospect,) = [each for each in prospects(changed) if each.label == "split"]
    assert prospect.seconds is not None


def test_what_builds_on_a_part_that_would_run_may_run_too(study):
    """A sound part behind one that is not waits for what that comes to."""
    record(study, "listings", counts={"chunks": 1})
    find("candidates").at(study).finish(Result())
    for label in ("download/chunk-0001", "hashes/chunk-0001", "twins"):
        record(study, label)
    find("curate").at(study).finish(Result())
    assert "curate" in told(study)
    assert told(study)["curate"][0] is State.WAITING
    assert told(study)["curate"][1][0].startswith("it builds on ")


def test_a_listing_that_was_never_read_is_not_run_yet(tmp_path):
    """It waits for no other stage: a run brings what its key depends on."""
    study = Study(parse_settings({"name": "s", "workspace": str(tmp_path)}))
    assert told(study)["listings"] == (State.NOT_RUN, ())
    assert told(study)["candidates"] == (State.WAITING, ())


def test_what_builds_on_something_outdated_is_outdated(study):
    """However far behind; the reason is that of the part that changed, and lost files are no such reason."""
    record(study, "listings", counts={"chunks": 1})
    find("candidates").at(study).finish(Result())
    record(study, "download/chunk-0001")
    find("hashes").at(study, 1).finish(Result())
    find("twins").at(study).finish(Result())
    assert not {"candidates", "hashes/chunk-0001", "twins"} & outdated(study).keys()
    curation = study.settings.curation.model_copy(update={"twin_distance": 3, "title_terms": ("omnibus",)})
    changed = outdated(Study(study.settings.model_copy(update={"curation": curation})))
    assert "twin_distance changed from" in changed["twins"]
    assert "title_terms changed from" in changed["candidates"]
    record(study, "download/chunk-0001", digest="other covers")
    assert outdated(study)["twins"] == outdated(study)["hashes/chunk-0001"]
    assert "input changed: download/chunk-0001" in outdated(study)["twins"]
