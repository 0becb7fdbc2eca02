"""Pages of our own on loopback."""

import os
import sys

import pytest

from deployments import loopback


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
