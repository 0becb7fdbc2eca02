"""What it brings to spread preparation and features over two workers of a Dask cluster on this machine.

    python benchmarks/spreading.py [COVERS [ROUNDS]]

Measured by turns, each on a fresh copy of one study of invented covers (333x500), in four shards:

- alone: the flow as it is without `spreading.how`: shards one after the other, each on all cores;
- spread: the same with `spreading.how = "dask"` and two workers, which share the cores.

Times are those of whole flow runs, the start and end of cluster and processes included; a machine has no more cores for
being a cluster, so on one machine the question is what the spreading costs. What both leave behind is compared to the
byte.
"""

import hashlib
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
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

    covers, rounds = (*map(int, sys.argv[1:]), *(COVERS, ROUNDS)[len(sys.argv) - 1 :])
    parts = {"prepare": prepare, "features": features}
    seconds: dict[str, dict[str, list[float]]] = {part: {"alone": [], "spread": []} for part in parts}
    digests = set()
    with tempfile.TemporaryDirectory() as folder, prefect_test_harness(server_startup_timeout=120):
        original = curated_study(Path(folder) / "original", covers)
        for turn in range(rounds):
            # Who begins changes from round to round.
            for way in ("alone", "spread") if turn % 2 else ("spread", "alone"):
                place = Path(folder) / "copy"
                shutil.copytree(Path(folder) / "original", place)
                spreading = original.spreading.model_copy(update={"how": "dask" if way == "spread" else ""})
                settings = original.model_copy(update={"workspace": str(place), "spreading": spreading})
                Study(settings).begin()
                for part, flow in parts.items():
                    seconds[part][way].append(timed(lambda flow=flow, settings=settings: flow(str(settings.root))))
                digests.add(digest_of_results(settings.root))
                shutil.rmtree(place)
    by_round = {
        part: [alone / spread for alone, spread in zip(each["alone"], each["spread"], strict=True)]
        for part, each in seconds.items()
    }
    result = {
        "command": " ".join(["python benchmarks/spreading.py", *sys.argv[1:]]),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "versions": {name: version(name) for name in ("prefect", "prefect-dask", "distributed", "tensorflow")},
        "covers": covers,
        "shards": SHARDS,
        "workers": original.spreading.workers,
        "rounds": rounds,
        "seconds": {
            part: {way: round(statistics.median(times), 1) for way, times in each.items()}
            for part, each in seconds.items()
        },
        "speed_spread_to_alone": {part: round(statistics.median(ratios), 3) for part, ratios in by_round.items()},
        "speed_spread_to_alone_by_round": {
            part: [round(ratio, 3) for ratio in ratios] for part, ratios in by_round.items()
        },
        "same_bytes": len(digests) == 1,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
