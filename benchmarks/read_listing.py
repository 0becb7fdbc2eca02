"""How long it takes to read a listing of the size of Book32, and how much memory; pandas.read_csv is the yardstick.

    python benchmarks/read_listing.py

Writes 207,572 invented records with the quirks of the real ones (doubled quotes, bytes that are no UTF-8, a line end
inside a field), reads them in a process of its own per reader, and writes benchmarks/results/read_listing.json.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

# Records of the Book32 listing: dissertation, section 3.1.
RECORDS = 207_572

RESULTS = Path(__file__).parent / "results" / "read_listing.json"

READERS = ("bookcover_core", "bookcover_core stage", "pandas.read_csv")


def write_listing(file: Path, records: int) -> None:
    """Write invented records in the form of uchidalab/book-dataset, of about the real ones' length."""
    from bookcover_core.genres import BOOK32

    draw = np.random.default_rng(2020)
    words = ("the", "of", "a", "guide", "history", "secret", "garden", "night", "Stories", "complete", "art", "war")
    categories = draw.integers(0, len(BOOK32), records)
    lengths = draw.integers(3, 14, records)
    with file.open("wb") as lines:
        for number in range(records):
            title = " ".join(words[index] for index in draw.integers(0, len(words), lengths[number]))
            if number % 250 == 0:
                title += ' ""unabridged""'
            if number % 5_000 == 0:
                title += "\nand more"
            raw = title.encode() + (b" Insider\x81E\x80\x81Es" if number % 300 == 0 else b"")
            category = int(categories[number])
            url = f"http://ecx.images-amazon.com/images/I/51{number:08d}%2BL.jpg"
            lines.write(b'"%d","%010d.jpg","%s","' % (number, number, url.encode()))
            lines.write(raw + f'","Author {number % 50_000}","{category}","{BOOK32[category]}"\n'.encode())


def read(reader: str, file: Path) -> dict[str, float | int]:
    """Seconds and peak memory of one reader, in this process."""
    if reader == "pandas.read_csv":
        import pandas as pd

        started, computing = time.perf_counter(), time.process_time()
        records = len(pd.read_csv(file, header=None, encoding_errors="surrogateescape"))
    elif reader == "bookcover_core":
        from bookcover_core.listings.records import read_records

        started, computing = time.perf_counter(), time.process_time()
        records = len(list(read_records(file)))
    else:
        from bookcover_core.listings.read_listings import read_listings
        from bookcover_core.pipeline.study import Study
        from bookcover_core.settings import StudySettings

        books = {"source": "listing", "listing": str(file)}
        settings = StudySettings.model_validate({"workspace": str(file.parent), "books": books})
        started, computing = time.perf_counter(), time.process_time()
        records = int(read_listings(Study(settings)).counts["records"])
    seconds = time.perf_counter() - started
    computed = time.process_time() - computing
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "records": records,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(computed, 2),
        "peak_mib": round(peak),
    }


def main() -> None:
    """Run every reader on one listing, each in a fresh process, and write what was measured."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--reader", choices=READERS)
    arguments.add_argument("--file", type=Path)
    chosen = arguments.parse_args()
    if chosen.reader:
        print(json.dumps(read(chosen.reader, chosen.file)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "listing.csv"
        write_listing(file, RECORDS)
        measured = {}
        for reader in READERS:
            command = [sys.executable, __file__, "--reader", reader, "--file", str(file)]
            measured[reader] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"{reader:22} {measured[reader]}")
        result = {
            "records": RECORDS,
            "bytes": file.stat().st_size,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "readers": measured,
        }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
