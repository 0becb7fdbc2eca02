"""Pages of our own on loopback."""

import os
import subprocess
import sys

import pytest

from deployments import loopback
from deployments.pages.guard import PasswordGuard
from deployments.pages.site import guarded_app
from tests.deployments.pages.visitor import Visitor


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
    app = PasswordGuard(guarded_app([], hosts=["covers.example:4281"], token=""), "of sixteen letters")
    login = None if password is None else ("anybody", password)
    answer = Visitor(app).get("/", headers={"Host": host}, auth=login)
    assert answer.status_code == expected
    assert ("WWW-Authenticate" in answer.headers) == (expected == 401)


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !", "Basic bm9jb2xvbg==", "Bearer of sixteen letters", "Basic ÿ"], ids=range(5)
)
def test_what_is_no_login_is_refused(authorization):
    """Also where it cannot be decoded."""
    app = PasswordGuard(guarded_app([], hosts=["covers.example"], token=""), "of sixteen letters")
    assert Visitor(app).get("/", headers={"Authorization": authorization.encode("latin-1")}).status_code == 401


# In a process of its own: the signal ended one that had run many other tests.
CTRL_C = """
import os, signal
from threading import Timer
import httpx
from deployments import loopback
from deployments.pages.site import guarded_app

signal.signal(signal.SIGINT, signal.default_int_handler)
shared = loopback.Shared("covers.example:4281", "of sixteen letters")
for given, status in ((None, 421), (shared, 401)):
    with loopback.served(lambda hosts: guarded_app([], hosts=hosts, token=""), "", usual_port=0, shared=given) as page:
        assert httpx.get(page.address, headers={"Host": shared.name}).status_code == status
        ctrl_c = Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        ctrl_c.start()
        loopback.stay(page, with_browser=False)
        ctrl_c.join()
        assert not page.ended.is_set()
    assert page.ended.is_set()
"""


def test_a_page_has_ended_when_ctrl_c_has():
    """Ctrl-C while the page is waited for ends the waiting, and the page is served to its end; shared or not."""
    ended = subprocess.run([sys.executable, "-c", CTRL_C], check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
