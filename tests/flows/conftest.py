"""A small rehearsal study, run once for all tests of the flows."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from bookcover_core.rehearsal import Catalogue, ImageHost, publish, rehearsal_settings
from bookcover_core.settings import StudySettings
from bookcover_core.stages import STAGES
from bookcover_core.study import Study


@dataclass(frozen=True)
class Rehearsal:
    """A study that was run on an invented publisher's books."""

    catalogue: Catalogue
    host: ImageHost
    settings: StudySettings

    def finished(self) -> dict[str, datetime]:
        """When each stage, or part of one, was finished."""
        study = Study(self.settings)
        return {manifest.label: manifest.finished for stage in STAGES for manifest in study.manifests(stage.name)}


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory) -> Catalogue:
    return publish(tmp_path_factory.mktemp("publisher"), seed=7, train_per_genre=6, test_per_genre=3, pool_per_genre=2)


@pytest.fixture(scope="session")
def host(catalogue) -> Iterator[ImageHost]:
    with ImageHost(catalogue.pictures, catalogue.faults) as host:
        yield host


@pytest.fixture(scope="session")
def small(catalogue, host, tmp_path_factory) -> StudySettings:
    """Settings of a study that takes a minute: two networks, short trainings, several chunks and shards."""
    settings = rehearsal_settings(catalogue, host.address, workspace=str(tmp_path_factory.mktemp("studies")))
    return settings.model_copy(
        update={
            "books": settings.books.model_copy(update={"chunk_records": 120}),
            "preparation": settings.preparation.model_copy(update={"shard_records": 100}),
            "comparison": settings.comparison.model_copy(update={"epochs": 3}),
            "training": settings.training.model_copy(update={"backbones": ("MobileNetV2", "LeNet"), "epochs": 5}),
            "scratch": settings.scratch.model_copy(update={"lenet_steps": 8}),
            "ensemble": settings.ensemble.model_copy(update={"methods": ("weighted",)}),
            "visualisation": settings.visualisation.model_copy(update={"model": "LeNet", "steps": 3, "grad_cam": 1}),
        }
    )


@pytest.fixture(scope="session")
def rehearsal(catalogue, host, small, prefect_server) -> Rehearsal:
    from flows.study import study

    study(small)
    return Rehearsal(catalogue, host, small)


@pytest.fixture
def copied(rehearsal, tmp_path) -> Rehearsal:
    """The same study in a folder of its own, for a test that alters it."""
    shutil.copytree(rehearsal.settings.root, tmp_path / "copied" / rehearsal.settings.name)
    settings = rehearsal.settings.model_copy(update={"workspace": str(tmp_path / "copied")})
    return Rehearsal(rehearsal.catalogue, rehearsal.host, settings)


@pytest.fixture
def settings_file(tmp_path: Path):
    """Writes settings to a TOML file."""
    from bookcover_core.settings_file import to_toml

    def write(settings: StudySettings) -> Path:
        file = tmp_path / "settings.toml"
        file.write_text(to_toml(settings), encoding="utf-8")
        return file

    return write
