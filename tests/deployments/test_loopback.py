"""Pages of our own on loopback."""

import os
import signal
import sys
from threading import Event

import httpx
import pytest

from deployments import loopback
from deployments.pages.site import guarded_app


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="there, a screen is taken for granted")
@pytest.mark.parametrize(
    ("surroundings", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.1 22"}, False),
    ],
)
def test_a_browser_is_opened_only_before_a_person(monkeypatch, surroundings, expected):
    """Not without a screen, and not at the far end of a connection."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings.items():
        monkeypatch.setitem(os.environ, name, value)
    assert loopback.has_screen() is expected


class _Pressed(Event):
    """Somebody who waits for it presses Ctrl-C."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        raise KeyboardInterrupt


def test_a_page_has_ended_when_ctrl_c_has(monkeypatch):
    """Ctrl-C while the page is waited for ends the waiting, and the page is served to its end."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with loopback.served(lambda _: None, "", usual_port=0) as page:
        loopback.stay(loopback.ServedPage(page.address, _Pressed()), with_browser=False)
        assert not page.ended.is_set()
    assert page.ended.is_set()


@pytest.mark.parametrize(
    ("host", "password", "expected"),
    [
        ("covers.example:4281", "of sixteen letters", 404),  # it passes, and there is no such page
        ("covers.example:4281", "of sixteen lettres", 401),
        ("covers.example:4281", "", 401),
        ("covers.example:4281", None, 401),
        ("other.example", "of sixteen letters", 421),
    ],
)
def test_a_shared_page_asks_for_its_password_and_answers_to_its_name(host, password, expected):
    """Whoever else may reach this machine gets nothing; a site that had its own name point here does not either."""
    shared = loopback.Shared("covers.example:4281", "of sixteen letters")
    with loopback.served(lambda hosts: guarded_app([], hosts=hosts, token=""), "", usual_port=0, shared=shared) as page:
        login = None if password is None else ("anybody", password)
        answer = httpx.get(page.address, headers={"Host": host}, auth=login)
    assert answer.status_code == expected
    assert ("WWW-Authenticate" in answer.headers) == (expected == 401)


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !", "Basic bm9jb2xvbg==", "Bearer of sixteen letters", "Basic ÿ"]
)
def test_what_is_no_login_is_refused(authorization):
    """Also where it cannot be decoded."""
    shared = loopback.Shared("covers.example", "of sixteen letters")
    with loopback.served(lambda _: None, "", usual_port=0, shared=shared) as page:
        assert httpx.get(page.address, headers={"Authorization": authorization.encode("latin-1")}).status_code == 401


def test_a_page_that_is_not_shared_listens_on_loopback_alone():
    """Nobody else can connect."""
    with loopback._listen("127.0.0.1", (0,)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    with loopback.served(lambda _: None, "", usual_port=0) as page:
        assert page.address.startswith("http://127.0.0.1:")
