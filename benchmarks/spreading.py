"""What it brings to spread preparation and features over two workers of a Dask cluster.

    python benchmarks/spreading.py              what spreading costs on a machine whose cores are shared
    python benchmarks/spreading.py --pinned     what a second worker with a core of its own brings

Measured by turns, each on a fresh copy of one study of invented covers (333x500):

- alone: the flow as it is without `spreading.how`: shards one after the other, each on all cores;
- spread: the same with `spreading.how = "dask"` and two workers, which share the cores;
- one worker, two workers: the same on a cluster that is there, each worker and its processes on a core of its own
  (`taskset`), as on machines of one core.

Times are those of whole flow runs, the start of a cluster that a run starts included, and the start of the processes in
which networks work. A machine has no more cores for being a cluster, so spread against alone shows what the spreading
costs, and two workers against one what it brings. What all leave behind is compared to the byte.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from bookcover_core.pipeline.engine import record

sys.path.insert(0, str(Path(__file__).parents[1]))

from bookcover_core.settings import StudySettings

COVERS = 1_200
ROUNDS = 3
SHARDS = 4
SHARED, PINNED = ("alone", "spread"), ("one worker", "two workers")
RESULTS = Path(__file__).parent / "results" / "spreading.json"


def draw_covers(folder: Path, count: int) -> list[Path]:
    """Covers as they come: JPEGs of 333x500, noise at several scales."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    files = []
    for number in range(count):
        pixels = np.zeros((500, 333, 3), np.float32)
        for cells, strength in ((2, 60), (12, 30), (100, 15)):
            noise = generator.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
            pixels += np.asarray(Image.fromarray(noise).resize((333, 500), Image.Resampling.BICUBIC), np.float32) - 128
        files.append(folder / f"{number:06d}.jpg")
        Image.fromarray((pixels + 128).clip(0, 255).astype(np.uint8)).save(files[-1], quality=85)
    return files


