"""How fast covers are measured and prepared, against a plain loop in the same run, and in how much memory.

    python benchmarks/preparation.py                       333 x 500 covers, drawn here
    python benchmarks/preparation.py --covers FOLDER       real covers, from a folder of JPEGs
    python benchmarks/preparation.py --memory              peak memory with 1,000 and with 50,000 covers

The stage decodes each cover once for its measurements and all three preparations, in a process for each core. The
processes stand ready, as they do for every shard of a study but the first: to start them takes half a second. The plain
loop is what one writes first: for each preparation, open every cover, pad or crop, resize, save; one process, no
measurements. Both write their pictures to a temporary folder, in memory where there is such a place: on a disk, to
create a file takes ten times as long when many were deleted just before. The two alternate, each round gives a ratio,
and the median of the rounds counts.
Writes benchmarks/results/preparation.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import psutil
from loky import cpu_count
from PIL import Image

from bookcover_core.genres import number_genres
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.preparation.prepare import prepare_shard, shards
from bookcover_core.settings.toml_file import parse_settings

RESULTS = Path(__file__).parent / "results" / "preparation.json"
SIZE = 299
ROUNDS = 7
MEMORY_COVERS = (1_000, 50_000)
IN_MEMORY = Path("/dev/shm")
SCRATCH = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None


def draw_covers(folder: Path, count: int) -> list[Path]:
    """`count` JPEGs of 333 x 500 pixels: smooth colour with blocks and grain, about as heavy as real covers."""
    chance = np.random.default_rng(1)
    folder.mkdir()
    files = []
    for number in range(count):
        coarse = Image.fromarray(chance.integers(0, 256, (9, 6, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((333, 500), Image.Resampling.BICUBIC)).astype(np.int16)
        pixels[60:140, 40:290] = chance.integers(0, 256, 3)
        pixels += chance.integers(-8, 9, pixels.shape, dtype=np.int16)
        files.append(folder / f"cover{number:05d}.jpg")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(files[-1], quality=85)
    return files


def study_in(folder: str) -> Study:
    """A study with the settings of the dissertation."""
    return Study(parse_settings({"workspace": folder, "preparation": {"size": SIZE}}))


def select(study: Study, files: Iterable[tuple[str, Path]]) -> None:
    """Leave behind what curation would: a selection of these covers, by key."""
    workspace = study.workspace
    folder = workspace.covers / "law"
    folder.mkdir(parents=True)
    digests: dict[Path, str] = {}
    rows = []
    for key, file in files:
        cover = folder / f"{key}.jpg"
        if digests.setdefault(file, "") == "":
            digests[file] = file_digest(file)
        try:
            os.link(file, cover)
        except OSError:
            cover.write_bytes(file.read_bytes())
        rows.append((key, "0", workspace.relative(cover), f"A book called {key}: its subtitle", digests[file]))
    write_table(workspace.genres, pd.DataFrame([genre.model_dump() for genre in number_genres(["Law"])]))
    columns = ["key", "label", "path", "title", "sha256"]
    write_table(workspace.selection, pd.DataFrame(sorted(rows), columns=columns))
    record(study, "curate", outputs=[workspace.selection])


def prepare(files: list[Path], processes: int) -> float:
    """Seconds that the stage takes, with this many processes."""
    os.environ["LOKY_MAX_CPU_COUNT"] = str(processes)
    run_stage(files[:200])
    return run_stage(files)


def run_stage(files: list[Path]) -> float:
    """Seconds that the stage takes."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        study = study_in(folder)
        select(study, [(file.stem, file) for file in files])
        started = time.perf_counter()
        pictures = sum(prepare_shard(study, shard).counts["pictures"] for shard in shards(study))
        seconds = time.perf_counter() - started
        assert pictures == 3 * len(files)
        return seconds


