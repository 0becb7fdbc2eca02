"""Which covers a person means."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.urls import parse_address
from bookcover_core.inference.answers import Unreadable
from bookcover_core.inference.cover_sources import CoverFetcher, find_covers
from bookcover_core.settings import CoverSettings
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply


def test_a_folder_is_walked_in_the_order_of_names(tmp_path, monkeypatch):
    """Subfolders too; what is hidden, or not called as a picture, is left out; a file that is named is taken."""
    for name in ("b/2.jpg", "b/10.PNG", "a.webp", "c/.hidden.jpg", ".git/x.jpg", "notes.txt", "b/deep/1.gif"):
        (tmp_path / "covers" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "covers" / name).touch()
    monkeypatch.chdir(tmp_path)
    found = list(find_covers(["covers/notes.txt", "covers"]))
    names = ["notes.txt", "a.webp", "b/10.PNG", "b/2.jpg", "b/deep/1.gif"]
    assert [cover.name for cover in found] == [str(Path("covers", name)) for name in names]
    assert all(cover.at.is_file() for cover in found)


def test_addresses_files_and_mistakes_keep_their_order():
    """Each name has its place, whatever it is."""
    found = list(
        find_covers(["https://covers.example/a%2Bb.jpg", "nowhere.jpg", "ftp://x/y.jpg", "~nobody-so-called/z.jpg"])
    )
    assert str(found[0].at) == "https://covers.example/a%2Bb.jpg"
    assert [each.source for each in found if isinstance(each, Unreadable)] == [
        "nowhere.jpg",
        "ftp://x/y.jpg",
        "~nobody-so-called/z.jpg",
    ]


def test_a_pipe_in_a_folder_is_named_and_never_opened(tmp_path):
    """It would hang; so would a file that is called like a picture and is none."""
    os.mkfifo(tmp_path / "1.jpg")
    Image.new("RGB", (90, 130)).save(tmp_path / "2", "PNG")
    found = list(find_covers([str(tmp_path)]))
    assert [(each.source, each.reason) for each in found if isinstance(each, Unreadable)] == [
        (str(tmp_path / "1.jpg"), "a named pipe, which is not read")
    ]
    assert [each.name for each in found if not isinstance(each, Unreadable)] == [str(tmp_path / "2")]


def test_what_is_named_and_is_no_file_is_called_what_it_is(tmp_path):
    """A pipe, a device and a link to nothing are there: that there is no such file would send people to look for it."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    (tmp_path / "file.jpg").touch()
    names = [str(tmp_path / name) for name in ("pipe.jpg", "link.jpg", "file.jpg/x.jpg", "gone.jpg", "a\0b")]
    reasons = [each.reason for each in find_covers([*names, "/dev/null"]) if isinstance(each, Unreadable)]
    advice = 'which is not read: name a picture, or "-" for the standard input'
    assert reasons == [
        f"a named pipe, {advice}",
        "a link to nothing",
        "it cannot be looked at (Not a directory)",
        "there is no such file, folder or address",
        "it cannot be looked at (no file can be called so)",
        f"a device, {advice}",
    ]


def test_names_that_are_no_utf8_can_be_written_everywhere(tmp_path):
    """In a folder, beside it, and where they cannot be judged: as JSON, and in any encoding of a terminal."""
    name = os.fsdecode(b"caf\xe9.jpg")
    Image.new("RGB", (90, 120)).save(tmp_path / name)
    (tmp_path / os.fsdecode(b"\xe9.heic")).write_bytes(b"\0\0\0\x18ftypheic")
    foreign, cover, gone = find_covers([str(tmp_path), str(tmp_path / os.fsdecode(b"none\xff.jpg"))])
    assert cover.at.read_bytes()
    for each in (foreign, gone):
        assert json.loads(each.model_dump_json())["source"] == each.source
        assert each.source.encode("ascii", "backslashreplace")
    assert "HEIC" in foreign.reason
    assert foreign.source.endswith(r"\udce9.heic")


SETTINGS = CoverSettings(
    allowed_private_hosts=("127.0.0.1",), backoff=0.01, connect_timeout=2, read_timeout=0.5, requests_per_second=5000
)


@pytest.fixture
def host():
    host = LoopbackHost()
    host.start()
    yield host
    host.stop()


@pytest.fixture
def fetch():
    fetchers = []

    def fetch(url, settings=SETTINGS):
        fetchers.append(CoverFetcher(settings))
        return fetchers[-1].fetch(parse_address(url))

    yield fetch
    for fetcher in fetchers:
        fetcher.close()


def test_a_picture_comes_as_it_is_over_redirects(host, fetch):
    """Byte for byte, from wherever the address leads."""
    cover = picture()
    host.add("/cover.jpg", reply(200, cover))
    moved = host.add("/moved", reply(302, Location="/cover.jpg"))
    body, found = fetch(moved)
    assert (body, found.outcome) == (cover, CoverOutcome.OK)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(404), CoverOutcome.MISSING),
        (reply(200, b"<html>"), CoverOutcome.NOT_AN_IMAGE),
        (reply(200, b"x" * 11_000_000), CoverOutcome.TOO_LARGE),
        (reply(500), CoverOutcome.FAILED),
        (reply(403), CoverOutcome.REFUSED),
    ],
)
def test_what_an_address_answers_is_named_as_in_a_ledger(host, fetch, answer, outcome):
    """No picture is no error: it has its outcome; a host that fails is asked twice, not for ever."""
    address = host.add("/it", answer)
    assert fetch(address)[1].outcome is outcome
    assert host.count("/it") == (2 if outcome is CoverOutcome.FAILED else 1)


def test_private_hosts_are_refused(host, fetch):
    """The download's guard stands here too, behind a redirect as well."""
    address = host.add("/cover.jpg", reply(200, picture()))
    _, found = fetch(address, SETTINGS.model_copy(update={"allowed_private_hosts": ()}))
    assert found.outcome is CoverOutcome.REFUSED
    assert "no public address" in found.detail
    led_in = host.add("/led-in", reply(302, Location=f"http://localhost:{host.port}/cover.jpg"))
    assert fetch(led_in)[1].outcome is CoverOutcome.REFUSED
    assert host.count("/cover.jpg") == 0