@contextmanager
def pinned_workers(count: int, folder: Path) -> Iterator[str]:
    """Address of a Dask cluster of so many workers, each with its processes on a core of its own."""
    from distributed import Client

    found = folder / "scheduler.json"
    found.unlink(missing_ok=True)
    surroundings = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "DASK_DISTRIBUTED__WORKER__DAEMON": "false",
        **dict.fromkeys(("LOKY_MAX_CPU_COUNT", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), "1"),
    }

    def start(*words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*words, "--scheduler-file", str(found)],
            cwd=folder,
            env=surroundings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    dask = (sys.executable, "-m", "distributed.cli.dask_")
    started = [start(*dask[:2], f"{dask[2]}scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")]
    try:
        for core in sorted(os.sched_getaffinity(0))[:count]:
            worker = (f"{dask[2]}worker", "--nworkers", "1", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard")
            started.append(start("taskset", "-c", str(core), *dask[:2], *worker))
        while not found.exists():
            time.sleep(0.1)
        with Client(scheduler_file=str(found)) as client:
            client.wait_for_workers(count, timeout=120)
            yield client.scheduler.address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def curated_study(folder: Path, covers: int) -> StudySettings:
    """The settings of a study in `folder` that has been curated, and whose covers are to be prepared."""
    import pandas as pd

    from bookcover_core.genres import number_genres
    from bookcover_core.listings.books import write_genres
    from bookcover_core.pipeline.manifests import file_digest
    from bookcover_core.pipeline.study import Study
    from bookcover_core.pipeline.workspace import write_table
    from bookcover_core.settings.toml_file import parse_settings

    settings = parse_settings(
        {
            "name": "spread",
            "workspace": str(folder),
            "preparation": {"shard_records": covers // SHARDS},
            "models": {"weights": "random"},
        }
    )
    study = Study(settings)
    files = draw_covers(study.workspace.covers / "law", covers)
    rows = [(file.stem, "0", study.workspace.relative(file), file_digest(file)) for file in files]
    write_genres(study.workspace.genres, number_genres(["Law"]), "0", [covers])
    write_table(study.workspace.selection, pd.DataFrame(rows, columns=["key", "label", "path", "sha256"]))
    record(study, "curate", outputs=[study.workspace.selection])
    return settings


def digest_of_results(root: Path) -> str:
    """SHA-256 over the pictures and the features of a study."""
    digest = hashlib.sha256()
    for file in sorted([*(root / "prepared").rglob("*.jpg"), *(root / "features").rglob("*.npy")]):
        digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def timed(run: Callable[[], object]) -> float:
    """Seconds that `run` takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    """Measure, print, and write the results."""
    os.environ["DO_NOT_TRACK"] = "1"
    from prefect.testing.utilities import prefect_test_harness

    from bookcover_core.pipeline.graph import Part, find
    from bookcover_core.pipeline.study import Study
    from flows.stages import stage_flow
    from flows.steps import prepare
    from flows.studies import settings_of
    from tasks.spreading import run_parts

    @stage_flow("features", "features of {study}")
    def features(study: str) -> None:
        run_parts(Study(settings_of(study)), [Part(find("features"), ("MobileNetV2", "padded"))])

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--covers", type=int, default=COVERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pinned", action="store_true", help="workers with a core each")
    parser.add_argument("--note", default="", help="what else the machine was doing, for the results")
    asked = parser.parse_args()
    ways = PINNED if asked.pinned else SHARED
    first, second = ways
    parts = {"prepare": prepare, "features": features}
    seconds: dict[str, dict[str, list[float]]] = {part: {way: [] for way in ways} for part in parts}
    digests, loads = set(), []
    with tempfile.TemporaryDirectory() as folder, prefect_test_harness(server_startup_timeout=120):
        original = curated_study(Path(folder) / "original", asked.covers)
        for turn in range(asked.rounds):
            loads.append(round(os.getloadavg()[0], 1))
            # Who begins changes from round to round.
            for way in ways if turn % 2 else reversed(ways):
                with ExitStack() as stack:
                    place = Path(folder) / "copy"
                    stack.callback(shutil.rmtree, place)
                    shutil.copytree(Path(folder) / "original", place)
                    changed: dict[str, object] = {"how": "" if way == "alone" else "dask"}
                    if way in PINNED:
                        workers = PINNED.index(way) + 1
                        changed["address"] = stack.enter_context(pinned_workers(workers, Path(folder)))
                    spreading = original.spreading.model_copy(update=changed)
                    settings = original.model_copy(update={"workspace": str(place), "spreading": spreading})
                    Study(settings).begin()
                    for part, flow in parts.items():
                        took = timed(lambda flow=flow, settings=settings: flow(str(settings.root)))
                        seconds[part][way].append(took)
                        print(f"round {turn + 1}, {way}: {part} {took:.1f} s", flush=True)
                    digests.add(digest_of_results(settings.root))
    by_round = {
        part: [one / other for one, other in zip(each[first], each[second], strict=True)]
        for part, each in seconds.items()
    }
    result = {
        "command": shlex.join(["python", "benchmarks/spreading.py", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "note": asked.note,
        "load_before": loads,
        "versions": {
            name: version(name) for name in ("prefect", "prefect-dask", "distributed", "tensorflow", "openvino")
        },
        "covers": asked.covers,
        "shards": SHARDS,
        "rounds": asked.rounds,
        "seconds": {
            part: {way: round(statistics.median(times), 1) for way, times in each.items()}
            for part, each in seconds.items()
        },
        f"speed of {second} to {first}": {
            part: {"median": round(statistics.median(ratios), 3), "by round": [round(ratio, 3) for ratio in ratios]}
            for part, ratios in by_round.items()
        },
        "same_bytes": len(digests) == 1,
    }
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known["a core for each worker" if asked.pinned else "cores shared"] = result
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
