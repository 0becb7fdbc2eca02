"""Verdicts as Markdown with embedded pictures, for the dashboard: `templates/verdicts.md`."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from bookcover_core.inference.answers import CoverVerdict, Unreadable
from bookcover_core.inference.cover_sources import CoverInput
from bookcover_core.visualisation.contact_sheet import data_uri, encoded

if TYPE_CHECKING:
    from bookcover_core.inference.judge_covers import Judge

# Verdicts that are shown: each brings pictures of some 20 KB.
_MOST_SHOWN = 24

# Width and height of pictures, at most: small enough for many in one text.
_THUMBNAIL = (180, 240)
_QUALITY = 80


def judge_and_show(
    judge: "Judge", covers: Iterable[CoverInput | Unreadable], *, top: int, near: int
) -> tuple[list[CoverVerdict | Unreadable], str]:
    """The verdict on each cover, in their order, or why there is none; and a page that shows the first verdicts."""
    found: list[CoverVerdict | Unreadable] = []
    shown: list[tuple[CoverVerdict, str, str]] = []
    for judged in judge.judge_covers(covers, top=top, near=near):
        if isinstance(judged, Unreadable):
            found.append(judged)
            continue
        found.append(judged.verdict)
        if len(shown) < _MOST_SHOWN:
            shown.append((judged.verdict, _picture(judged.cover.shown), _picture(judge.explain(judged))))
    unreadable = [each for each in found if isinstance(each, Unreadable)]
    left_out = len(found) - len(unreadable) - len(shown)
    made = Environment(
        loader=PackageLoader("bookcover_core.inference"),
        autoescape=select_autoescape(),  # of Markdown nothing
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["plain"] = _plain
    page = made.get_template("verdicts.md")
    return found, page.render(about=judge.about, shown=shown, left_out=left_out, unreadable=unreadable)


def _picture(picture: Image.Image) -> str:
    """The picture, small, as an address that holds it."""
    small = picture.copy()
    small.thumbnail(_THUMBNAIL)
    return data_uri(encoded(small, "JPEG", quality=_QUALITY), "image/jpeg")


def _plain(text: str) -> str:
    """`text` as Markdown that says just that, on one line."""
    return " ".join(re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&])", r"\\\1", text).split())
