"""How fast covers that look the same are found among as many as Book32 has, against comparing each with each.

    python benchmarks/twins.py

Among 207,572 scattered hashes there are planted: for each distance from 0 to 9 bits 500 pairs of one picture, whose
colours differ a little, of which those up to the setting's default must be found and the others not; 500 pairs with one
hash and other colours, which must not be found; 500 pairs of one file; and a crowd of 2,000 covers that are nearly
blank. The stage reads, matches and writes all of them in a process of its own, whose memory is watched.
The named alternative compares each hash with all others by NumPy, a row at a time, then the colours; it is timed on
20,000 hashes, in turns with the same search, and found pairs are compared.
Writes benchmarks/results/twins.json.
"""

import json
import os
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from bookcover_core.curation.fingerprints import Fingerprint, fingerprints_file
from bookcover_core.curation.near_duplicates import COLOUR_LIMIT, find_twins, near_pairs, read_duplicates
from bookcover_core.genres import BOOKCOVER30, number_genres
from bookcover_core.pipeline.engine import record
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_table
from bookcover_core.settings import CurationSettings
from bookcover_core.settings.toml_file import parse_settings

RESULTS = Path(__file__).parent / "results" / "twins.json"
COVERS = 207_572
FEW = 20_000
CHUNK = 20_000
PLANTED = 500
FARTHEST = 9
CROWD = 2_000
ROUNDS = 3
DISTANCE = CurationSettings().twin_distance


