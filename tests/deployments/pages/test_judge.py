"""The judging page over HTTP: what it gives, what it takes, and what it refuses."""

import io

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount

from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from deployments.pages.guard import TOKEN_HEADER, loopback_hosts
from deployments.pages.judge import judge_app
from tests.bookcover_core.covers.loopback import LoopbackHost, reply
from tests.bookcover_core.inference.trained import GENRES, draw, settings_in
from tests.deployments.pages.visitor import ORIGIN, Visitor

BYTES = "application/octet-stream"


def picture(kind: str = "PNG") -> bytes:
    output = io.BytesIO()
    draw(GENRES["Law"], 80, (120, 180)).save(output, kind)
    return output.getvalue()


@pytest.fixture
def client(trained):
    return Visitor(judge_app({"tiny": trained}, hosts=loopback_hosts(4280)))


def state(client):
    return client.get("/tiny/state").json()


def headers(client, **changed) -> dict[str, str]:
    sent = {
        "Origin": ORIGIN,
        "Sec-Fetch-Site": "same-origin",
        TOKEN_HEADER: state(client)["token"],
        "Content-Type": BYTES,
    }
    return {name: value for name, value in (sent | changed).items() if value is not None}


def judge(client, body, path="judge", **query):
    """Send a picture, as the page does."""
    return client.post(f"/tiny/{path}", params=query, content=body, headers=headers(client))


def files(folder):
    return {(file, file.stat().st_mtime_ns) for file in folder.rglob("*")}


def test_the_state_tells_of_each_model_how_often_it_is_right(client):
    """The best by validation accuracy first, each with its measured accuracy in words."""
    models = state(client)["models"]
    assert {each["model"] for each in models} == {"Tiny-padded", "Small-padded", "Ensemble-mean-padded"}
    accuracies = [each["validation_accuracy"] for each in models]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all("test books (" in each["measured"] for each in models)


def test_a_picture_is_judged_explained_and_not_kept(client, trained):
    """The verdict, the picture under its veil, and no file anywhere in the study."""
    before = files(trained.workspace.root)
    verdict = judge(client, picture(), model="Tiny-padded", name="mine.png").json()
    assert (verdict["source"], verdict["model"]) == ("mine.png", "Tiny-padded")
    assert (verdict["width"], verdict["height"]) == (120, 180)
    assert sum(guess["probability"] for guess in verdict["genres"]) == pytest.approx(1, abs=1e-4)
    explained = judge(client, picture(), "explain", model="Tiny-padded", genre="travel")
    with Image.open(io.BytesIO(explained.content)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (120, 180))
    assert judge(client, picture(), "explain", genre="nonsense").status_code == 404
    assert judge(client, picture(), model="VGG16").status_code == 409
    assert files(trained.workspace.root) == before


def test_covers_like_it_are_served_small_and_nothing_else(client, trained):
    """Only covers of the study's books, by key."""
    nearest = judge(client, picture()).json()["nearest"]
    keys = set(read_table(trained.workspace.selection)["key"])
    assert len(nearest) == 6
    for book in nearest:
        assert book["key"] in keys
        small = client.get(f"/tiny/{book['small']}")
        assert small.headers["Content-Type"] == "image/jpeg"
        assert "immutable" in small.headers["Cache-Control"]
    for key in ("nobody", "../settings.json", ""):
        assert client.get("/tiny/small", params={"book": key}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html></html>", 422, "no picture that can be read: a web page"),
        (b"", 422, "no picture that can be read: empty"),
        (picture()[:900], 422, "cut short"),
        (bytes(200_001), 413, "more than 200,000 bytes"),
    ],
)
def test_what_is_no_picture_is_told_in_words(client, body, status, words):
    """A clear message, and the page goes on."""
    answer = judge(client, body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": None}, 403),
        ({TOKEN_HEADER: "guessed"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "image/png"}, 415),
        ({"Host": "evil.example:4280"}, 421),
    ],
)
def test_other_sites_cannot_have_covers_judged(client, changed, status):
    """Work, and requests to other hosts, are asked for by our page alone."""
    for path in ("judge", "explain", "fetch"):
        answer = client.post(f"/tiny/{path}", content=picture(), headers=headers(client, **changed))
        assert answer.status_code == status
        assert "error" in answer.json()


def test_a_picture_is_fetched_by_its_address(client):
    """With the guard of the download: a private host that is not allowed is refused."""
    host = LoopbackHost()
    host.start()
    try:
        host.add("/cover.png", reply(200, picture()))
        host.add("/page", reply(200, b"<html>"))

        def fetch(address):
            sent = headers(client, **{"Content-Type": "application/json"})
            return client.post("/tiny/fetch", json={"address": address}, headers=sent)

        came = fetch(f"http://localhost:{host.port}/cover.png")
        assert (came.headers["Content-Type"], came.content) == ("image/png", picture())
        for address, words in {
            f"http://localhost:{host.port}/page": "a web page",
            f"http://localhost:{host.port}/gone": "HTTP 404",
            f"http://127.0.0.1:{host.port}/cover.png": "no public address",
            "cover.png": "Not an http or https address",
        }.items():
            answer = fetch(address)
            assert answer.status_code == 422
            assert words in answer.json()["error"]
        assert host.count("/cover.png") == 1
    finally:
        host.stop()


def test_the_page_is_locked_down_but_for_pictures_that_the_browser_holds(client):
    """No inline script or style, nothing from elsewhere."""
    page = client.get("/tiny/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; ")
    assert "unsafe" not in policy
    for word in ("style=", "onclick", "<script>", "http:"):
        assert word not in page.text
    for name in ("judge.js", "judge.css", "pages.css", "icon.svg"):
        assert f"../-/{name}?" in page.text
        assert client.get(f"/-/{name}").status_code == 200


def test_it_can_be_mounted_below_another_address(trained):
    """All its addresses are relative."""
    outer = Starlette(routes=[Mount("/judge", judge_app({"tiny": trained}, hosts=loopback_hosts(4280)))])
    client = Visitor(outer)
    assert client.get("/judge").url.path == "/judge/tiny/"
    assert client.get("/judge/-/judge.js").status_code == 200
    assert len(client.get("/judge/tiny/state").json()["models"]) == 3
    assert client.get("/judge/other/").status_code == 404


def test_a_study_without_a_network_says_what_to_run(tmp_path):
    """Before the training the page is there."""
    client = Visitor(judge_app({"tiny": Study(settings_in(tmp_path))}, hosts=loopback_hosts(4280)))
    assert client.get("/tiny/").status_code == 200
    assert "bookcover run" in state(client)["problem"]
