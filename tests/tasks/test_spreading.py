"""Shards spread over the workers of a cluster: the same files, errors of ours, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster
from PIL import Image

from bookcover_core.demo_data.typesetting import set_text
from bookcover_core.errors import FolderError, SettingsError, WorkerError
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.manifests import read_manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import prepare_shard, shard_keys, shards
from bookcover_core.reading.cover_words import texts_of_covers
from bookcover_core.reading.read_covers import read_shard
from bookcover_core.settings import SpreadingSettings, StudySettings
from bookcover_core.training.features import compute_features
from flows.stages import stage_flow
from flows.steps import prepare
from tasks import clusters, spreading, stages
from tasks.spreading import run_parts, spread
from tasks.stages import stage_task
from tests.begun import begun
from tests.bookcover_core.preparation.test_prepare import draw, select, study_in

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
BACKBONE = "MobileNetV2"
PREPARATION = "padded"


def with_cluster(study: Study, how: str, **values) -> StudySettings:
    spread = study.settings.spreading.model_copy(update={"how": how, "workers": 2, **values})
    models = study.settings.models.model_copy(update={"weights": "random", "input_size": 96})
    text = study.settings.text.model_copy(update={"systems": ("CoverText",)})
    reading = study.settings.reading.model_copy(update={"side": 160})
    return study.settings.model_copy(update={"spreading": spread, "models": models, "text": text, "reading": reading})


def selected(folder: Path) -> Study:
    """Thirty-six selected covers, in four shards; a word stands on one of them."""
    study, keys = study_in(folder, shard_records=16), [f"k{number:03d}" for number in range(36)]
    draw(study, keys[3], 3)
    cover = Image.new("RGB", (120, 160), "white")
    set_text(cover, (5, 30, 115, 90), "Soup", "sans", (0, 0, 0))
    cover.save(study.workspace.covers / "law" / f"{keys[3]}.jpg", quality=95)
    select(study, keys)
    return study


@pytest.fixture
def study(tmp_path) -> Study:
    return selected(tmp_path)


def made(study: Study) -> dict[str, object]:
    """All that preparation, reading and features left behind, but for times."""
    workspace = study.workspace
    files = [*workspace.prepared.rglob("*.jpg"), *workspace.features.rglob("*.npy"), *workspace.texts.rglob("*.jsonl")]
    found: dict[str, object] = {workspace.relative(file): file.read_bytes() for file in files}
    for file in workspace.prepared.rglob("*.csv"):
        found[workspace.relative(file)] = read_table(file).drop(columns="mtime_ns", errors="ignore").to_csv()
    for file in [
        each for stage in ("prepare", "read", "features") for each in workspace.manifests.glob(f"{stage}/*.json")
    ]:
        manifest = read_manifest(file)
        found[manifest.label] = (manifest.key, manifest.digest)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, object]:
    """What the same study leaves behind where nothing is spread."""
    study = Study(with_cluster(selected(tmp_path_factory.mktemp("alone")), ""))
    for shard in shards(study):
        prepare_shard(study, shard)
        read_shard(study, shard)
    assert "Soup" in texts_of_covers(study, 0.5).values()
    compute_features(study, BACKBONE, PREPARATION)
    return made(study)


@pytest.fixture(autouse=True)
def nobody_is_left(prefect_server):
    """Whatever a test does, its workers and their processes end with it."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    workers = [process for process in left if "resource_tracker" not in " ".join(process.cmdline())]
    assert workers == []


@stage_flow("spread-features", "spread features")
def spread_features(settings: StudySettings) -> None:
    run_parts(Study(settings), [Part(find("features"), (BACKBONE, PREPARATION))])


