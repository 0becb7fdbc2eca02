"""Covers of a demo whose own command has ended."""

import socket
from pathlib import Path

import httpx
import pytest

from bookcover_core.demo_data import catalogue
from bookcover_core.demo_data.catalogue import publish
from bookcover_core.demo_data.demo_settings import demo_settings
from bookcover_core.demo_data.faults import Fault
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.settings import StudySettings
from deployments.demo_covers import PUBLISHER, covers_of_demos


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("home") / PUBLISHER
    return publish(folder, seed=3, train_per_genre=1, test_per_genre=0, pool_per_genre=0)


@pytest.fixture
def demo(drawn) -> StudySettings:
    """The settings of a demo that has ended."""
    with ImageHost({}) as host:
        address = host.address
    return demo_settings(drawn, address, workspace=str(drawn.folder.parent))


def address_of(settings: StudySettings) -> str:
    [[address]] = settings.covers.hosts.values()
    return address


def test_covers_are_served_where_the_study_looks_for_them(demo: StudySettings, drawn, capsys):
    """As long as the block lasts, with the host's faults; other studies are left alone."""
    path, file = next((path, file) for path, file in drawn.pictures.items() if path not in drawn.faults)
    missing = next(path for path, fault in drawn.faults.items() if fault is Fault.MISSING)
    with covers_of_demos([StudySettings(), demo]):
        assert httpx.get(address_of(demo) + path).content == file.read_bytes()
        assert httpx.get(address_of(demo) + missing).status_code == 404
    with pytest.raises(httpx.ConnectError):
        httpx.get(address_of(demo) + path)
    assert capsys.readouterr().out == ""


def test_where_they_cannot_be_served_one_is_told_what_to_do(demo: StudySettings, monkeypatch, capsys):
    """Another program has the port, or the covers are those of another version."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(address_of(demo).rpartition(":")[2])))
        taken.listen()
        with covers_of_demos([demo]):
            assert "in use" in (said := capsys.readouterr().out)
            assert "bookcover demo" in said
    monkeypatch.setattr(catalogue, "_code_digest", lambda: "other")
    with covers_of_demos([demo]):
        assert "another version" in capsys.readouterr().out


def test_what_is_no_catalogue_is_none(tmp_path: Path):
    """A folder without an edition, and one that is damaged."""
    assert catalogue.published(tmp_path) is None
    (tmp_path / "edition.json").write_text("[]", "utf-8")
    assert catalogue.published(tmp_path) is None
