"""All stages of a study: their order, their parts, and how each stands."""

import pytest

from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline import graph
from bookcover_core.pipeline.engine import Result, State, record
from bookcover_core.pipeline.graph import find, outdated, prospects
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings


@pytest.fixture
def study(tmp_path) -> Study:
    return Study(parse_settings({"name": "s", "workspace": str(tmp_path), "training": {"backbones": ["LeNet"]}}))


def test_stages_stand_in_the_order_of_a_study():
    """The order is that in which a study runs them, from its listings to its report; each has a name of its own."""
    names = [stage.name for stage in graph.stages()]
    assert names[0] == "listings"
    assert names[-1] == "report"
    assert names.index("curate") < names.index("split") < names.index("features") < names.index("train")
    assert len({each.name for each in graph.declarations()}) == len(graph.declarations())
    assert [graph.find(each.name) for each in graph.declarations()] == list(graph.declarations())
    with pytest.raises(KeyError):
        graph.find("bake")


@pytest.mark.parametrize("stage", graph.declarations()[1:], ids=lambda stage: stage.name)
def test_every_stage_names_what_comes_before_it(stage, tmp_path):
    """In a study of which nothing is done, a stage says what is to be run first, and leaves nothing behind."""
    networks = {"preparation": "padded", "backbones": ["MobileNetV2", "LeNet"]}
    groups = {"training": networks, "fine_tuning": {"blocks": 1}, "ensemble": {"methods": ["mean"]}}
    study = Study(parse_settings({"name": "empty", "workspace": str(tmp_path), "search": {"trials": 1}, **groups}))
    words = {"chunk": 1, "shard": 1, "preparation": "padded", "backbone": "MobileNetV2", "network": "LeNet"}
    words |= {
        "baseline": "Baseline-commonest",
        "ensemble": "Ensemble-mean",
        "system": "MobileNetV2",
        "variant": "seed-2",
    }
    with pytest.raises(StageOrderError):
        stage(study, *(words.get(each) for each in stage.words))
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("stage", graph.declarations(), ids=lambda stage: stage.name)
def test_every_stage_names_settings_that_exist(stage):
    """A setting that a stage depends on is one of the study's; how work is spread is none of them."""
    for path in stage.settings:
        StudySettings().part(path)
        assert not path.startswith("spreading")


def test_asking_needs_no_run(study):
    """Parts, states and what they build on are told without a stage being run; what is not known is left out."""
    assert [part.state(study) for part in graph.parts(study, "split")] == [State.WAITING]
    assert graph.parts(study, "download") == []
    record(study, "curate")
    (split,) = graph.parts(study, "split")
    assert split.state(study) is State.NOT_RUN
    assert [run.label for run in graph.runs(study) if "curate" in run.behind] == ["split"]
    (candidates,) = graph.parts(study, "candidates")
    with pytest.raises(StageOrderError):
        candidates.at(study)
    assert [file.name for file in study.workspace.root.iterdir()] == ["manifests"]


def test_the_parts_of_a_stage_follow_from_the_settings(study):
    """Each network, chunk or ensemble of the settings is a part; a stage that the settings do not want has none."""
    assert [part.words for part in graph.parts(study, "scratch")] == [("LeNet",)]
    assert graph.parts(study, "train") == []
    assert graph.parts(study, "search") == []
    record(study, "listings", counts={"chunks": 2})
    assert [part.words for part in graph.parts(study, "hashes")] == [(1,), (2,)]
    assert [part.at(study).label for part in graph.parts(study, "download")] == [
        "download/chunk-0001",
        "download/chunk-0002",
    ]


def test_every_stage_belongs_to_a_step_that_people_can_start():
    """What people start alone are the stages that others do not belong to; every other stage belongs to one of them."""
    assert {each.step for each in graph.declarations()} == set(graph.steps())
    assert graph.steps() == [stage.name for stage in graph.stages() if stage.name in graph.steps()]


