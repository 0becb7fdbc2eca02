"""What the store of a home brings: a study run first, unchanged, with a setting there and back, grown, and twice.

    python benchmarks/store.py [FOLDER [WEIGHTS]]

FOLDER holds pictures with one subfolder per genre; without it, 240 invented covers of 333 x 500 pixels are drawn, in
three genres. WEIGHTS is a file of MobileNetV2's weights; without it they are random, which takes the same time.

Each step is a run of every stage from listings to evaluation (`undecided` kept, one preparation, MobileNetV2, a head of
at most 40 epochs), in this process but for TensorFlow's, in a home with the store and in one without, by turns:

    first       nothing is there
    unchanged   the same again
    back        preparation.jpeg_quality and seed were changed, the study run, and both changed back
    grown       twenty covers are there that were not there before
    second      another study of the same covers

Where `eatmydata` is installed, what it costs to survive a power cut is measured too: the first run, by turns as it is
and with every call to sync a file or a folder taken out.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.spreading import draw_covers
from bookcover_core.families.systems import study_parts
from bookcover_core.pipeline.stage_process import run_part, shared_process
from bookcover_core.pipeline.study import Study
from bookcover_core.settings.toml_file import parse_settings

ADDED = 20
DRAWN = 240
RESULTS = Path(__file__).parent / "results" / "store.json"
LEFT_OUT = {"visualise", "report"}


def run(study: Study) -> None:
    """Every stage of a study from its listings to its evaluation, one after the other."""
    study.begin()
    with shared_process():
        for part in study_parts(study):
            if part.stage.name not in LEFT_OUT:
                run_part(study, part)


def drawn(folder: Path) -> Path:
    """Invented covers in three genres."""
    for number, file in enumerate(draw_covers(folder.with_name("drawn"), DRAWN)):
        genre = folder / ("Art", "Law", "Travel")[number % 3]
        genre.mkdir(parents=True, exist_ok=True)
        file.rename(genre / file.name)
    return folder


def measure(home: Path, pictures: Path, weights: str, *, store: bool, only_first: bool = False) -> dict[str, float]:
    """Seconds of each step in a home of its own."""
    books = home / "books"
    shutil.copytree(pictures, books)
    late = sorted(books.rglob("*.jpg"))[::37][:ADDED]
    for file in late:
        file.rename(home / file.name)

    def study(name: str = "one", **settings: Any) -> Study:
        models = {"weight_files": {"MobileNetV2": weights}} if weights else {"weights": "random"}
        told = {
            "name": name,
            "workspace": str(home / "studies"),
            "store": store,
            "books": {"source": "folder", "folder": str(books)},
            "curation": {"undecided": "keep"},
            "preparation": {"methods": ["noprep"], "jpeg_quality": settings.pop("jpeg_quality", 95)},
            "models": models,
            "training": {"backbones": ["MobileNetV2"], "preparation": "noprep", "epochs": 40},
        }
        return Study(parse_settings(told | settings))

    seconds = {}

    def step(name: str, what: Study) -> None:
        started = time.perf_counter()
        run(what)
        seconds[name] = round(time.perf_counter() - started, 1)
        print(f"store {'on' if store else 'off'}: {name} {seconds[name]} s", flush=True)

    step("first", study())
    if only_first:
        return seconds
    step("unchanged", study())
    step("there", study(jpeg_quality=90, seed=7))
    step("back", study())
    for file in late:
        (home / file.name).rename(file)
    step("grown", study())
    counts = [manifest.counts for stage in ("prepare", "features") for manifest in study().manifests(stage)]
    print(counts, flush=True)
    step("second", study("two"))
    return seconds


def measure_syncs(pictures: Path, weights: str) -> dict[str, list[float]]:
    """Seconds of first runs, each in a process of its own, by turns with syncs and without; none without eatmydata."""
    found: dict[str, list[float]] = {"as it is": [], "without syncs": []}
    prefixes: list[list[str]] = [[], ["eatmydata"]]
    if not shutil.which("eatmydata"):
        return {}
    for turn in range(4):
        with tempfile.TemporaryDirectory() as home:
            once = [sys.executable, __file__, "--once", home, str(pictures), weights]
            shown = subprocess.run([*prefixes[turn % 2], *once], check=True, capture_output=True, text=True).stdout
        found[[*found][turn % 2]].append(json.loads(shown.splitlines()[-1]))
        print(found, flush=True)
    return found


def main() -> None:
    """Measure, print, and write the results."""
    if "--once" in sys.argv:
        home, pictures, weights = sys.argv[-3:]
        print(measure(Path(home), Path(pictures), weights, store=True, only_first=True)["first"])
        return
    folder, weights = [*sys.argv[1:], "", ""][:2]
    with tempfile.TemporaryDirectory() as temporary:
        pictures = Path(folder).resolve() if folder else drawn(Path(temporary) / "pictures")
        covers = sum(1 for _ in pictures.rglob("*.jpg"))
        given = str(Path(weights).resolve()) if weights else ""
        syncs = measure_syncs(pictures, given)
        found = {}
        for name in ("on", "off"):
            home = Path(temporary) / name
            home.mkdir()
            found[name] = measure(home, pictures, given, store=name == "on")
    results = {
        "command": "python benchmarks/store.py" + (" FOLDER" if folder else "") + (" WEIGHTS" if weights else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {os.uname().sysname} {os.uname().machine}, no GPU",
        "covers": covers,
        "added": ADDED,
        "seconds": found,
        "first_to_step": {
            name: {step: round(steps["first"] / max(took, 0.1), 1) for step, took in steps.items() if step != "first"}
            for name, steps in found.items()
        },
        "first_by_syncs": syncs,
        "off_to_on": {step: round(found["off"][step] / max(found["on"][step], 0.1), 2) for step in found["on"]},
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
