"""Pages of our own on loopback."""

import os
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
