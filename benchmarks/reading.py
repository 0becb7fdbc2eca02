"""How fast words are read off covers, and how well, against RapidOCR as it comes, in the same run.

    python benchmarks/reading.py                                         covers that the invented publisher draws
    python benchmarks/reading.py --listing LISTING --covers FOLDER       real covers, by their FILENAME

RapidOCR as it comes takes one cover at a time, in one process with a thread for each core; it is given the same
OpenVINO and covers of the same size, and no classifier of angles, for which it wants another engine. The stage reads
with a process for each core and gathers lines of many covers into batches, in the precision that is asked for. The two
alternate, each round gives a ratio, and the median of the rounds counts. Networks are loaded and shapes compiled before
time is taken. RapidOCR tells OpenVINO no precision: where the processor has bfloat16 it computes in that.

Recall is the share of words of three or more letters of the true main title (before a colon or bracket) that are among
the words read with a confidence of 0.5 or more; "joined" counts those that stand within what was read without spaces.
"As in float32" is the share of the words read in float32 that are read here too, and of covers with all words alike.
Writes benchmarks/results/reading.json.
"""

import argparse
import csv
import json
import platform
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from loky import cpu_count
from PIL import Image

from bookcover_core.covers.image_io import read_rgb
from bookcover_core.demo_data.cover_painter import draw_cover
from bookcover_core.demo_data.publisher import Publisher
from bookcover_core.genres import BOOKCOVER30
from bookcover_core.listings.book_groups import main_title
from bookcover_core.pipeline.processes import in_processes
from bookcover_core.preparation.prepared_images import SelectedCover
from bookcover_core.reading.cover_words import joined, words_that_count
from bookcover_core.reading.openvino_runtime import load_openvino
from bookcover_core.reading.read_covers import BATCH, read_batch
from bookcover_core.reading.text_reader import scaled
from bookcover_core.settings import ReadingSettings

RESULTS = Path(__file__).parent / "results" / "reading.json"
SURE = 0.5
SETTINGS = ReadingSettings(min_confidence=SURE)
SIZES = (160, 200)  # longer sides in pixels between which recall is told apart


