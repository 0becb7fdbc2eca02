"""Pages of our own on loopback."""

import os
import signal
import sys
from threading import Timer

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


def test_a_page_has_ended_when_ctrl_c_has(monkeypatch):
    """Ctrl-C while the page is waited for ends the waiting, and the page is served to its end."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with loopback.served(lambda _: None, "", usual_port=0) as page:
        ctrl_c = Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        ctrl_c.start()
        loopback.stay(page, with_browser=False)
        ctrl_c.join()
        assert not page.ended.is_set()
    assert page.ended.is_set()
