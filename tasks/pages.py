"""Where the pages of a study are, while `bookcover serve` serves them: what runs tell people to open."""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from prefect.variables import Variable

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
