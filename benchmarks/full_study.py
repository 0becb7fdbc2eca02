"""A study of the dissertation's size, from its listings to its report: time, pictures a second, memory, disk by stage.

    python benchmarks/full_study.py                       207,572 records, 57,000 books: an hour on two cores
    python benchmarks/full_study.py --share 0.05          a twentieth of it, and an eightieth: how each stage grows
    python benchmarks/full_study.py --labels FOLDER       the official books: bookcover30-labels-train.txt and -test.txt
    python benchmarks/full_study.py --weights FILE        MobileNetV2's weights; random ones take the same time

The input is made first and not timed: listings with the sizes of BookCover30 and Book32, with invented titles, and a
host on loopback, in a process of its own, that draws each cover of 333x475 pixels as it is asked for. Settings are
the defaults but for the pace of the download, undecided candidates, which are kept, and networks: MobileNetV2 alone.

Each stage runs in a fresh home, then all of them again. Memory is the peak of the process and its children together,
sampled; disk is what the study's folder has grown by. With a share below 1 the study is made at a quarter of the share
too: the exponent of a stage is log(ratio of its seconds) / log(ratio of its covers). Below 1 its start counts; above
1.1 it would not scale. Writes benchmarks/results/full_study.json.
"""

import argparse
import csv
import json
import math
import os
import sys
import tempfile
import threading
import time
from contextlib import AbstractContextManager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.download import answer, answering, free_port

RESULTS = Path(__file__).parent / "results" / "full_study.json"

# Books of a genre for training and testing, and records of the pool alone (dissertation, section 3.1).
TRAIN, TEST, POOL = 1_710, 190, 150_572
SIZE = (333, 475)
HOST = "covers.invented"
SAMPLED = 0.5
SMALLER = 4