def start(*words: str) -> subprocess.Popen:
    """A part of a cluster that people start, in a folder that is not the project's."""
    command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
    surroundings = os.environ | {"PYTHONPATH": str(PROJECT), "DASK_DISTRIBUTED__WORKER__DAEMON": "true"}
    return subprocess.Popen(command, cwd="/", env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_cluster_that_is_there_makes_the_same_files(study, alone, tmp_path, monkeypatch):
    """Pictures, tables, words, features, keys and digests are those of a run without it; and nothing is done twice."""
    found = tmp_path / "scheduler.json"
    scratch = str(tmp_path)
    scheduler = start(
        "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(found)
    )
    worker = start(
        "dask_worker",
        "--scheduler-file",
        str(found),
        "--nworkers",
        "2",
        "--nthreads",
        "1",
        "--local-directory",
        scratch,
    )
    try:
        while not found.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        address = json.loads(found.read_text())["address"]
        settings = with_cluster(study, "dask", address=address)
        prepare(begun(settings))
        spread_features(settings)
        assert made(study) == alone
        monkeypatch.setattr(spreading, "cluster", lambda _: pytest.fail("a cluster was wanted"))
        prepare(begun(settings))
        spread_features(settings)
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait()


def test_a_cluster_whose_workers_never_come_is_not_waited_for_for_ever(monkeypatch):
    """A scheduler alone does no work: the study says so instead of hanging."""
    monkeypatch.setattr(clusters, "_SECONDS_FOR_A_WORKER", 1)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as idle:
        wanted = SpreadingSettings(how="dask", address=idle.scheduler_address)
        with pytest.raises(WorkerError, match=r"does not answer .*workers arrived"), clusters.cluster(wanted):
            pass


@stage_task("fragile-shard", "fragile shard {shard}")
def prepare_fragile_shard(settings: StudySettings, shard: int):
    """A shard whose worker is killed while it is at it, once."""
    marker = Path(settings.workspace) / "killed"
    if shard == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return stages._run("prepare", settings, (shard,))


@stage_flow("fragile", "fragile")
def fragile(settings: StudySettings) -> None:
    spread(Study(settings), [Part(find("prepare"), (shard,)) for shard in (1, 2, 3, 4)])


def test_a_bad_cover_and_a_killed_worker_cost_their_shard_alone(study, monkeypatch):
    """The error is that of the shard, and names the cover; a shard whose worker was killed is done by another."""
    monkeypatch.setattr(spreading, "task_of", lambda _: prepare_fragile_shard)
    cover = study.workspace.covers / "law" / "k003.jpg"
    cover.unlink()
    with pytest.raises(FolderError, match=r"k003\.jpg: the cover is not as it was downloaded"):
        fragile(with_cluster(study, "dask"))
    assert (Path(study.settings.workspace) / "killed").exists()
    assert [manifest.part for manifest in study.manifests("prepare")] == [
        f"shard-{number:04d}" for number, keys in shard_keys(study).items() if "k003" not in keys
    ]


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` is not installed: a quarter of a gigabyte")
def test_ray_makes_the_same_files(study, alone):
    """A local cluster of Ray's prepares what a run without it prepares, and so does the next one."""
    settings = with_cluster(study, "ray")
    prepare(begun(settings))
    assert made(study) == {name: what for name, what in alone.items() if not name.startswith("features/")}
    next(study.workspace.prepared.rglob("*.jpg")).unlink()
    prepare(begun(settings))
    assert made(study) == {name: what for name, what in alone.items() if not name.startswith("features/")}


def test_a_cluster_that_does_not_answer_is_named(study):
    """Nobody at the address: the message says which setting it was."""
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(
            WorkerError, match=r"spreading\.address = 'tcp://127\.0\.0\.1:9': the Dask cluster does not answer"
        ),
    ):
        prepare(begun(with_cluster(study, "dask", address="tcp://127.0.0.1:9")))


@pytest.mark.parametrize("how", ["dask", "ray"])
def test_what_is_not_installed_is_named(study, monkeypatch, how):
    """Without the extra, the message says how to install it, before anything is done."""
    monkeypatch.setattr(clusters, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=rf'spreading\.how: .*pip install "bookcover\[{how}\]"'):
        prepare(begun(with_cluster(study, how)))
    assert study.manifests("prepare") == []