def scatter(count: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`count` random hashes and colours."""
    return (
        chance.integers(0, 2**64, count, dtype=np.uint64),
        chance.integers(0, 256, (count, 48), dtype=np.uint8),
    )


def flip(hashes: np.ndarray, bits: int, chance: np.random.Generator) -> np.ndarray:
    """`hashes` with so many bits changed in each."""
    masks = [sum(1 << int(bit) for bit in chance.choice(64, bits, replace=False)) for _ in hashes]
    return hashes ^ np.array(masks, dtype=np.uint64)


def shade(colours: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """`colours` as another scan would have them."""
    return np.clip(colours + chance.integers(-12, 13, colours.shape), 0, 255).astype(np.uint8)


def invent(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, list[tuple[int, int]]]]:
    """Hashes, colours, number of the picture's file of `count` covers; and which pairs were planted, by kind."""
    chance = np.random.default_rng(32)
    hashes, colours = scatter(count, chance)
    files = np.arange(count)
    places = iter(chance.permutation(count))
    planted: dict[str, list[tuple[int, int]]] = {}

    def plant(kind: str) -> tuple[np.ndarray, np.ndarray]:
        one, other = np.array([(next(places), next(places)) for _ in range(PLANTED)]).T
        planted[kind] = list(zip(one.tolist(), other.tolist(), strict=True))
        return one, other

    for bits in range(FARTHEST + 1):
        one, other = plant(f"{bits} bits")
        hashes[other], colours[other] = flip(hashes[one], bits, chance), shade(colours[one], chance)
    one, other = plant("other colours")
    hashes[other] = hashes[one]
    one, other = plant("one file")
    hashes[other], colours[other], files[other] = hashes[one], colours[one], files[one]
    crowd = np.array([next(places) for _ in range(CROWD)])
    hashes[crowd] = np.uint64(1) ^ np.array([1 << int(bit) for bit in chance.integers(0, 64, CROWD)], dtype=np.uint64)
    colours[crowd] = 255 - chance.integers(0, 6, (CROWD, 48))
    planted["crowd"] = list(zip(crowd[:-1].tolist(), crowd[1:].tolist(), strict=True))
    return hashes, colours, files, planted


def publish(study: Study) -> dict[str, list[tuple[str, str]]]:
    """Leave behind what the stages before would; which pairs were planted, by kind."""
    hashes, colours, files, planted = invent(COVERS)
    keys = [f"{number:010d}" for number in range(COVERS)]
    workspace = study.workspace
    genres = pd.DataFrame([genre.model_dump() for genre in number_genres(BOOKCOVER30)])
    genres["category_id"] = genres["label"]
    write_table(workspace.genres, genres)
    books = pd.DataFrame({"key": keys, "filename": keys, "url": "", "title": "A Title", "author": ""})
    books["category_id"] = np.arange(COVERS) % len(BOOKCOVER30)
    books["category"] = "Genre"
    books["role"] = "pool"
    books["group"] = keys
    books["chunk"] = np.arange(COVERS) // CHUNK + 1
    write_table(workspace.books, books)
    chunks = int(books["chunk"].max())
    record(study, "listings", outputs=[workspace.books, workspace.genres], counts={"chunks": chunks})
    for chunk in range(1, chunks + 1):
        rows = [
            Fingerprint(
                keys[row],
                f"covers/{keys[row]}",
                f"{files[row]:064x}",
                f"{hashes[row]:016x}",
                colours[row].tobytes().hex(),
            )
            for row in np.flatnonzero(books["chunk"] == chunk)
        ]
        file = fingerprints_file(workspace, f"chunk-{chunk:04d}")
        write_table(file, pd.DataFrame(rows, columns=list(Fingerprint._fields)))
        record(study, f"hashes/chunk-{chunk:04d}", outputs=[file])
    return {kind: [(keys[one], keys[other]) for one, other in pairs] for kind, pairs in planted.items()}


def run_stage(workspace: str) -> tuple[float, float, dict[str, int]]:
    """Seconds, peak memory in MiB, and counts of the stage, run in this process."""
    started = time.perf_counter()
    manifest = find_twins(Study(parse_settings({"workspace": workspace})))
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, manifest.counts


def measure_stage() -> dict[str, object]:
    """What the stage takes for all covers, and what it finds of what was planted."""
    with tempfile.TemporaryDirectory() as folder:
        study = Study(parse_settings({"workspace": folder}))
        planted = publish(study)
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            seconds, peak, counts = process.submit(run_stage, folder).result()
        cluster = {twin.key: twin.cluster for twin in read_duplicates(study.workspace)}
    found = {
        kind: sum(one in cluster and cluster[one] == cluster.get(other) for one, other in pairs) / len(pairs)
        for kind, pairs in planted.items()
    }
    return {"seconds": round(seconds, 1), "peak_mib": round(peak), "counts": counts, "share_found": found}


def each_with_each(hashes: np.ndarray, colours: np.ndarray) -> set[tuple[int, int]]:
    """All near pairs, by comparing every hash with all behind it."""
    found = set()
    for one in range(len(hashes)):
        others = one + 1 + np.flatnonzero(np.bitwise_count(hashes[one + 1 :] ^ hashes[one]) <= DISTANCE)
        difference = colours[others].astype(np.int32) - colours[one]
        alike = (difference**2).mean(axis=1) <= COLOUR_LIMIT**2 if len(others) else []
        found.update((one, int(other)) for other in others[alike])
    return found


def index_search(hashes: np.ndarray, colours: np.ndarray) -> set[tuple[int, int]]:
    """All near pairs, as the stage finds them."""
    return {
        (int(one), int(other))
        for pairs in near_pairs(hashes, colours, DISTANCE)
        for one, other in zip(pairs.one, pairs.other, strict=True)
    }


def compare() -> dict[str, object]:
    """Both ways on fewer covers, in turns."""
    hashes, colours = (values[:FEW] for values in invent(COVERS)[:2])
    seconds: dict[str, list[float]] = {"each with each": [], "index": []}
    for _ in range(ROUNDS):
        found = []
        for name, way in (("each with each", each_with_each), ("index", index_search)):
            started = time.perf_counter()
            found.append(way(hashes, colours))
            seconds[name].append(time.perf_counter() - started)
        assert found[0] == found[1]
    best = {name: min(times) for name, times in seconds.items()}
    return {
        "covers": FEW,
        "pairs_found_by_both": len(found[0]),
        "seconds": {name: [round(value, 2) for value in times] for name, times in seconds.items()},
        "index_over_each_with_each": round(best["each with each"] / best["index"], 1),
        "each_with_each_seconds_for_all_by_its_square": round(best["each with each"] * (COVERS / FEW) ** 2),
    }


def main() -> None:
    """Measure, print and write the results."""
    load = os.getloadavg()[0]
    result = {
        "covers": COVERS,
        "distance": DISTANCE,
        "stage": measure_stage(),
        "alternative": compare(),
        "machine": {
            "cores": os.cpu_count() or 1,
            "load_before": round(load, 1),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