def draw(number: int) -> bytes:
    """Cover number `number`: unlike every other one, 30 KB, in a few milliseconds."""
    chance = np.random.default_rng(number)
    coarse = Image.fromarray(chance.integers(0, 256, (7, 5, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize(SIZE, Image.Resampling.BILINEAR), np.int16)
    top, left = chance.integers(0, 64, 2)
    pixels = pixels + GRAIN[top : top + SIZE[1], left : left + SIZE[0]]
    content = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(content, "JPEG", quality=85)
    return content.getvalue()


GRAIN = np.random.default_rng(0).normal(0, 12, (SIZE[1] + 64, SIZE[0] + 64, 1)).astype(np.int16)


def serve(port: int) -> None:
    """Answer every request for /<number>.jpg with that cover."""
    answer(port, lambda path: draw(int(path.strip(b"/").removesuffix(b".jpg"))))


def host() -> AbstractContextManager[str]:
    """Address of a host that serves the covers."""
    port = free_port()
    return answering([sys.executable, __file__, "--serve", str(port)], port, "/0.jpg")


def write_listings(folder: Path, share: float, labels: Path | None) -> int:
    """The three listings, `share` of each genre; the number of their records."""
    from bookcover_core.genres import BOOK32, BOOKCOVER30

    named: dict[str, list[tuple[str, int]]] = {}
    for side, size in (("train", TRAIN), ("test", TEST)):
        if labels:
            lines = (labels / f"bookcover30-labels-{side}.txt").read_text("utf-8").split("\n")
            official = [(name, int(label)) for name, label in (line.rsplit(" ", 1) for line in lines if line)]
        else:
            count = size * len(BOOKCOVER30)
            official = [(f"{side}{number:07d}.jpg", number % len(BOOKCOVER30)) for number in range(count)]
        by_genre = [[each for each in official if each[1] == label] for label in range(len(BOOKCOVER30))]
        named[side] = [each for genre in by_genre for each in genre[: max(3, round(len(genre) * share))]]
    extra = [(f"pool{number:07d}.jpg", number % len(BOOK32)) for number in range(round(POOL * share))]
    named["pool"] = named["train"] + named["test"] + extra
    numbers: dict[str, int] = {}
    folder.mkdir(parents=True)
    for side, books in named.items():
        with (folder / f"{side}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for name, label in books:
                number = numbers.setdefault(name, len(numbers))
                address = f"http://{HOST}/{number}.jpg"
                writer.writerow([name[:-4], name, address, f"{number:x}q Invented", "Nobody", label, BOOK32[label]])
    return len(numbers)


class Memory:
    """Peak of the bytes that this process and its children hold together, while the block runs."""

    def __enter__(self) -> Self:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while True:
            held = 0
            for process in (me, *me.children(recursive=True)):
                with suppress(psutil.Error):
                    if "--serve" not in process.cmdline():
                        held += process.memory_info().rss
            self.peak = max(self.peak, held)
            if self._over.wait(SAMPLED):
                return


def disk(folder: Path) -> int:
    """Bytes that a folder's files take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def measure(share: float, labels: Path | None, weights: str) -> dict[str, Any]:
    """Seconds, peak memory and disk of each stage, and the seconds of a second run."""
    from bookcover_core.families.systems import study_parts
    from bookcover_core.pipeline.stage_process import run_part, shared_process
    from bookcover_core.pipeline.study import Study
    from bookcover_core.settings.toml_file import parse_settings

    with tempfile.TemporaryDirectory() as temporary, host() as address:
        home = Path(temporary)
        records = write_listings(home / "listings", share, labels)
        lists = {f"{side}_listing": str(home / "listings" / f"{side}.csv") for side in ("train", "test", "pool")}
        covers = {"hosts": {HOST: [address]}, "allowed_private_hosts": ["127.0.0.1"], "requests_per_second": 100_000}
        study = Study(
            parse_settings(
                {
                    "name": "full",
                    "workspace": str(home / "studies"),
                    "books": lists,
                    "covers": covers | {"concurrency": 32},
                    "curation": {"undecided": "keep"},
                    "models": {"weight_files": {"MobileNetV2": weights}} if weights else {"weights": "random"},
                    "training": {"backbones": ["MobileNetV2"]},
                    "visualisation": {"steps": 20},
                }
            )
        )
        stages: dict[str, dict[str, float]] = {}
        before = 0
        started = time.perf_counter()
        study.begin()
        with shared_process():
            for part in study_parts(study):
                begun = time.perf_counter()
                with Memory() as memory:
                    run_part(study, part)
                row = stages.setdefault(part.stage.name, {"seconds": 0.0, "peak_mib": 0, "disk_mib": 0.0})
                row["seconds"] = round(row["seconds"] + time.perf_counter() - begun, 2)
                row["peak_mib"] = max(row["peak_mib"], memory.peak >> 20)
                if part.stage.name in {"download", "prepare", "features", "train", "report"}:
                    grown = disk(study.workspace.root)
                    row["disk_mib"] = round(row["disk_mib"] + (grown - before) / 2**20, 1)
                    before = grown
        first = time.perf_counter() - started
        started = time.perf_counter()
        with shared_process():
            for part in study_parts(study):
                run_part(study, part)
        second = time.perf_counter() - started
        books = sum(1 for _ in (home / "studies" / "full" / "splits" / "books.csv").open(encoding="utf-8")) - 1
    counted = {"download": records, "hashes": records, "prepare": books, "features": 3 * books}
    for name, count in counted.items():
        if name in stages and stages[name]["seconds"]:
            stages[name]["covers_per_second"] = round(count / stages[name]["seconds"], 1)
    return {
        "share": share,
        "records": records,
        "books": books,
        "first_run_seconds": round(first, 1),
        "second_run_seconds": round(second, 1),
        "stages": stages,
    }


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of each genre's books and of the pool")
    parser.add_argument("--labels", type=Path, help="folder of bookcover30-labels-train.txt and -test.txt")
    parser.add_argument("--weights", default="", help="file of MobileNetV2's weights")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    weights = str(Path(arguments.weights).resolve()) if arguments.weights else ""
    shares = [arguments.share] if arguments.share >= 1 else [arguments.share / SMALLER, arguments.share]
    runs = [measure(share, arguments.labels, weights) for share in shares]
    result: dict[str, Any] = {
        "command": f"python benchmarks/full_study.py --share {arguments.share:g}"
        + (" --labels FOLDER" if arguments.labels else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {os.uname().sysname} {os.uname().machine}, no GPU",
        "runs": runs,
    }
    if len(runs) > 1:
        small, large = runs
        covers = math.log(large["records"] / small["records"])
        result["exponents"] = {
            name: round(math.log(max(row["seconds"], 0.01) / max(small["stages"][name]["seconds"], 0.01)) / covers, 2)
            for name, row in large["stages"].items()
            if name in small["stages"] and row["seconds"] >= 1
        }
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(earlier | {f"share {arguments.share:g}": result}, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
