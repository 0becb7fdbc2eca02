"""The settings of a study with a pool, whose covers a host on loopback has."""

import csv
import io
import random
from pathlib import Path
from typing import Any

from PIL import Image

from bookcover_core.settings import StudySettings
from bookcover_core.settings.toml_file import parse_settings
from tests.bookcover_core.covers.loopback import LoopbackHost, reply

GENRES = ("Law", "Travel")
SIZES = {"train": 12, "test": 4, "pool": 20}


def cover(seed: int) -> bytes:
    """A cover that looks like no other."""
    small = Image.frombytes("RGB", (6, 8), random.Random(seed).randbytes(6 * 8 * 3))
    file = io.BytesIO()
    small.resize((90, 120), Image.Resampling.NEAREST).save(file, "JPEG")
    return file.getvalue()


def settings_with_pool(
    folder: Path, host: LoopbackHost, *, titles: dict[str, str] | None = None, **settings: Any
) -> StudySettings:
    """Settings of a study of 32 books with a pool of 40: five of its covers are gone, and one shows a test book.

    The listings lie beside `folder`, its workspace. Covers that the host has already stay.
    """
    number = 0
    files = {}
    for role, size in SIZES.items():
        file = folder.parent / f"{role}.csv"
        files[f"{role}_listing"] = str(file)
        with file.open("w", newline="") as lines:
            table = csv.writer(lines, quoting=csv.QUOTE_ALL)
            for genre, name in enumerate(GENRES):
                for place in range(size):
                    key, number = f"{role}{genre}{place:02d}", number + 1
                    url = f"http://127.0.0.1:{host.port}/{key}.jpg"
                    host.replies.setdefault(f"/{key}.jpg", [reply(200, cover(number))])
                    title = (titles or {}).get(key, f"Title of {key}")
                    table.writerow([key, f"{key}.jpg", url, title, "", str(genre), name])
    for key in ("train003", "train004", "train107", "test101", "test002"):
        host.replies[f"/{key}.jpg"] = [reply(404)]
    host.replies["/train005.jpg"] = host.replies["/test003.jpg"]
    covers = {
        "pool": "as-needed",
        "allowed_private_hosts": ["127.0.0.1"],
        "requests_per_second": 5000,
        "backoff": 0.01,
        "attempts": 1,
        "max_failed_share": 0.5,
    }
    return parse_settings(
        {
            "name": "drawn",
            "workspace": str(folder),
            "books": {**files, "chunk_records": 15},
            "curation": {"undecided": "keep"} | settings.pop("curation", {}),
            "covers": covers | settings.pop("covers", {}),
            **settings,
        }
    )


def asked(host: LoopbackHost) -> list[str]:
    """Keys of the covers of the pool that the host was asked for."""
    return [each.target[1:-4] for each in host.asked if each.target.startswith("/pool")]
