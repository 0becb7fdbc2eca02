"""A small demo study, run once for all tests of the flows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bookcover_core.demo_data import publisher
from bookcover_core.demo_data.catalogue import Catalogue, publish
from bookcover_core.demo_data.demo_settings import demo_settings
from bookcover_core.demo_data.image_host import ImageHost
from bookcover_core.genres import BOOK32, BOOKCOVER30
from bookcover_core.pipeline import stage_process
from bookcover_core.pipeline.graph import stages
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import (
    BaselineSettings,
    EnsembleSettings,
    Preparation,
    PreparationSettings,
    StudySettings,
)
from tests.begun import begun
from tests.bookcover_core.inference.trained import add_networks
from tests.deployments.quick_worker import save_nothing

# Genres of that study.
GENRES = 8


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
    """A publisher of eight of the thirty genres, and of two further categories in the pool; few titles are harmless."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publisher, "BOOKCOVER30", BOOKCOVER30[:GENRES])
        patch.setattr(publisher, "BOOK32", BOOK32[: GENRES + 2])
        patch.setattr(publisher, "_BOX_SET", 0.06)
        folder = tmp_path_factory.mktemp("publisher")
        return publish(folder, seed=7, train_per_genre=6, test_per_genre=3, pool_per_genre=4)


@pytest.fixture(scope="session")
def host(catalogue) -> Iterator[ImageHost]:
    with ImageHost(catalogue.pictures, catalogue.faults) as host:
        yield host


@pytest.fixture(scope="session")
def small(catalogue, host, tmp_path_factory) -> StudySettings:
    """Settings of a study that takes seconds: two networks, short trainings, several chunks and shards."""
    settings = demo_settings(catalogue, host.address, workspace=str(tmp_path_factory.mktemp("studies")))
    methods = (Preparation.NOPREP, Preparation.PADDED)
    return settings.model_copy(
        update={
            "books": settings.books.model_copy(update={"chunk_records": 60}),
            "preparation": PreparationSettings(methods=methods, size=64, shard_records=40),
            "comparison": settings.comparison.model_copy(update={"backbone": "Tiny", "epochs": 3}),
            "training": settings.training.model_copy(update={"backbones": ("Tiny", "LeNet"), "epochs": 5}),
            "scratch": settings.scratch.model_copy(update={"lenet_steps": 8}),
            "ensemble": EnsembleSettings(methods=("weighted",)),
            "baselines": BaselineSettings(names=("commonest", "colour-and-shape")),
            "evaluation": settings.evaluation.model_copy(update={"resamples": 100}),
            "visualisation": settings.visualisation.model_copy(update={"model": "LeNet", "steps": 3, "grad_cam": 1}),
        }
    )


@contextmanager
def stages_here() -> Iterator[None]:
    """Stages start no processes, know the tiny networks, and leave figures blank.

    TensorFlow is imported once, where each process would import it, and a report takes seconds to draw. Processes and
    figures are those of everybody in `test_own_covers.py`, and wherever tests type commands or press buttons.
    """
    with pytest.MonkeyPatch.context() as patch:
        add_networks(patch)
        patch.setattr(Figure, "savefig", save_nothing)
        patch.setattr(stage_process, "run_apart", lambda study, stage, *words, **_: stage(study, *words))
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")
        yield


@pytest.fixture(scope="session")
def pristine(request, study_made_once, prefect_server) -> Done:
    """A demo study that nobody alters; one of the processes that test runs it for all."""
    from flows.study import continue_study

    def run(folder: Path) -> Study:
        settings = request.getfixturevalue("small").model_copy(update={"workspace": str(folder)})
        with stages_here():
            continue_study(begun(settings))
        return Study(settings)

    return Done(study_made_once("pristine", run).settings)


@pytest.fixture(scope="session")
def demo_study(host, small, pristine) -> DemoStudy:
    """The same in this process's own workspace, with its own host: what tests do to it, they set right again."""
    settings = pristine.copy_to(Path(small.workspace)).settings
    return DemoStudy(settings.model_copy(update={"covers": small.covers}), host)


@pytest.fixture
def tiny_networks(pristine, monkeypatch) -> None:
    """The networks of that study are known."""
    add_networks(monkeypatch)


@pytest.fixture
def here(tiny_networks) -> Iterator[None]:
    """Networks are trained in this process."""
    with stages_here():
        yield


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
