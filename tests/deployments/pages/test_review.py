"""The review page over HTTP: what it gives, what it takes, and what it refuses."""

import io

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from bookcover_core.curation.decisions import append_decision, decisions_file, read_decisions
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_text
from deployments.pages.guard import TOKEN_HEADER, loopback_hosts
from deployments.pages.review import review_app
from tests.bookcover_core.invented import settings_in
from tests.deployments.pages.conftest import CANDIDATES, SCRIPT, draw_study
from tests.deployments.pages.visitor import ORIGIN, Visitor


def visit(*studies, **options) -> Visitor:
    """A browser at the review page of these studies."""
    return Visitor(review_app({study.settings.name: study for study in studies}, hosts=loopback_hosts(4280), **options))


@pytest.fixture
def client(study):
    return visit(study)


def state(client):
    return client.get("/invented/state").json()


def headers(client) -> dict[str, str]:
    return {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", TOKEN_HEADER: state(client)["token"]}


def decide(client, key, decision="reject", seen=None, **fields):
    """Send one decision, as the page does."""
    post = {"by": "Ada", "decisions": [{"key": key, "decision": decision, "seen": seen, **fields}]}
    return client.post("/invented/decisions", json=post, headers=headers(client))


def test_the_state_has_everything_that_the_page_shows(client):
    """Each candidate with title, genre, term, link and cover; nothing is decided at first."""
    shown = {item["key"]: item for item in state(client)["items"]}
    assert len(shown) == CANDIDATES
    assert shown["a3"] | {"picture": "", "small": ""} == {
        "key": "a3",
        "title": ["Tale 3: The ", "3-Book", " Collection"],
        "author": "A. N. Other",
        "genre": "Law",
        "term": "#-book",
        "read": "",
        "role": "train",
        "kind": "candidate",
        "needed": True,
        "url": "http://covers.invalid/a3.jpg",
        "picture": "",
        "small": "",
        "decision": None,
    }
    assert shown["b1"]["title"] == ["\U0001f4da & an ", "Anthology", ""]


def test_a_decision_is_saved_when_it_is_made(client, study):
    """Who, when and why stand in decisions.csv before the answer comes, and the next look shows them."""
    answer = decide(client, "a1", why="  box\nset ")
    assert answer.status_code == 200
    saved = read_decisions(decisions_file(study))["a1"]
    assert (saved.decision, saved.by, saved.why) == ("reject", "Ada", "box set")
    assert answer.json()["stands"] == {"a1": saved.model_dump()}
    assert next(item for item in state(client)["items"] if item["key"] == "a1")["decision"] == saved.model_dump()


def test_a_decision_can_be_undone(client, study):
    """A later row takes it back; nothing is erased."""
    stands = decide(client, "a1").json()["stands"]["a1"]
    assert decide(client, "a1", "open", seen=stands).json()["stands"] == {"a1": None}
    assert read_decisions(decisions_file(study)) == {}
    assert decisions_file(study).read_text().count("\na1,") == 2


def test_two_tabs_do_not_overrule_each_other_unseen(client, study):
    """Who has not seen another's decision does not undo it, and is told what stands."""
    append_decision(study, "a1", "keep", by="Bo")
    assert decide(client, "a1").json()["stands"]["a1"]["by"] == "Bo"
    assert read_decisions(decisions_file(study))["a1"].decision == "keep"


def test_without_a_name_the_systems_user_decides(client, study):
    """A decision always says by whom."""
    post = {"decisions": [{"key": "a1", "decision": "keep", "seen": None}]}
    client.post("/invented/decisions", json=post, headers=headers(client))
    assert read_decisions(decisions_file(study))["a1"].by == state(client)["reviewer"] != ""


def test_a_state_that_is_known_is_not_sent_again(client):
    """A page asks every few seconds; it gets an answer with content when something has changed."""
    tag = client.get("/invented/state").headers["ETag"]
    assert client.get("/invented/state", headers={"If-None-Match": tag}).status_code == 304
    decide(client, "a1")
    assert client.get("/invented/state", headers={"If-None-Match": tag}).status_code == 200


def test_covers_come_as_they_are_and_small(client, study):
    """The large picture is the file itself; the small one fits in 320 by 480; browsers may keep both."""
    item = next(item for item in state(client)["items"] if item["key"] == "a1")
    large = client.get(f"/invented/{item['picture']}")
    assert large.content == (study.workspace.covers / "law" / "a1.jpg").read_bytes()
    assert large.headers["Content-Type"] == "image/jpeg"
    assert "immutable" in large.headers["Cache-Control"]
    again = client.get(f"/invented/{item['picture']}", headers={"If-None-Match": large.headers["ETag"]})
    assert again.status_code == 304
    small = client.get(f"/invented/{item['small']}")
    with Image.open(io.BytesIO(small.content)) as picture:
        assert picture.format == "JPEG"
        assert picture.size[0] <= 320
        assert picture.size[1] <= 480
    assert small.headers["ETag"] != large.headers["ETag"]
    assert "immutable" not in client.get("/invented/picture?book=a1").headers["Cache-Control"]


def test_a_picture_is_what_its_content_says(client, study):
    """A PNG named .jpg is sent as PNG; what is no picture is not sent."""
    file = study.workspace.covers / "law" / "a1.jpg"
    Image.new("RGBA", (80, 120)).save(file, "PNG")
    assert client.get("/invented/picture?book=a1").headers["Content-Type"] == "image/png"
    file.write_text("<html>")
    assert client.get("/invented/picture?book=a1").status_code == 404
    assert client.get("/invented/small?book=a1").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/invented/picture?book=../../../../etc/passwd",
        "/invented/picture?book=p1",
        "/invented/picture",
        "/invented/small?book=nobody",
        "/invented/../settings.json",
        "/invented/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/-/../review.py",
        "/-/%2e%2e/review.py",
        "/elsewhere/",
        "/elsewhere/state",
    ],
)
def test_nothing_else_is_served(client, address):
    """Only covers of books that are asked about, and the page's own files."""
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("path", ["../outside.jpg", "settings.json", "covers/../settings.json", "/etc/hostname"])
def test_a_ledger_cannot_name_files_outside_the_covers(client, study, path):
    """Whatever a ledger says, only files in the study's covers are sent."""
    Image.new("RGB", (80, 120)).save(study.workspace.root.parent / "outside.jpg")
    ledger = study.workspace.ledger / "chunk-0001.csv"
    write_text(ledger, ledger.read_text().replace("covers/law/a1.jpg", path))
    assert client.get("/invented/picture?book=a1").status_code == 404


