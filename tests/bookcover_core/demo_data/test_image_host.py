"""The image host serves pictures by raw path, keeps connections, counts, and misbehaves where it is told to."""

import io
import threading
import time

import httpx
import pytest
from PIL import Image

from bookcover_core.demo_data import image_host
from bookcover_core.demo_data.cover_painter import draw_cover
from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.errors import ServerError

PATH = "/images/I/51p5aUY%2BOKL.jpg"


@pytest.fixture(scope="module")
def cover(tmp_path_factory):
    file = tmp_path_factory.mktemp("host") / "0000000019.jpg"
    file.write_bytes(draw_cover(1, "0000000019", "Travel", "Hidden Norway", "Zoe Thorne"))
    return file


def _asked(cover, fault, times=1):
    with (
        ImageHost({PATH: cover}, {PATH: fault} if fault else {}) as host,
        httpx.Client(base_url=host.address) as client,
    ):
        return [client.get(PATH) for _ in range(times)], host


def test_a_picture_is_served_under_its_raw_path(cover):
    """The percent-encoded path of the listing finds the file, whole, with its length and type, on one connection."""
    answers, host = _asked(cover, None, times=3)
    for answer in answers:
        assert answer.status_code == 200
        assert answer.content == cover.read_bytes()
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["content-length"] == str(cover.stat().st_size)
    assert host.requests == {PATH: 3}
    assert host.answers == {(PATH, 200): 3}


def test_an_unknown_path_is_not_found(cover):
    """What the host does not have, and a file that has gone, are answered with 404."""
    with ImageHost({PATH: cover.with_name("gone.jpg")}) as host:
        assert httpx.get(f"{host.address}/images/I/other.jpg").status_code == 404
        assert httpx.get(host.address + PATH).status_code == 404


@pytest.mark.parametrize(("fault", "first"), [(Fault.FLAPPING, 503), (Fault.BUSY, 429)], ids=str)
def test_a_passing_refusal_passes(cover, fault, first):
    """The first request is refused, the second has the picture."""
    answers, _ = _asked(cover, fault, times=2)
    assert [answer.status_code for answer in answers] == [first, 200]
    assert answers[1].content == cover.read_bytes()
    assert answers[0].headers.get("retry-after") == ("1" if fault is Fault.BUSY else None)


def test_a_broken_connection_breaks_once(cover):
    """The first answer breaks off in mid-picture, the second is whole."""
    with ImageHost({PATH: cover}, {PATH: Fault.RESET}) as host:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.get(host.address + PATH)
        assert httpx.get(host.address + PATH).content == cover.read_bytes()
        assert host.answers == {(PATH, 0): 1, (PATH, 200): 1}


@pytest.mark.parametrize("fault", [Fault.PLACEHOLDER, Fault.NO_IMAGE])
def test_placeholders_are_whole_pictures_that_are_too_small(cover, fault):
    """A placeholder decodes, and its smaller side is under the 64 pixels that a cover has at least."""
    (answer,), _ = _asked(cover, fault)
    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        assert min(image.size) < 64
    assert answer.status_code == 200


def test_what_is_no_picture_is_no_picture(cover):
    """404, a web page and an empty body come as what they are."""
    assert _asked(cover, Fault.MISSING, times=2)[0][1].status_code == 404
    (page,), _ = _asked(cover, Fault.HTML)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    (empty,), _ = _asked(cover, Fault.EMPTY)
    assert (empty.status_code, empty.content) == (200, b"")


def test_a_truncated_picture_is_declared_whole(cover):
    """Its length is the declared one, and it cannot be decoded to the end."""
    (answer,), _ = _asked(cover, Fault.TRUNCATED)
    assert cover.read_bytes().startswith(answer.content)
    with Image.open(io.BytesIO(answer.content)) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_a_wrong_type_and_another_path_lead_to_the_picture(cover):
    """The picture comes as text, or behind a redirect to another path."""
    (answer,), _ = _asked(cover, Fault.WRONG_TYPE)
    assert (answer.headers["content-type"], answer.content) == ("text/plain", cover.read_bytes())
    (moved,), _ = _asked(cover, Fault.REDIRECT)
    assert moved.status_code == 302
    with ImageHost({PATH: cover}, {PATH: Fault.REDIRECT}) as host:
        assert httpx.get(host.address + PATH, follow_redirects=True).content == cover.read_bytes()
        assert set(host.requests) == {PATH, f"/moved{PATH}"}


def test_a_slow_picture_comes_and_holds_nobody_up(cover, monkeypatch):
    """While one connection waits for a slow picture, another is served."""
    monkeypatch.setattr(image_host, "_DELAY", 3.0)  # more than the other takes on a busy machine
    came = []

    def ask(path):
        came.append((path, httpx.get(host.address + path).content))

    with ImageHost({PATH: cover, "/quick": cover}, {PATH: Fault.SLOW}) as host:
        waiting = threading.Thread(target=ask, args=(PATH,))
        waiting.start()
        while not host.requests[PATH]:
            time.sleep(0.01)
        ask("/quick")
        waiting.join()
    assert came == [("/quick", cover.read_bytes()), (PATH, cover.read_bytes())]


def test_a_host_ends_while_connections_are_open(cover, caplog):
    """A client that keeps its connection does not keep the host from ending, and nothing is logged."""
    with httpx.Client() as client:
        with ImageHost({PATH: cover}) as host:
            client.get(host.address + PATH)
        with pytest.raises(httpx.TransportError):
            client.get(host.address + PATH)
    assert not caplog.records or all(record.name.startswith("httpx") for record in caplog.records)


def test_two_hosts_cannot_listen_at_one_port(cover):
    """A port that is taken is an error that says so."""
    with ImageHost({PATH: cover}) as host:
        port = int(host.address.rpartition(":")[2])
        with pytest.raises(ServerError, match="cannot listen"), ImageHost({PATH: cover}, port=port):
            pass