@pytest.fixture
def folder_study(tmp_path) -> Study:
    folder = tmp_path / "covers"
    for name in ("a", "b"):
        write_text(folder / name / "1.jpg", name)
    books = {"source": "folder", "folder": str(folder)}
    return Study(parse_settings({"name": "s", "workspace": str(tmp_path / "studies"), "books": books}))


def told(folder_study: Study) -> dict[str, tuple[State, tuple[str, ...]]]:
    return {each.label: (each.state, each.reasons) for each in prospects(folder_study)}


def test_a_fresh_study_would_run_everything(folder_study):
    """What can be asked is not run yet, the rest waits for it; nothing is written for it."""
    found = told(folder_study)
    assert found["listings"] == (State.NOT_RUN, ())
    assert found["download"] == (State.WAITING, ())
    assert found["split"] == (State.WAITING, ())
    assert not folder_study.workspace.root.exists()


def test_a_changed_setting_is_named_with_the_time_that_its_stage_took(folder_study):
    """The stage that depends on a setting says which one changed; with the settings of before, it is done."""
    record(folder_study, "curate")
    find("split").at(folder_study).finish(Result())
    assert told(folder_study)["split"] == (State.WAITING, ("it builds on curate",))
    changed = Study(folder_study.settings.model_copy(update={"seed": 7}))
    assert told(changed)["split"] == (State.OTHER_SETTINGS, ("seed changed from 2020 to 7",))
    (prospect,) = [each for each in prospects(changed) if each.label == "split"]
    assert prospect.seconds is not None


def test_what_builds_on_a_part_that_would_run_may_run_too(folder_study):
    """A sound part behind one that is not waits for what that comes to."""
    record(folder_study, "listings", counts={"chunks": 1})
    find("candidates").at(folder_study).finish(Result())
    for label in ("download/chunk-0001", "hashes/chunk-0001", "twins"):
        record(folder_study, label)
    find("curate").at(folder_study).finish(Result())
    assert "curate" in told(folder_study)
    assert told(folder_study)["curate"][0] is State.WAITING
    assert told(folder_study)["curate"][1][0].startswith("it builds on ")


def test_a_listing_that_was_never_read_is_not_run_yet(tmp_path):
    """It waits for no other stage: a run brings what its key depends on."""
    folder_study = Study(parse_settings({"name": "s", "workspace": str(tmp_path)}))
    assert told(folder_study)["listings"] == (State.NOT_RUN, ())
    assert told(folder_study)["candidates"] == (State.WAITING, ())


def test_what_waits_for_a_stage_is_not_said_to_wait_for_its_own_run_alone(tmp_path):
    """Titles are learnt when the books are divided, whatever a run would bring for it."""
    text = {"systems": ["Title"], "listings": ["http://127.0.0.1:9/titles.csv"]}
    study = Study(parse_settings({"name": "s", "workspace": str(tmp_path), "text": text}))
    (title,) = graph.parts(study, "text")
    assert title.state(study) is State.NOT_RUN
    study = Study(parse_settings({"name": "s", "workspace": str(tmp_path), "text": {"systems": ["Title"]}}))
    assert title.state(study) is State.WAITING


def test_what_builds_on_something_outdated_is_outdated(folder_study):
    """However far behind; the reason is that of the part that changed, and lost files are no such reason."""
    record(folder_study, "listings", counts={"chunks": 1})
    find("candidates").at(folder_study).finish(Result())
    record(folder_study, "download/chunk-0001")
    find("hashes").at(folder_study, 1).finish(Result())
    find("twins").at(folder_study).finish(Result())
    assert not {"candidates", "hashes/chunk-0001", "twins"} & outdated(folder_study).keys()
    curation = folder_study.settings.curation.model_copy(update={"twin_distance": 3, "title_terms": ("omnibus",)})
    changed = outdated(Study(folder_study.settings.model_copy(update={"curation": curation})))
    assert "twin_distance changed from" in changed["twins"]
    assert "title_terms changed from" in changed["candidates"]
    record(folder_study, "download/chunk-0001", digest="other covers")
    assert outdated(folder_study)["twins"] == outdated(folder_study)["hashes/chunk-0001"]
    assert "input changed: download/chunk-0001" in outdated(folder_study)["twins"]