def drawn(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Covers that the invented publisher draws, with their titles."""
    each = -(-count // len(BOOKCOVER30))
    books = Publisher(7, train_per_genre=each, test_per_genre=1, pool_per_genre=0).listing("train")[:count]
    found = []
    for book in books:
        file = folder / f"{book.key}.jpg"
        file.write_bytes(draw_cover(7, book.key, BOOKCOVER30[book.category_id], book.title, book.author))
        found.append((file, book.title))
    return found


def listed(listing: Path, folder: Path, count: int) -> list[tuple[Path, str]]:
    """Real covers of a listing of seven columns, drawn at random, with their titles."""
    rows = list(csv.reader(listing.read_text("utf-8", errors="replace").splitlines()))
    random.Random(1).shuffle(rows)
    return [(folder / row[1], row[3]) for row in rows if (folder / row[1]).is_file()][:count]


def recall(titles: Sequence[str], read: Sequence[str]) -> dict[str, float]:
    """Share of the words of the main titles that were read."""
    wanted, found, joined = 0, 0, 0
    for title, text in zip(titles, read, strict=True):
        words, have = words_that_count(main_title(title)), words_that_count(text)
        wanted += len(words)
        found += sum(word in have for word in words)
        joined += sum(word in "".join(re.findall(r"[^\W_]+", text.casefold())) for word in words)
    if not wanted:
        return {"words": 0}
    return {"words": wanted, "recall": round(found / wanted, 4), "recall_joined": round(joined / wanted, 4)}


def recall_by_size(files: Sequence[Path], titles: Sequence[str], read: Sequence[str]) -> dict[str, dict[str, float]]:
    """Recall by the longer side of the picture."""
    sizes = [max(read_rgb(file).size) for file in files]
    found = {}
    for low, high in zip((0, *SIZES), (*SIZES, 10**6), strict=True):
        here = [place for place, size in enumerate(sizes) if low <= size < high]
        told = f"from {low} pixels" if high == 10**6 else f"from {low} to {high - 1} pixels"
        found[told] = {"covers": len(here)} | recall([titles[each] for each in here], [read[each] for each in here])
    return found


def alike(read: Sequence[str], expected: Sequence[str]) -> dict[str, float]:
    """How much of what was expected was read."""
    words = [(Counter(one.split()), Counter(other.split())) for one, other in zip(read, expected, strict=True)]
    kept = sum((one & other).total() for one, other in words)
    return {
        "covers": round(sum(one == other for one, other in zip(read, expected, strict=True)) / len(read), 4),
        "words": round(kept / max(1, sum(other.total() for _, other in words)), 4),
    }


def as_it_comes() -> Callable[[Sequence[Path]], list[str]]:
    """RapidOCR, one cover after the other."""
    from rapidocr import EngineType, RapidOCR

    engine = RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.text_score": SURE,
            "Global.log_level": "error",
            "Det.engine_type": EngineType.OPENVINO,
            "Rec.engine_type": EngineType.OPENVINO,
            "Det.limit_type": "max",
            "Det.limit_side_len": SETTINGS.side,
        }
    )

    def read(files: Sequence[Path]) -> list[str]:
        pictures = (np.asarray(_as_large(read_rgb(file)))[..., ::-1] for file in files)
        return [" ".join(engine(picture).txts or ()) for picture in pictures]

    return read


def _as_large(cover: Image.Image) -> Image.Image:
    return scaled(cover, SETTINGS)


def stage(processes: int, precision: str) -> Callable[[Sequence[Path]], list[str]]:
    """What the stage `read` does with new covers."""
    settings = ReadingSettings.model_validate({"min_confidence": SURE, "precision": precision})
    work = partial(read_batch, root=Path("/"), settings=settings, threads=1)

    def read(files: Sequence[Path]) -> list[str]:
        covers = [SelectedCover(str(file), "", str(file.resolve())[1:], str(file)) for file in files]
        batches = [covers[start : start + BATCH] for start in range(0, len(covers), BATCH)]
        rows = {row.key: row for rows in in_processes(work, batches, processes=processes) for row in rows}
        return [joined(rows[str(file)].words, SURE) for file in files]

    return read


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listing", type=Path)
    parser.add_argument("--covers", type=Path)
    parser.add_argument("--count", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--note", default="", help="what else the machine was doing, for the results")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        books = listed(given.listing, given.covers, given.count) if given.listing else drawn(Path(folder), given.count)
        files, titles = [file for file, _ in books], [title for _, title in books]
        processes = cpu_count()
        in_float32 = stage(processes, "float32")(files)
        mine = f"stage, {processes} processes, {given.precision}"
        ways = {"RapidOCR as it comes": as_it_comes(), mine: stage(processes, given.precision)}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        texts = {name: way(files) for name, way in ways.items()}
        by_size = recall_by_size(files, titles, texts[mine])
        for _ in range(given.rounds):
            for name, way in ways.items():
                started = time.perf_counter()
                way(files)
                seconds[name].append(round(time.perf_counter() - started, 2))
    one, other = seconds.values()
    ratios = [round(theirs / ours, 2) for theirs, ours in zip(one, other, strict=True)]
    result = {
        "covers": f"{len(files)} {'real' if given.listing else 'drawn'}, longer side {SETTINGS.side}",
        "note": given.note,
        "seconds": seconds,
        "covers_per_second": {name: round(len(files) / statistics.median(each), 2) for name, each in seconds.items()},
        "stage_over_rapidocr_by_round": ratios,
        "stage_over_rapidocr": statistics.median(ratios),
        "title_words": {name: recall(titles, each) for name, each in texts.items()},
        "title_words_by_longer_side": by_size,
        "as_in_float32": alike(texts[mine], in_float32),
        "cores": processes,
        "machine": platform.machine(),
        "processor_computes_in": sorted(load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "versions": {name: version(name) for name in ("rapidocr", "openvino", "opencv-python-headless")},
    }
    print(json.dumps(result, indent=2))
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    covers = "real covers" if given.listing else "drawn covers"
    kept[covers if given.precision == "float32" else f"{covers}, {given.precision}"] = result
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
