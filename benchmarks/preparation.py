"""How fast covers are measured and prepared, against a plain loop in the same run.

    python benchmarks/preparation.py                       333 x 500 covers, drawn here
    python benchmarks/preparation.py --covers FOLDER       real covers, from a folder of JPEGs

The stage decodes each cover once for its measurements and all three preparations, on all cores. The plain loop is what
one writes first: for each preparation, open every cover, pad or crop, resize, save; one process, no measurements.
Both write their pictures to a temporary folder. The two alternate, and the best of the rounds counts.
Writes benchmarks/results/preparation.json.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
from PIL import Image

from bookcover_core.genres import number_genres
from bookcover_core.manifests import file_digest
from bookcover_core.preparation import stage
from bookcover_core.settings_file import parse_settings
from bookcover_core.study import Study
from bookcover_core.workspace import write_table

RESULTS = Path(__file__).parent / "results" / "preparation.json"
SIZE = 299
ROUNDS = 3


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


def select(study: Study, files: list[Path]) -> None:
    """Leave behind what curation would: a selection of these covers."""
    workspace = study.workspace
    rows = []
    for file in files:
        cover = workspace.covers / "law" / file.name
        cover.parent.mkdir(parents=True, exist_ok=True)
        cover.write_bytes(file.read_bytes())
        rows.append((file.stem, "0", workspace.relative(cover), file_digest(cover)))
    write_table(workspace.genres, pd.DataFrame([genre.model_dump() for genre in number_genres(["Law"])]))
    write_table(workspace.selection, pd.DataFrame(sorted(rows), columns=["key", "label", "path", "sha256"]))
    study.stage("curate").finish(outputs=[workspace.selection])


def prepare(files: list[Path], threads: int) -> float:
    """Seconds that the stage takes, with this many threads."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"workspace": folder, "preparation": {"size": SIZE, "shard_records": 100_000}}
        study = Study(parse_settings(settings))
        select(study, files)
        stage._THREADS = threads  # noqa: SLF001 - the benchmark shows what the threads bring
        started = time.perf_counter()
        manifest = stage.prepare_shard(study, 1)
        assert manifest.counts["pictures"] == 3 * len(files)
        return time.perf_counter() - started


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
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        for number, square in enumerate(passes):
            for file in files:
                with Image.open(file) as picture:
                    cover = square(picture.convert("RGB"))
                cover = cover.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
                cover.save(Path(folder, f"{number}-{file.name}"), quality=95, subsampling=0)
        return time.perf_counter() - started


def main() -> None:
    """Measure, print and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--covers", type=Path, help="folder of real JPEGs")
    options.add_argument("--count", type=int, default=600, help="covers to prepare")
    chosen = options.parse_args()
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        drawn = chosen.covers is None
        files = (
            draw_covers(Path(folder, "drawn"), chosen.count)
            if drawn
            else sorted(chosen.covers.glob("*.jpg"))[: chosen.count]
        )
        seconds: dict[str, list[float]] = {"plain loop": [], "stage, 1 thread": [], f"stage, {cores} threads": []}
        for _ in range(ROUNDS):
            seconds["plain loop"].append(plain_loop(files))
            seconds["stage, 1 thread"].append(prepare(files, 1))
            seconds[f"stage, {cores} threads"].append(prepare(files, cores))
    best = {name: min(times) for name, times in seconds.items()}
    result = {
        "covers": f"{len(files)} drawn, 333 x 500" if drawn else f"{len(files)} real",
        "size": SIZE,
        "rounds": ROUNDS,
        "seconds": {name: [round(value, 2) for value in times] for name, times in seconds.items()},
        "covers_per_second": {name: round(len(files) / value, 1) for name, value in best.items()},
        "stage_over_plain_loop": round(best["plain loop"] / best[f"stage, {cores} threads"], 2),
        "threads_over_one": round(best["stage, 1 thread"] / best[f"stage, {cores} threads"], 2),
        "machine": {
            "cores": cores,
            "load_before": round(load, 1),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "pillow": PIL.__version__,
        },
    }
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known["drawn covers" if drawn else "real covers"] = result
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
