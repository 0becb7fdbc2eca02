"""Shards spread over the workers of a cluster: the same files, errors of ours, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from distributed import LocalCluster
from PIL import Image

from bookcover_core.demo_data.typesetting import set_text
from bookcover_core.errors import FolderError, SettingsError, SharedStoreError, WorkerError
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.manifests import read_manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.preparation.prepare import prepare_shard, shard_keys, shards
from bookcover_core.reading.cover_words import texts_of_covers
from bookcover_core.reading.read_covers import read_shard
from bookcover_core.settings import EncoderSettings, SpreadingSettings, StudySettings
from bookcover_core.training.features import compute_features
from flows.stages import stage_flow
from flows.steps import prepare
from tasks import clusters, spreading, stages
from tasks.spreading import run_parts, spread
from tasks.stages import stage_task
from tests.begun import begun
from tests.bookcover_core.models.tiny_encoders import SIZE, write_onnx
from tests.bookcover_core.preparation.test_prepare import draw, select, study_in

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
BACKBONE = "Own"
PREPARATION = "padded"


def with_cluster(study: Study, how: str, **values) -> StudySettings:
    spread = study.settings.spreading.model_copy(update={"how": how, "workers": 2, **values})
    text = study.settings.text.model_copy(update={"systems": ("CoverText",)})
    reading = study.settings.reading.model_copy(update={"side": 160})
    return study.settings.model_copy(update={"spreading": spread, "text": text, "reading": reading})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    """A network of a few weights, in a file that every worker sees."""
    return write_onnx(tmp_path_factory.mktemp("encoder") / "own.onnx")


def selected(folder: Path, encoder: Path) -> Study:
    """Thirty-six selected covers, in four shards; a word stands on one of them, and the network is the encoder."""
    study, keys = study_in(folder, shard_records=16), [f"k{number:03d}" for number in range(36)]
    draw(study, keys[3], 3)
    cover = Image.new("RGB", (120, 160), "white")
    set_text(cover, (5, 30, 115, 90), "Soup", "sans", (0, 0, 0))
    cover.save(study.workspace.covers / "law" / f"{keys[3]}.jpg", quality=95)
    select(study, keys)
    own = EncoderSettings(name=BACKBONE, file=str(encoder), size=SIZE)
    models = study.settings.models.model_copy(update={"encoders": (own,)})
    return Study(study.settings.model_copy(update={"models": models}))


@pytest.fixture
def study(tmp_path, encoder) -> Study:
    return selected(tmp_path, encoder)


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
def alone(tmp_path_factory, encoder) -> dict[str, object]:
    """What the same study leaves behind where nothing is spread."""
    study = Study(with_cluster(selected(tmp_path_factory.mktemp("alone"), encoder), ""))
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


@contextmanager
def workers(folder: Path, count: int = 2, **surroundings: str) -> Iterator[str]:
    """The address of a cluster that people start, with workers in a folder that is not the project's."""
    found, environment = folder / "scheduler.json", {"PYTHONPATH": str(PROJECT)} | surroundings

    def start(*words: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "distributed.cli." + words[0], "--scheduler-file", str(found), *words[1:]]
        surroundings = os.environ | environment | {"DASK_DISTRIBUTED__WORKER__DAEMON": "true"}
        return subprocess.Popen(
            command, cwd="/", env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    worker = start("dask_worker", "--nworkers", str(count), "--nthreads", "1", "--local-directory", str(folder))
    try:
        while not found.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        yield json.loads(found.read_text())["address"]
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait()


def test_a_cluster_that_is_there_makes_the_same_files(study, alone, tmp_path, monkeypatch):
    """Pictures, tables, words, features, keys and digests are those of a run without it; and nothing is done twice."""
    with workers(tmp_path) as address:
        settings = with_cluster(study, "dask", address=address)
        prepare(begun(settings))
        spread_features(settings)
        assert made(study) == alone
        monkeypatch.setattr(spreading, "cluster", lambda _: pytest.fail("a cluster was wanted"))
        prepare(begun(settings))
        spread_features(settings)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[None]:
    """A server on loopback that speaks S3's protocol, which the environment names, with a bucket `covers`."""
    for package in ("s3fs", "moto", "flask_cors"):
        pytest.importorskip(package, reason="s3fs, moto[s3], flask and flask-cors are not all installed")
    import s3fs

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asking = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "anna",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        pytest.MonkeyPatch.context() as patch,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server,
    ):
        for name, value in asking.items():
            patch.setenv(name, value)
        try:
            while server.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            s3fs.S3FileSystem().mkdir("covers")
            yield
        finally:
            server.terminate()


@pytest.fixture
def bucket(s3_server, tmp_path) -> str:
    """The address of a place in a bucket in which nothing lies yet."""
    return f"s3://covers/{tmp_path.name}"


# Hides a folder from a process and those that it starts, as one on another machine would be.
HIDING = """
import os, sys
def hide(event, arguments):
    if event in ("open", "os.mkdir", "os.listdir", "os.scandir") and str(arguments[0]).startswith(os.environ["HIDDEN"]):
        raise FileNotFoundError(2, "No such file or directory", arguments[0])
sys.addaudithook(hide)
"""


