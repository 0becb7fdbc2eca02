"""Tests of `flows.studies` and `flows.forms`: studies by name, settings stored once, and faults in one sentence."""

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

from bookcover_core.errors import SettingsError
from bookcover_core.pipeline.workspace import Workspace
from bookcover_core.settings import StudySettings
from bookcover_core.settings.short_form import fill_in
from bookcover_core.settings.toml_file import load_settings
from flows import studies
from flows.covers import download_covers
from flows.steps import prepare, read_listings
from flows.study import begin_study, begin_study_with_every_setting
from flows.training import train_backbone
from tests.begun import begun
from tests.bookcover_core.inference.trained import GENRES, draw

# What Prefect's dialog of a schedule sends where a deployment takes nested settings.
BLANK = {"settings": {"books": {"listing": None}, "covers": {"hosts": {"__prefect_kind": "json"}}}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without a study."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pictures(home):
    """A folder of pictures of three genres."""
    for genre, colour in GENRES.items():
        (home / "pictures" / genre).mkdir(parents=True)
        for number in range(4):
            draw(colour, number).save(home / "pictures" / genre / f"{number}.png")
    return home / "pictures"


def test_a_study_is_found_by_its_name_or_folder_and_the_only_one_without(home):
    """An unknown one, or none where there are several, is refused with the names of those that there are."""
    with pytest.raises(SettingsError, match=r"no study has been begun in .*data/studies\. Run the deployment `study`"):
        studies.settings_of("")
    begun(StudySettings(name="one"))
    assert studies.settings_of("").name == studies.settings_of("one").name == "one"
    begun(StudySettings(name="two"))
    begun(StudySettings(name="far", workspace="elsewhere"))
    assert studies.settings_of(str(home / "elsewhere" / "far")).name == "far"
    for wrong in ("", "three", "far", "../here"):
        with pytest.raises(SettingsError, match=r"Name one of these: one, two\."):
            studies.settings_of(wrong)


def test_changes_are_stored_with_the_study(home):
    """So that every later run, and every training of a run, has them; one that is impossible changes nothing."""
    begun(StudySettings(name="one"))
    assert studies.settings_of("one", ["training.epochs=7"]).training.epochs == 7
    assert studies.settings_of("one").training.epochs == 7
    for wrong in ("training.epochs=0", "training.epoch=3", "name=two", "training.backbones=['VGG']", "epochs"):
        with pytest.raises(SettingsError):
            studies.settings_of("one", [wrong])
    assert studies.settings_of("one").training.epochs == 7


def test_a_run_keeps_to_the_settings_that_it_began_with(home):
    """Somebody who changes them meanwhile changes no stage of it."""
    begun(StudySettings(name="one"))
    with studies.settings_read_once():
        assert studies.settings_of("one").seed == 2020
        begun(StudySettings(name="one", seed=7))
        assert studies.settings_of("one").seed == 2020
    assert studies.settings_of("one").seed == 7


def test_a_retried_run_reads_the_settings_as_they_are_now(prefect_server, pictures, monkeypatch):
    """What a person mended after a failure holds: the form and the changes of the run do not come back over it."""
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(begin_study), name="retried")
        parameters = {
            "books": str(pictures),
            "undecided": "keep",
            "changes": ["books.folder=nowhere", "models.weights=random"],
        }
        run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
        assert run_flow(begin_study, flow_run=run, return_type="state").is_failed()
        mended = studies.settings_of("pictures", [f"books.folder={pictures}", "curation.undecided=fail"])
        client.set_flow_run_state(run.id, AwaitingRetry())
        run = client.read_flow_run(run.id)
        monkeypatch.setattr("flows.study.download_covers", lambda _: 1 / 0)  # it has come far enough
        run_flow(begin_study, flow_run=run, return_type="state")
    assert load_settings(mended.root) == mended
    assert (mended.root / "listings" / "books.csv").is_file()


def test_the_short_form_needs_a_folder_alone(pictures, home):
    """Whatever it does not ask has the dissertation's value; books and covers are what they are found to be."""
    settings = fill_in("", "pictures", "", [], "keep", ["training.epochs=3"])
    assert (settings.name, settings.books.source, settings.books.folder) == ("pictures", "folder", str(pictures))
    assert (settings.training.epochs, settings.curation.undecided) == (3, "keep")
    assert settings.training.backbones == StudySettings().training.backbones
    assert fill_in("", "", "", [], "ask", []) == StudySettings()
    assert fill_in("", "", "", [], "ask", [], "as-needed").covers.pool == "as-needed"
    (home / "list.csv").touch()
    (home / "covers.zip").touch()
    listed = fill_in("mine", "list.csv", "covers.zip", ["LeNet"], "ask", [])
    assert (listed.books.source, listed.books.listing) == ("listing", str(home / "list.csv"))
    assert (listed.covers.source, listed.covers.location) == ("archive", str(home / "covers.zip"))
    remote = fill_in("", "https://example.org/books.csv", "pictures", ["LeNet"], "ask", [])
    assert (remote.name, remote.books.listing) == ("books", "https://example.org/books.csv")
    assert remote.covers.source == "folder"


def refusal(flow, **parameters) -> str:
    """What a run of a flow says of parameters that are wrong."""
    state = flow(**parameters, return_state=True)
    assert state.is_failed()
    error = state.result(raise_on_failure=False)
    assert isinstance(error, SettingsError), error
    return str(error)


def test_what_a_form_got_wrong_is_refused_in_a_sentence(prefect_server, home, caplog):
    """Never with a traceback: it says which field, and what to press."""
    begun(StudySettings(name="one"))
    said = refusal(begin_study_with_every_setting, **BLANK)
    assert said.startswith("settings.covers.hosts: ")
    assert "*Run*, then *Custom run*" in said
    assert "continue-study" in said
    assert "training.epochs: " in refusal(begin_study_with_every_setting, settings={"training": {"epochs": 0}})
    assert "chunks: the form sent a placeholder" in refusal(download_covers, chunks={"__prefect_kind": "json"})
    assert "chunks: None does not fit" in refusal(download_covers, chunks=None)
    assert "changes.1: 4 does not fit" in refusal(train_backbone, changes=["seed=4", 4])
    assert "Traceback" not in caplog.text
    assert [each.name for each in home.iterdir()] == ["data"], "nothing was begun"


def test_a_part_that_needs_others_first_says_which_to_start(prefect_server, pictures):
    """Cheap ones are done by the part itself; the others are named, for the browser and for the command line."""
    study = begun(fill_in("", str(pictures), "", [], "keep", []))
    with pytest.raises(Exception, match=r"Start the deployment `curate` \(`bookcover run --only curate`\) first"):
        prepare(study)
    read_listings(study)
    with pytest.raises(Exception, match=r"Start the deployment `compare-preparations`"):
        train_backbone(study)
    assert not Workspace(studies.find_study(study)).covers.exists()
