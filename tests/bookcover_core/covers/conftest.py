"""Fixtures for the covers: a host on loopback, and studies whose listing names its pictures."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bookcover_core.covers import fetch_covers
from bookcover_core.listings.read_listings import read_listings
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import LoopbackHost, picture, reply


@pytest.fixture
def host() -> Iterator[LoopbackHost]:
    host = LoopbackHost()
    host.start()
    yield host
    host.stop()


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many processes fetch, however few the covers are: what is promised of one holds for several."""
    number: int = request.param
    monkeypatch.setattr(fetch_covers, "_processes", Mock(return_value=number))
    return number


@pytest.fixture
def make_study(tmp_path: Path, host: LoopbackHost) -> Callable[..., Study]:
    """A study of the books at the given addresses (by key), and of six that are well: genres need three each."""

    def make(urls: dict[str, str], *, books: dict[str, Any] | None = None, **covers: Any) -> Study:
        rows = [(f"well{number}", host.add(f"/well{number}.jpg", reply(200, picture()))) for number in range(6)]
        rows += list(urls.items())
        listing = tmp_path / "listing.csv"
        with listing.open("w", newline="") as lines:
            table = csv.writer(lines, quoting=csv.QUOTE_ALL)
            for number, (key, url) in enumerate(rows):
                genre = number % 2
                table.writerow([key, f"{key}.jpg", url, f"Title {key}", "", str(genre), ("Law", "Travel")[genre]])
        settings = {
            "name": "covers",
            "workspace": str(tmp_path / "studies"),
            "books": {"source": "listing", "listing": str(listing), **(books or {})},
            "covers": {
                "allowed_private_hosts": ["127.0.0.1"],
                "requests_per_second": 5000,
                "backoff": 0.01,
                "attempts": 3,
                "max_failed_share": 0.9,
                **covers,
            },
        }
        study = Study(parse_settings(settings))
        read_listings(study)
        return study

    return make
