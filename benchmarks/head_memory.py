"""How much memory fitting a head takes when its features are streamed, and what that costs in time.

    python benchmarks/head_memory.py

Invented features of 1,280 channels (MobileNetV2), 30 genres, batches of 32; 50,000 and 200,000 training books, and a
tenth of that to validate on, in shards of 2,000 on disk:

- streamed: this project's training, which gathers rows from the mapped shards, window by window;
- in memory: the same training with all features in memory, as one window.

Each fit is a process of its own; the two ways take turns. Memory is the anonymous part (RssAnon), watched every 10 ms,
above what the process had before: what is mapped from files is the system's to take back. Writes
benchmarks/results/head_memory.json.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

CHANNELS, GENRES, SHARD, BATCH = 1_280, 30, 2_000, 32
BOOKS = (50_000, 200_000)
EPOCHS, ROUNDS = 3, 3
WAYS = ("streamed", "in memory")
RESULTS = Path(__file__).parent / "results" / "head_memory.json"


def write_shards(folder: Path, books: int) -> None:
    """Write features for training and validation."""
    for split, count in (("train", books), ("validation", books // 10)):
        (folder / split).mkdir()
        for start in range(0, count, SHARD):
            generator = np.random.default_rng([books, start])
            shape = (min(SHARD, count - start), CHANNELS)
            np.save(folder / split / f"shard-{start // SHARD:04d}.npy", generator.random(shape, np.float32))


def anonymous_memory() -> int:
    """Bytes that this process has for itself, files that it has mapped aside."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def fit(folder: Path, way: str) -> dict[str, object]:
    """Peak of memory in MiB, seconds of an epoch, and the losses, of one way."""
    from bookcover_core.training import head_trainer
    from bookcover_core.training.feature_store import LabelledFeatures, MappedRows
    from bookcover_core.training.head_trainer import fit_head
    from bookcover_core.training.loop import Schedule

    if way == "in memory":
        head_trainer.WINDOW_BYTES = sys.maxsize

    def load(split: str, way: str = way) -> LabelledFeatures:
        shards = [np.load(file, mmap_mode="r") for file in sorted((folder / split).glob("*.npy"))]
        rows = sum(len(shard) for shard in shards)
        labels = np.random.default_rng(0).integers(0, GENRES, rows).astype(np.int32)
        mapped = MappedRows(shards, np.arange(rows))
        return LabelledFeatures([], labels, mapped if way == "streamed" else mapped[:])

    few = LabelledFeatures([], np.zeros(BATCH, np.int32), np.zeros((BATCH, CHANNELS), np.float32))
    fit_head(
        few, few, GENRES, Schedule(epochs=1, patience=1, batch_size=BATCH, seed=0)
    )  # what TensorFlow takes for any graph
    before, peak, done = anonymous_memory(), 0, Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, anonymous_memory())

    watcher = Thread(target=watch)
    watcher.start()
    fitted = fit_head(
        load("train"),
        load("validation"),
        GENRES,
        Schedule(epochs=EPOCHS, patience=EPOCHS, batch_size=BATCH, seed=0),
    )
    done.set()
    watcher.join()
    return {
        "mib": (peak - before) / 2**20,
        "seconds": statistics.median(row.seconds for row in fitted.history[1:]),
        "losses": [row.loss for row in fitted.history],
    }


def measure(books: int) -> dict[str, object]:
    """Both ways, in turns."""
    runs: dict[str, list[dict]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        write_shards(Path(folder), books)
        for _ in range(ROUNDS):
            for way in WAYS:
                command = [sys.executable, __file__, folder, way]
                ended = subprocess.run(command, capture_output=True, text=True, check=True)
                runs[way].append(json.loads(ended.stdout))
    streamed, whole = (runs[way] for way in WAYS)
    ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in zip(streamed, whole, strict=True)]
    return {
        "features_mib": round(books * 1.1 * CHANNELS * 4 / 2**20),
        "streamed_peak_mib": round(max(run["mib"] for run in streamed)),
        "in_memory_peak_mib": round(max(run["mib"] for run in whole)),
        "streamed_seconds_per_epoch": round(statistics.median(run["seconds"] for run in streamed), 3),
        "in_memory_seconds_per_epoch": round(statistics.median(run["seconds"] for run in whole), 3),
        "times_as_long": round(statistics.median(ratios), 2),
        "same_losses": len({tuple(run["losses"]) for run in streamed + whole}) == 1,
    }


def main() -> None:
    """Measure, print, and write the results."""
    started = time.perf_counter()
    result = {
        "command": "python benchmarks/head_memory.py",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, no GPU",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "channels": CHANNELS,
        "batch_size": BATCH,
        "rounds": ROUNDS,
        "books": {str(books): measure(books) for books in BOOKS},
        "seconds": round(time.perf_counter() - started),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(fit(Path(sys.argv[1]), sys.argv[2])))
    else:
        main()
