"""How much sooner a study has its covers where those of the pool are fetched as they are needed.

    python benchmarks/pool_as_needed.py                           a twenty-fifth of the listings: nine minutes
    python benchmarks/pool_as_needed.py --share 1 --pool as-needed       the whole of them, one way: 50 minutes

Listings with the sizes of BookCover30 and Book32 and a host on loopback, as `full_study.py` makes them, at a pace of 20
requests a second. One of 97 published covers is a picture of one pixel, as for books without a cover, so that at full
size 588 are to be replaced. A fresh home each goes from its listings to its selection, with `covers.pool` = "all" and
with "as-needed"; counted are the seconds of each stage, and the covers that were asked for. What the share gives is
multiplied to the whole: a download at a pace takes time by the number of its covers alone. Writes
benchmarks/results/pool_as_needed.json.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.download import answer, answering, free_port
from benchmarks.full_study import HOST, draw, write_listings

RESULTS = Path(__file__).parent / "results" / "pool_as_needed.json"
PACE = 20.0
WAYS = ("all", "as-needed")
LACKING = 97  # one of so many published covers is none: 588 of 57,000


def serve(port: int, published: int) -> None:
    """Answer every request for /<number>.jpg with that cover, or with one pixel."""
    pixel = BytesIO()
    Image.new("RGB", (1, 1)).save(pixel, "JPEG")

    def body_of(path: bytes) -> bytes:
        number = int(path.strip(b"/").removesuffix(b".jpg"))
        return pixel.getvalue() if number < published and number % LACKING == LACKING - 1 else draw(number)

    answer(port, body_of)


def lines_of(file: Path) -> int:
    """Lines of a text file."""
    with file.open(encoding="utf-8") as lines:
        return sum(1 for _ in lines)


def measure(pool: str, share: float, pace: float) -> dict[str, Any]:
    """Seconds of the stages from listings to selection, and the covers that were asked for."""
    from bookcover_core.families.systems import study_parts
    from bookcover_core.pipeline.stage_process import run_part
    from bookcover_core.pipeline.study import Study
    from bookcover_core.settings.toml_file import parse_settings

    with tempfile.TemporaryDirectory() as temporary:
        home, port = Path(temporary), free_port()
        records = write_listings(home / "listings", share, None)
        published = sum(lines_of(home / "listings" / f"{side}.csv") for side in ("train", "test"))
        command = [sys.executable, __file__, "--serve", str(port), "--published", str(published)]
        lists = {f"{side}_listing": str(home / "listings" / f"{side}.csv") for side in ("train", "test", "pool")}
        with answering(command, port, "/0.jpg") as address:
            covers = {"hosts": {HOST: [address]}, "allowed_private_hosts": ["127.0.0.1"], "requests_per_second": pace}
            study = Study(
                parse_settings(
                    {
                        "name": "pool",
                        "workspace": str(home / "studies"),
                        "books": lists,
                        "covers": covers | {"pool": pool},
                        "curation": {"undecided": "keep"},
                    }
                )
            )
            stages: dict[str, float] = {}
            study.begin()
            for part in study_parts(study):
                started = time.perf_counter()
                run_part(study, part)
                stages[part.stage.name] = round(stages.get(part.stage.name, 0.0) + time.perf_counter() - started, 1)
                if part.stage.name == "curate":
                    break
        tables = [lines_of(file) - 1 for file in study.workspace.ledger.glob("*.csv")]
        asked = sum(tables) + sum(lines_of(file) for file in study.workspace.ledger.glob("pool.jsonl"))
        selected = lines_of(study.workspace.selection) - 1
    return {"records": records, "published": published, "asked": asked, "selected": selected, "seconds": stages}


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.04, help="share of each genre's books and of the pool")
    parser.add_argument("--pace", type=float, default=PACE, help="requests a second")
    parser.add_argument("--pool", choices=WAYS, help="one way only")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--published", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.published)
        return
    ways = {pool: measure(pool, asked.share, asked.pace) for pool in ([asked.pool] if asked.pool else WAYS)}
    result: dict[str, Any] = {
        "command": f"python benchmarks/pool_as_needed.py --share {asked.share:g}"
        + (f" --pool {asked.pool}" if asked.pool else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {os.uname().sysname} {os.uname().machine}",
        "requests_per_second": asked.pace,
        **ways,
        "minutes_to_a_selection_of_the_whole": {
            pool: round(sum(way["seconds"].values()) / asked.share / 60, 1) for pool, way in ways.items()
        },
    }
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    name = f"share {asked.share:g}{f', {asked.pool}' if asked.pool else ''}"
    RESULTS.write_text(json.dumps(earlier | {name: result}, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
