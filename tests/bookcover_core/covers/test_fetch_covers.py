"""Tests of how many processes fetch."""

from unittest.mock import Mock

import pytest

from bookcover_core.covers import fetch_covers
from bookcover_core.settings import CoverSettings


@pytest.mark.parametrize(
    ("pictures", "hosts", "settings", "expected"),
    [
        (20_000, 1, {}, 1),
        (20_000, 1, {"requests_per_second": 499}, 1),
        (20_000, 1, {"requests_per_second": 600}, 2),
        (20_000, 1, {"requests_per_second": 100_000}, 4),
        (20_000, 1, {"requests_per_second": 100_000, "concurrency": 3}, 3),
        (20_000, 1_000, {}, 2),
        (999, 1, {"requests_per_second": 100_000}, 1),
        (0, 0, {}, 1),
    ],
)
def test_the_settings_say_how_many_processes_fetch(
    pictures: int, hosts: int, settings: dict[str, float], expected: int, monkeypatch: pytest.MonkeyPatch
):
    """One for the polite pace of the defaults; with more allowed, more: but no more than cores, requests, and work."""
    monkeypatch.setattr(fetch_covers, "cpu_count", Mock(return_value=4))
    assert fetch_covers._processes(pictures, hosts, CoverSettings.model_validate(settings)) == expected
