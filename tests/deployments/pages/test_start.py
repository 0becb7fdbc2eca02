"""Tests of `deployments.pages.start`: one site for all studies in a folder, with review, judging and reports below."""

import shutil
from pathlib import Path

import pytest

from bookcover_core.pipeline.workspace import write_text
from deployments.pages.guard import loopback_hosts
from deployments.pages.start import StudiesIn, whole_site
from tests.bookcover_core.invented import settings_in
from tests.deployments.pages.conftest import draw_study
from tests.deployments.pages.visitor import Visitor

DASHBOARD = "http://127.0.0.1:4200"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one study, of which there is something to review and a report."""
    study = draw_study(tmp_path)
    study.begin()
    write_text(study.workspace.report / "index.html", "<script>1</script><img src='figures/one.png'>")
    write_text(study.workspace.report / "figures" / "one.png", "a picture")
    return tmp_path


@pytest.fixture
def client(folder) -> Visitor:
    return Visitor(
        whole_site(
            StudiesIn(folder),
            hosts=loopback_hosts(4280),
            dashboard=DASHBOARD,
            folder=folder,
            on_all_decided=lambda _: None,
        )
    )


def test_the_first_page_leads_everywhere(client):
    """It links to the dashboard and to what there is of each study, and says what there is not yet."""
    page = client.get("/").text
    assert f'href="{DASHBOARD}"' in page
    assert 'href="report/invented/"' in page
    assert 'href="review/invented/"' in page
    assert 'href="judge/invented/"' not in page
    assert "Nothing is trained yet" in page
    assert client.get("/-/start.css").status_code == 200


def test_a_study_that_comes_later_is_found(client, folder):
    """The folder is looked at for every page; what is no study there is passed over."""
    (folder / "rubbish").mkdir()
    broken = folder / "broken" / "settings.json"
    write_text(broken, "{")
    assert client.get("/review/later/").status_code == 404
    shutil.copytree(folder / "invented", folder / "later")
    assert client.get("/review/later/").status_code == 200
    assert client.get("/report/later/").status_code == 200
    assert list(StudiesIn(folder)) == ["invented", "later"]


def test_a_study_is_looked_up_by_its_name_alone(folder):
    """No name leads out of the folder."""
    studies = StudiesIn(folder / "invented")
    assert list(studies) == []
    for name in ("..", "../invented", "", ".", "/etc"):
        assert name not in studies


def test_settings_that_were_stored_anew_are_read_anew(folder):
    """What a later run changed is what the pages go by."""
    studies = StudiesIn(folder)
    assert studies["invented"].settings.seed == 2020
    changed = settings_in(folder).model_copy(update={"seed": 7})
    write_text(studies["invented"].workspace.settings, changed.model_dump_json())
    assert studies["invented"].settings.seed == 7


def test_a_report_is_shown_as_it_is_and_reaches_nothing_else(client):
    """It has no origin of its own, so that a script in it can neither decide nor judge; its files come with it."""
    answer = client.get("/report/invented/")
    assert answer.status_code == 200
    assert "<script>1</script>" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert client.get("/report/invented/figures/one.png").text == "a picture"


@pytest.mark.parametrize("path", ["%2e%2e/settings.json", "..%2fsettings.json", "figures/%2e%2e/%2e%2e/settings.json"])
def test_nothing_but_the_report_is_given(client, path):
    """No address leads out of the report's folder."""
    assert client.get(f"/report/invented/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/report/invented/", "/review/invented/", "/judge/invented/"])
def test_no_other_name_reaches_a_page(client, path):
    """A site that had its own name point here gets nothing (DNS rebinding)."""
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_study_without_a_report_says_so(client, folder):
    """Instead of an empty page."""
    shutil.rmtree(folder / "invented" / "report")
    answer = client.get("/report/invented/")
    assert answer.status_code == 404
    assert "no report yet" in answer.text
