"""A small demo study, run once for all tests of the flows."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from bookcover_core.curation.file_lock import exclusive
from bookcover_core.demo_data import Catalogue, ImageHost, demo_settings, publish
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import EnsembleSettings, PreparationSettings, StudySettings
from tests.begun import begun


@dataclass(frozen=True)
class Done:
    """A study that was run on an invented publisher's books."""

    settings: StudySettings

    def finished(self) -> dict[str, datetime]:
        """When each stage, or part of one, was finished."""
        study = Study(self.settings)
        return {manifest.label: manifest.finished for stage in stages() for manifest in study.manifests(stage.name)}

    def copy_to(self, folder: Path) -> "Done":
        """The same study in a workspace of its own."""
        shutil.copytree(self.settings.root, folder / self.settings.name)
        return Done(self.settings.model_copy(update={"workspace": str(folder)}))


@dataclass(frozen=True)
class DemoStudy(Done):
    """The same, with the host that its covers came from."""

    host: ImageHost


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
    settings = demo_settings(catalogue, host.address, workspace=str(tmp_path_factory.mktemp("studies")))
    return settings.model_copy(
        update={
            "books": settings.books.model_copy(update={"chunk_records": 120}),
            "preparation": PreparationSettings(shard_records=100),
            "comparison": settings.comparison.model_copy(update={"epochs": 3}),
            "training": settings.training.model_copy(update={"backbones": ("MobileNetV2", "LeNet"), "epochs": 5}),
            "scratch": settings.scratch.model_copy(update={"lenet_steps": 8}),
            "ensemble": EnsembleSettings(methods=("weighted",)),
            "visualisation": settings.visualisation.model_copy(update={"model": "LeNet", "steps": 3, "grad_cam": 1}),
        }
    )


@pytest.fixture(scope="session")
def pristine(request, tmp_path_factory, worker_id, prefect_server) -> Done:
    """A demo study that nobody alters; one of the processes that test runs it for all."""
    from flows.study import continue_study

    folder = tmp_path_factory.mktemp("shared") if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    file = folder / "pristine" / "settings.json"
    with exclusive(file):
        if not file.exists():
            settings = request.getfixturevalue("small").model_copy(update={"workspace": str(file.parent)})
            continue_study(begun(settings))
            file.write_text(settings.model_dump_json(), encoding="utf-8")
    return Done(StudySettings.model_validate_json(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def demo_study(host, small, pristine) -> DemoStudy:
    """The same in this process's own workspace, with its own host: what tests do to it, they set right again."""
    settings = pristine.copy_to(Path(small.workspace)).settings
    return DemoStudy(settings.model_copy(update={"covers": small.covers}), host)


@pytest.fixture
def copied(pristine, tmp_path) -> Done:
    """The same in a workspace of its own, for a test that alters it."""
    return pristine.copy_to(tmp_path / "copied")


@pytest.fixture
def settings_file(tmp_path: Path):
    """Writes settings to a TOML file."""
    from bookcover_core.settings.toml_file import to_toml

    def write(settings: StudySettings) -> Path:
        file = tmp_path / "settings.toml"
        file.write_text(to_toml(settings), encoding="utf-8")
        return file

    return write