@pytest.fixture
def hiding(tmp_path, monkeypatch) -> dict[str, str]:
    """The environment of a machine that does not see what lies below `tmp_path / "here"`."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text(HIDING)
    surroundings = {"HIDDEN": str(tmp_path / "here"), "TMPDIR": str(tmp_path / "temporary")}
    (tmp_path / "temporary").mkdir()
    return surroundings | {"PYTHONPATH": f"{elsewhere}{os.pathsep}{PROJECT}", "KILLED": str(tmp_path / "killed")}


def test_machines_that_share_a_bucket_alone_make_the_same_files(alone, encoder, bucket, hiding, tmp_path, monkeypatch):
    """Workers that see no folder of the study make what a run without them makes, and leave nothing behind.

    Afterwards another home has it all from the bucket, with no worker.
    """
    study = selected(tmp_path / "here", encoder)
    with workers(tmp_path, 1, **hiding) as address:
        settings = with_cluster(study, "dask", address=address).model_copy(update={"shared_store": bucket})
        prepare(begun(settings))
        spread_features(settings)
    assert made(study) == alone
    assert not list((tmp_path / "temporary").rglob("*.jpg"))
    monkeypatch.setattr(spreading, "cluster", lambda _: pytest.fail("a cluster was wanted"))
    other = selected(tmp_path / "there", encoder)
    settings = settings.model_copy(update={"workspace": other.settings.workspace})
    prepare(begun(settings))
    spread_features(settings)
    assert made(other) == alone


def test_a_cluster_whose_workers_never_come_is_not_waited_for_for_ever(monkeypatch):
    """A scheduler alone does no work: the study says so instead of hanging."""
    monkeypatch.setattr(clusters, "_SECONDS_FOR_A_WORKER", 1)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as idle:
        wanted = SpreadingSettings(how="dask", address=idle.scheduler_address)
        with pytest.raises(WorkerError, match=r"does not answer .*workers arrived"), clusters.cluster(wanted):
            pass


@stage_task("fragile-shard", "fragile shard {shard}")
def prepare_fragile_shard(settings: StudySettings, shard: int, inputs: str | None = None):
    """A shard whose worker is killed while it is at it, once."""
    marker = Path(os.environ.get("KILLED", f"{settings.workspace}/killed"))
    if shard == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return stages._run("prepare", settings, (shard,), inputs)


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


def test_so_it_is_on_machines_that_share_a_bucket_alone(encoder, bucket, hiding, tmp_path, monkeypatch):
    """The cover is named where it lies here; what the other workers did has come."""
    study = selected(tmp_path / "here", encoder)
    monkeypatch.setattr(spreading, "task_of", lambda _: prepare_fragile_shard)
    cover = study.workspace.covers / "law" / "k003.jpg"
    cover.unlink()
    with workers(tmp_path, 1, **hiding) as address:
        settings = with_cluster(study, "dask", address=address).model_copy(update={"shared_store": bucket})
        with pytest.raises(FolderError, match=rf"{cover}: the cover is not as it was downloaded"):
            fragile(settings)
    assert (tmp_path / "killed").exists()
    assert len(study.manifests("prepare")) == len(shards(study)) - 1


def test_a_bucket_that_is_not_there_is_named(study, s3_server):
    """Before a worker is asked: its address, and what its server says."""
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None) as there:
        settings = with_cluster(study, "dask", address=there.scheduler_address)
        settings = settings.model_copy(update={"shared_store": "s3://nosuch/x"})
        with pytest.raises(SharedStoreError, match=r"s3://nosuch/x: the shared store .*bucket does not exist"):
            prepare(begun(settings))


needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="the extra `ray` is not installed: a quarter of a gigabyte"
)


@needs_ray
def test_ray_makes_the_same_files(study, alone):
    """A local cluster of Ray's prepares what a run without it prepares, and so does the next one."""
    settings = with_cluster(study, "ray")
    prepare(begun(settings))
    assert made(study) == {name: what for name, what in alone.items() if not name.startswith("features/")}
    next(study.workspace.prepared.rglob("*.jpg")).unlink()
    prepare(begun(settings))
    assert made(study) == {name: what for name, what in alone.items() if not name.startswith("features/")}


@contextmanager
def ray_worker(folder: Path, **surroundings: str) -> Iterator[str]:
    """The address of a Ray cluster that people start, with one worker in a folder that is not the project's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*free.getsockname())
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "RAY_USAGE_STATS_ENABLED": "0"} | surroundings
    ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
    words = ["--head", "--block", "--num-cpus=1", "--include-dashboard=false", f"--temp-dir={folder}"]
    there = ["--node-ip-address=127.0.0.1", f"--port={address.partition(':')[2]}"]
    quiet = {"cwd": "/", "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*ray, "start", *words, *there], **quiet)
    try:
        while subprocess.run([*ray, "health-check", "--address", address], check=False, **quiet).returncode:
            assert process.poll() is None
        yield address
    finally:
        process.terminate()
        process.wait()


@needs_ray
def test_so_does_ray_on_machines_that_share_a_bucket_alone(alone, encoder, bucket, hiding, tmp_path):
    """Ray's workers see no folder of the study either."""
    study = selected(tmp_path / "here", encoder)
    with TemporaryDirectory() as short, ray_worker(Path(short), **hiding) as address:
        settings = with_cluster(study, "ray", address=address).model_copy(update={"shared_store": bucket})
        prepare(begun(settings))
        spread_features(settings)
    assert made(study) == alone
    assert not list((tmp_path / "temporary").rglob("*.jpg"))


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