def test_a_link_out_of_the_covers_is_not_followed(client, study):
    """A symbolic link among the covers does not lead elsewhere."""
    outside = study.workspace.root.parent / "outside.jpg"
    Image.new("RGB", (80, 120)).save(outside)
    file = study.workspace.covers / "law" / "a1.jpg"
    file.unlink()
    file.symlink_to(outside)
    assert client.get("/invented/picture?book=a1").status_code == 404


@pytest.mark.parametrize("host", ["evil.example:4280", "127.0.0.1", "127.0.0.1:80", "localhost:4281", ""])
def test_another_host_name_is_refused(client, host):
    """A name that was made to point here (DNS rebinding) gets nothing, not even the page."""
    for address in ("/invented/", "/invented/state", "/-/review.js"):
        assert client.get(address, headers={"Host": host}).status_code == 421


def test_the_names_of_this_machine_are_served(client):
    """Both loopback names with the server's port."""
    assert client.get("/invented/", headers={"Host": "LOCALHOST:4280"}).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:4280"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": None}, 403),
        ({TOKEN_HEADER: None}, 403),
        ({TOKEN_HEADER: "guessed"}, 403),
        ({TOKEN_HEADER: "gueßed".encode()}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": None}, 415),
    ],
)
def test_other_sites_cannot_decide(client, study, changed, status):
    """A decision comes from our page, with its token, as JSON; else it is refused and nothing is written."""
    sent = headers(client) | {"Content-Type": "application/json"} | changed
    body = '{"by": "Eve", "decisions": [{"key": "a1", "decision": "reject", "seen": null}]}'
    answer = client.post(
        "/invented/decisions",
        content=body,
        headers={name: value for name, value in sent.items() if value is not None},
    )
    assert answer.status_code == status
    assert "error" in answer.json()
    assert not decisions_file(study).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("nonsense", 422),
        ("[]", 422),
        ('{"by": "Ada", "decisions": []}', 422),
        ('{"by": "Ada", "decisions": [{"key": "a1", "decision": "burn", "seen": null}]}', 422),
        ('{"by": "Ada", "decisions": [{"key": "nobody", "decision": "keep", "seen": null}]}', 404),
        ('{"by": "Ada", "decisions": [{"key": "p0", "decision": "keep", "seen": null}]}', 404),
    ],
)
def test_a_request_that_makes_no_sense_is_named(client, study, body, status):
    """What is malformed, or is about a book that nobody is asked about, is refused as a whole."""
    sent = headers(client) | {"Content-Type": "application/json"}
    answer = client.post("/invented/decisions", content=body, headers=sent)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not decisions_file(study).exists()


