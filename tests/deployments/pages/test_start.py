"""Tests of `deployments.pages.start`: one site for all studies in a folder, with review, judging and reports below."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from bookcover_core.pipeline.workspace import write_text
from deployments.pages import start
from deployments.pages.guard import TOKEN_HEADER, loopback_hosts
from deployments.pages.start import StudiesIn, whole_site
from deployments.study_runs import StudyRun
from tests.bookcover_core.invented import settings_in
from tests.deployments.pages.conftest import draw_study
from tests.deployments.pages.visitor import Visitor

RUN = UUID(int=7)

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
def runs(monkeypatch) -> dict[Path, StudyRun]:
    """What the server tells of studies' runs, by their folders."""
    told: dict[Path, StudyRun] = {}
    monkeypatch.setattr(start, "newest_runs", lambda: told)
    monkeypatch.setattr(start, "begin_form", lambda: "deployments/deployment/7/run")
    return told


@pytest.fixture
def client(folder, runs) -> Visitor:
    return Visitor(
        whole_site(
            StudiesIn(folder),
            hosts=loopback_hosts(4280),
            dashboard=DASHBOARD,
            folder=folder,
            on_all_decided=lambda _: None,
        )
    )


def test_figures_of_a_served_report_lead_to_covers(client, folder):
    """Rows and cells, where they stand in the figure; in the file itself they lead nowhere."""
    file = next(folder.glob("*/report/index.html"))
    figure = '<figure id="figure-recall"><button type="button"><img src="data:,"></button></figure>'
    write_text(file, f"<html><head></head><body>{figure}<button>other</button></body></html>")
    areas = {"recall": {"wide": [["split=test&genre=Arts+%26+Photography", 0, 0.25, 1, 0.1]]}, "gone": {"wide": []}}
    write_text(file.parent / "figures" / "areas.json", json.dumps(areas))
    page = client.get(f"/report/{file.parent.parent.name}/").text
    [link] = re.findall(r"</button>(<a [^>]*></a>)</div></figure>", page)
    address = f"../../browse/{file.parent.parent.name}/?split=test&amp;genre=Arts+%26+Photography"
    assert f'href="{address}"' in link
    assert 'title="Show these test books: genre Arts &amp; Photography"' in link
    assert "left:0.00%;top:25.00%;width:100.00%;height:10.00%" in link
    assert page.count('class="leads"') == 1
    assert "browse" not in file.read_text("utf-8")


def test_the_first_page_leads_everywhere(client, folder):
    """To the form that begins a study, to what there is of each study, and to nothing that there is not."""
    page = client.get("/").text
    assert f'href="{DASHBOARD}/deployments/deployment/7/run">New study</a>' in page
    assert 'href="report/invented/"' in page
    assert 'href="review/invented/"' in page
    assert 'href="judge/invented/"' not in page
    assert 'href="browse/invented/"' not in page
    write_text(folder / "invented" / "splits" / "books.csv", "key\n")
    assert 'href="browse/invented/"' in client.get("/").text
    for model, can_judge in (("chance-noprep", False), ("MobileNetV2-padded", True)):
        write_text(folder / "invented" / "models" / model / "card.json", "{}")
        assert ('href="judge/invented/"' in client.get("/").text) == can_judge
    for name in ("start.css", "start.js"):
        assert client.get(f"/-/{name}").status_code == 200
    for page in ("review", "report", "judge", "browse"):
        assert 'href="../../">All studies</a>' in client.get(f"/{page}/invented/").text


def told(state: str, *, said: str = "", is_whole: bool = True, can_be_retried: bool = False) -> StudyRun:
    """A run that came into a state."""
    when = datetime(2026, 11, 27, 23, 5, tzinfo=UTC)
    return StudyRun(RUN, "study invented", state, said, when, is_whole, can_be_retried)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (told("waits"), ("waits for your decisions on 2 candidates", "look at the covers", ">Review 2 candidates</a>")),
        (told("failed", said="The disk is full.", can_be_retried=True), ("failed", "The disk is full.", "press Retry")),
        (told("failed", said="The disk is full."), ("failed", "start the same command again")),
        (told("stopped", can_be_retried=True), ("stopped", "press Retry, and it goes on where it was")),
        (
            replace(told("interrupted", said="Its process was killed.", can_be_retried=True), is_deployed=False),
            ("interrupted: run it again to go on", "Its process was killed.", "<code>bookcover run invented</code>"),
        ),
        (told("running", said="Train LeNet: 3 of 10."), ("running", "Train LeNet: 3 of 10.", "2026-11-27 23:05 UTC")),
        (told("queued", said="1 of 1 studies run."), ("waits for its turn", "1 of 1 studies run.")),
        (told("finished"), ("finished", "read the report")),
        (told("finished", is_whole=False), ("finished", "read the report")),
    ],
)
def test_a_study_says_how_it_stands_and_what_to_do_next(client, runs, folder, run, words, monkeypatch):
    """With a link to its run; the part that the page asks for now and then says the same."""
    monkeypatch.setattr(start, "find_open", lambda _: ["one", "another"])
    runs[(folder / "invented").resolve()] = run
    for page in (client.get("/").text, client.get("/studies").text):
        assert all(word in page for word in words)
        assert f'href="{DASHBOARD}/runs/flow-run/{RUN}"' in page
        assert (f'data-retry="{RUN}"' in page) == run.can_be_retried


