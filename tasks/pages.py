"""What runs tell people of a study: where its pages are, while `bookcover serve` serves them, and what came out."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from prefect.variables import Variable

from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings

SITE_VARIABLE = "bookcover_site"
"""Prefect's variable that says where the pages are, and of which studies: see `site_value`."""

Page = Literal["review", "judge", "report"]


def site_value(address: str, folder: Path) -> dict[str, Any]:
    """The value of the variable: the address of the pages, and the folder whose studies they show."""
    return {"address": address, "folder": str(folder)}


def page_of(settings: StudySettings, page: Page) -> str | None:
    """Address of a page of a study; None where nobody serves it."""
    site = Variable.get(SITE_VARIABLE, default=None)
    if not isinstance(site, dict) or site.get("folder") != str(settings.root.parent):
        return None
    return f"{site['address']}{page}/{quote(settings.name)}/"


def report_address(settings: StudySettings) -> str:
    """Address of a study's report: of its page or, where nobody serves that, of the file."""
    return page_of(settings, "report") or (Study(settings).workspace.report / "index.html").as_uri()


def outcome_in_words(settings: StudySettings) -> str:
    """How well the best network of a study does, from the numbers of its report; empty where there are none."""
    results = Study(settings).workspace.report / "results.json"
    try:
        return _read_outcome(results, results.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, IndexError):
        return ""


@lru_cache(maxsize=256)
def _read_outcome(results: Path, _changed: int) -> str:
    best = json.loads(results.read_bytes())["networks"][0]
    top1, low, high, chance = (f"{100 * best[name]:.1f}" for name in ("top1", "top1_low", "top1_high", "chance"))
    mark = ", untrained (random weights)" if best["random_weights"] else ""
    books = f"{best['test_books']:,} test books"
    return f"{best['backbone']}{mark} is right on {top1} % of {books} ({low} to {high} %); chance is {chance} %."