def _pad(cover: Image.Image) -> Image.Image:
    side = max(cover.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(cover, ((side - cover.width) // 2, (side - cover.height) // 2))
    return square


def _crop(cover: Image.Image) -> Image.Image:
    side = min(cover.size)
    left, top = (cover.width - side) // 2, (cover.height - side) // 2
    return cover.crop((left, top, left + side, top + side))


def plain_loop(files: list[Path]) -> float:
    """Seconds that three plain passes take."""
    passes: tuple[Callable[[Image.Image], Image.Image], ...] = (lambda cover: cover, _pad, _crop)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        started = time.perf_counter()
        for number, square in enumerate(passes):
            for file in files:
                with Image.open(file) as picture:
                    cover = square(picture.convert("RGB"))
                cover = cover.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
                cover.save(Path(folder, f"{number}-{file.name}"), quality=95, subsampling=0)
        return time.perf_counter() - started


def compare_times(files: list[Path]) -> dict[str, object]:
    """Seconds and ratios of the plain loop and the stage, round by round."""
    cores = cpu_count()
    ways: dict[str, Callable[[], float]] = {
        "plain loop": lambda: plain_loop(files),
        "stage, 1 process": lambda: prepare(files, 1),
        f"stage, {cores} processes": lambda: prepare(files, cores),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    loads = []
    for _ in range(ROUNDS):
        loads.append(round(os.getloadavg()[0], 1))
        for name, way in ways.items():
            seconds[name].append(way())
    plain, one, all_cores = seconds.values()
    ratios = [first / last for first, last in zip(plain, all_cores, strict=True)]
    return {
        "size": SIZE,
        "seconds": {name: [round(value, 2) for value in times] for name, times in seconds.items()},
        "covers_per_second": {name: round(len(files) / min(times), 1) for name, times in seconds.items()},
        "stage_over_plain_loop_by_round": [round(ratio, 2) for ratio in ratios],
        "stage_over_plain_loop": round(statistics.median(ratios), 2),
        "processes_over_one": round(
            statistics.median(first / last for first, last in zip(one, all_cores, strict=True)), 2
        ),
        "machine": machine() | {"load_before_each_round": loads},
    }


def machine() -> dict[str, object]:
    """What was measured on."""
    return {
        "cores": cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "pillow": PIL.__version__,
    }


def peak_memory(count: int) -> float:
    """Megabytes that this process and those it starts hold together, at most, while `count` covers are prepared.

    The covers are links to a few; the pictures of each shard are deleted when it is done, for the disk's sake.
    """
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, sum(held(process) for process in [this, *this.children(recursive=True)]))

    def held(process: psutil.Process) -> int:
        try:
            return process.memory_info().rss
        except psutil.NoSuchProcess:
            return 0

    with tempfile.TemporaryDirectory() as folder:
        files = draw_covers(Path(folder, "drawn"), 20)
        study = study_in(folder)
        select(study, [(f"{number:010d}", files[number % len(files)]) for number in range(count)])
        this = psutil.Process()
        watcher = threading.Thread(target=watch)
        watcher.start()
        for shard in shards(study):
            prepare_shard(study, shard)
            for picture in study.workspace.prepared.rglob("*.jpg"):
                picture.unlink()
        done.set()
        watcher.join()
    return peak / 1e6


def compare_memory() -> dict[str, object]:
    """Peak memory with few and with many covers, each in a process of its own."""
    command = [sys.executable, __file__, "--peak"]
    peaks = {
        count: float(subprocess.run([*command, str(count)], check=True, capture_output=True, text=True).stdout)
        for count in MEMORY_COVERS
    }
    few, many = peaks.values()
    return {
        "covers": "drawn, 333 x 500",
        "size": SIZE,
        "peak_megabytes": {str(count): round(peak) for count, peak in peaks.items()},
        "growth_megabytes": round(many - few),
        "machine": machine(),
    }


def main() -> None:
    """Measure, print and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--covers", type=Path, help="folder of real JPEGs")
    options.add_argument("--count", type=int, default=800, help="covers to prepare")
    options.add_argument("--memory", action="store_true", help="measure memory instead of time")
    options.add_argument("--peak", type=int, help="print the peak memory with so many covers, and write nothing")
    chosen = options.parse_args()
    if chosen.peak:
        print(peak_memory(chosen.peak))
        return
    if chosen.memory:
        found = {"memory": compare_memory()}
    elif chosen.covers:
        files = sorted(chosen.covers.glob("*.jpg"))[: chosen.count]
        found = {"real covers": {"covers": f"{len(files)} real", **compare_times(files)}}
    else:
        with tempfile.TemporaryDirectory() as folder:
            files = draw_covers(Path(folder, "drawn"), chosen.count)
            found = {"drawn covers": {"covers": f"{len(files)} drawn, 333 x 500", **compare_times(files)}}
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known | found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