def test_a_study_that_is_still_to_begin_is_shown(client, runs, folder):
    """It waits for its turn, or could not be begun, and why; what is long ago, or elsewhere, is left out."""
    now = datetime.now(UTC)
    runs[folder / "later"] = replace(told("queued", said="Waits for a free place."), when=now)
    runs[folder / "slip"] = replace(told("failed", said="there is no /covres on this machine"), when=now)
    runs[folder / "old"] = replace(told("failed"), when=now - timedelta(days=2))
    runs[folder.parent / "elsewhere"] = replace(told("failed"), when=now)
    page = client.get("/studies").text
    assert "Waits for a free place." in page
    assert "there is no /covres" in page
    assert 'data-key="old"' not in page
    assert "elsewhere" not in page


def test_the_outcome_and_comparisons_are_told(client, folder):
    """The best network's accuracy with its interval, and two studies side by side, whose page is served."""
    row = {"backbone": "LeNet", "test_books": 90, "chance": 1 / 30, "top1": 0.3, "top1_low": 0.211, "top1_high": 0.4}
    results = {"networks": [row | {"random_weights": False}]}
    write_text(folder / "invented" / "report" / "results.json", json.dumps(results))
    said = {"headline": "Level.", "sentence": "Chance explains the difference."}
    write_text(folder / "one-two" / "comparison.json", json.dumps(said))
    write_text(folder / "one-two" / "index.html", "<body>both</body>")
    page = client.get("/").text
    assert "LeNet is right on 30.0 % of 90 test books (21.1 to 40.0 %); chance is 3.3 %." in page
    assert "Level. Chance explains the difference." in page
    assert 'href="compare/one-two/"' in page
    assert client.get("/compare/one-two/").text.endswith("both</body>")
    assert client.get("/compare/invented/").status_code == 404


def test_a_server_that_is_away_is_told(client, monkeypatch):
    """The studies are shown all the same."""

    def fail() -> None:
        raise httpx.ConnectError("gone")

    monkeypatch.setattr(start, "newest_runs", fail)
    monkeypatch.setattr(start, "begin_form", fail)
    page = client.get("/").text
    assert "server does not answer just now" in page
    assert 'href="report/invented/"' in page
    assert f'href="{DASHBOARD}/deployments">New study</a>' in page


def test_only_the_page_itself_can_have_a_run_done_again(client, monkeypatch):
    """With its token, and the id of a run."""
    again = []
    monkeypatch.setattr(start, "retry", again.append)
    ours = {"Origin": "http://127.0.0.1:4280", "Content-Type": "application/json"}
    assert client.post("/retry", content=json.dumps({"run": str(RUN)}), headers=ours).status_code == 403
    token = re.search(r'name="token" content="([^"]+)"', client.get("/").text).group(1)
    ours[TOKEN_HEADER] = token
    assert client.post("/retry", content='{"run": "x"}', headers=ours).status_code == 422
    assert client.post("/retry", content=json.dumps({"run": str(RUN)}), headers=ours).status_code == 204
    assert again == [RUN]


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


def test_a_study_that_cannot_be_used_is_listed_with_the_reason(client, folder, runs):
    """A copy whose name is no study's, and one whose settings are damaged: once, though its last run failed of that."""
    shutil.copytree(folder / "invented", folder / "one (copy)")
    write_text(folder / "broken" / "settings.json", "{")
    runs[folder / "broken"] = replace(told("failed", can_be_retried=True), when=datetime.now(UTC))
    page = client.get("/").text
    assert "Rename the folder: one-copy" in page
    assert "broken/settings.json: this file of a study is damaged" in page
    assert page.count('data-key="broken"') == 1
    assert "data-retry" not in page


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
    assert 'href="../../browse/invented/#confusion"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert client.get("/report/invented/figures/one.png").text == "a picture"


@pytest.mark.parametrize("path", ["%2e%2e/settings.json", "..%2fsettings.json", "figures/%2e%2e/%2e%2e/settings.json"])
def test_nothing_but_the_report_is_given(client, path):
    """No address leads out of the report's folder."""
    assert client.get(f"/report/invented/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/report/invented/", "/review/invented/", "/judge/invented/", "/browse/invented/"]
)
def test_no_other_name_reaches_a_page(client, path):
    """A site that had its own name point here gets nothing (DNS rebinding)."""
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 421


def test_a_study_without_a_report_says_so(client, folder):
    """Instead of an empty page."""
    shutil.rmtree(folder / "invented" / "report")
    answer = client.get("/report/invented/")
    assert answer.status_code == 404
    assert "no report yet" in answer.text