def test_every_answer_is_locked_down(client):
    """No inline script, no foreign content, no framing, no referrer: on pages, data and refusals alike."""
    for answer in (
        client.get("/invented/"),
        client.get("/invented/state"),
        client.get("/-/review.js"),
        client.get("/invented/", headers={"Host": "evil.example"}),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_page_brings_everything_itself(client):
    """Scripts and styles come from here, with the type that browsers want, and the page has no inline ones."""
    page = client.get("/invented/").text
    assert SCRIPT not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "style=" not in page
    assert "onclick" not in page
    assert "<script>" not in page
    for name, kind in {
        "review.js": "text/javascript",
        "review.css": "text/css",
        "pages.css": "text/css",
        "icon.svg": "image/svg+xml",
    }.items():
        assert f"../-/{name}?" in page
        assert client.get(f"/-/{name}").headers["Content-Type"].startswith(kind)


def test_links_lead_to_web_pages_only(tmp_path):
    """An address of the listing that is none of the web's is not shown as a link."""
    study = draw_study(tmp_path)
    books = study.workspace.books
    write_text(books, books.read_text().replace("http://covers.invalid/a1.jpg", "javascript:alert(1)"))
    assert {item["key"]: item["url"] for item in state(visit(study))["items"]}["a1"] == ""


def test_one_study_is_shown_at_once_several_are_listed(study):
    """The way in is short where there is no choice."""
    assert visit(study).get("/").url.path == "/invented/"
    other = Study(settings_in(study.workspace.root.parent, name="other"))
    page = visit(study, other).get("/")
    assert 'href="invented/"' in page.text
    assert 'href="other/"' in page.text
    assert "no study yet" in visit().get("/").text


def test_it_can_be_mounted_below_another_address(study):
    """All its addresses are relative."""
    outer = Starlette(routes=[Mount("/review", review_app({"invented": study}, hosts=loopback_hosts(4280)))])
    client = Visitor(outer)
    assert client.get("/review").url.path == "/review/invented/"
    assert client.get("/review/-/review.js").status_code == 200
    assert len(client.get("/review/invented/state").json()["items"]) == CANDIDATES


def test_a_study_that_is_not_so_far_is_told(tmp_path):
    """Before the listings, the page is there and says what is missing."""
    client = visit(Study(settings_in(tmp_path)))
    assert client.get("/invented/").status_code == 200
    assert "has not been run" in state(client)["problem"]
    assert state(client)["items"] == []


def test_decisions_that_cannot_be_read_are_told_and_left_alone(client, study):
    """A file that a person broke is named to the page; a decision is refused for now, and nothing is overwritten."""
    write_text(decisions_file(study), "key,decision\na1,perhaps\n")
    assert "line 2" in state(client)["problem"]
    answer = decide(client, "a2")
    assert answer.status_code == 409
    assert "line 2" in answer.json()["error"]
    assert decisions_file(study).read_text() == "key,decision\na1,perhaps\n"


def test_the_last_decision_is_told_once(tmp_path):
    """The study is told when nothing is open any more: once, and again only when other books had to be decided on."""
    told = []
    study = draw_study(tmp_path)
    client = visit(study, on_all_decided=told.append)
    assert state(client)["goes_on"]
    keys = [item["key"] for item in state(client)["items"]]
    for key in keys:
        assert told == []
        stands = decide(client, key, "keep").json()["stands"][key]
    assert told == [study]
    decide(client, keys[-1], "open", seen=stands)
    decide(client, keys[-1], "reject")
    assert told == [study]


def test_a_last_decision_made_elsewhere_is_told_too(tmp_path):
    """Whoever made it, and however: the page that looks on tells the study."""
    told = []
    study = draw_study(tmp_path)
    client = visit(study, on_all_decided=told.append)
    for item in state(client)["items"]:
        append_decision(study, item["key"], "keep", by="Bo")
    assert told == []
    state(client)
    state(client)
    assert told == [study]


def test_a_study_that_waited_for_nobody_is_told_nothing(tmp_path):
    """A look at a review that was over before calls nobody."""
    told = []
    study = draw_study(tmp_path)
    for item in state(visit(study))["items"]:
        append_decision(study, item["key"], "keep", by="Bo")
    state(visit(study, on_all_decided=told.append))
    assert told == []


def test_a_request_has_a_limit(client):
    """More than a person can decide is not read to its end."""
    post = {"by": "A" * 2_000_000, "decisions": []}
    answer = client.post("/invented/decisions", json=post, headers=headers(client))
    assert answer.status_code == 413
    assert "more than 1,048,576 bytes" in answer.text
