"""Verdicts as Markdown with embedded pictures, for the dashboard."""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from PIL import Image

from bookcover_core.inference.answers import CoverVerdict, ModelSummary, Neighbour, Unreadable
from bookcover_core.inference.cover_sources import CoverInput
from bookcover_core.visualisation.contact_sheet import data_uri

if TYPE_CHECKING:
    from bookcover_core.inference.judge_covers import Judge

# Verdicts that are shown: each brings pictures of some 20 KB.
_MOST_SHOWN = 24

# Width and height of pictures, at most: small enough for many in one text.
_THUMBNAIL = (180, 240)
_QUALITY = 80

# Width of the longest bar, in characters.
_BAR = 20


def judge_and_show(
    judge: "Judge", covers: Iterable[CoverInput | Unreadable], *, top: int, near: int
) -> tuple[list[CoverVerdict | Unreadable], str]:
    """The verdict on each cover, as `Judge.judge_covers` gives it, and a page that shows the first of them."""
    found: list[CoverVerdict | Unreadable] = []
    sections: list[str] = []
    for judged in judge.judge_covers(covers, top=top, near=near):
        if isinstance(judged, Unreadable):
            found.append(judged)
            continue
        found.append(judged.verdict)
        if len(sections) < _MOST_SHOWN:
            sections.append(_section(judged.verdict, judge.about, judged.cover.shown, judge.explain(judged)))
    return found, _page(judge.about, sections, found)


def _page(about: ModelSummary, sections: list[str], found: list[CoverVerdict | Unreadable]) -> str:
    """The verdicts under what is to be known of the network, and what could not be judged."""
    unreadable = [each for each in found if isinstance(each, Unreadable)]
    left_out = len(found) - len(unreadable) - len(sections)
    lines = [f"### {_plain(about.title)}, on {about.preparation} covers", "", about.measured]
    lines += [f"\n**{_plain(warning)}**" for warning in about.warnings]
    lines += [f"\n{section}" for section in sections]
    if left_out:
        lines += ["", f"and {left_out:,} more verdicts, which are not shown."]
    if unreadable:
        lines += ["", "### Not judged", "", "| cover | why |", "|---|---|"]
        lines += [f"| {_plain(each.source)} | {_plain(each.detail)} |" for each in unreadable]
    return "\n".join(lines) + "\n"


def _section(verdict: CoverVerdict, about: ModelSummary, cover: Image.Image, explained: Image.Image | None) -> str:
    """The verdict on one cover: the cover, what spoke for its first genre, the genres, and similar covers."""
    pictures = [_picture("the cover", cover)]
    if explained is not None:
        pictures.append(_picture(f"what spoke for {verdict.genres[0].genre}", explained))
    lines = [f"### {_plain(verdict.source)}", "", " ".join(pictures), "", "| genre | probability | |", "|---|---:|---|"]
    for guess in verdict.genres:
        bar = "█" * max(1, round(_BAR * guess.probability))
        lines.append(f"| {_plain(guess.genre)} | {100 * guess.probability:.1f} % | {bar} |")
    if verdict.telling:
        lines += [
            "",
            f"Words on it that speak for {_plain(verdict.genres[0].genre)}: {_plain(', '.join(verdict.telling))}.",
        ]
    lines += [f"\n**{_plain(warning)}**" for warning in verdict.warnings if warning not in about.warnings]
    if verdict.nearest:
        lines += ["", "| similar cover | genre | similarity |", "|---|---|---:|", *map(_row, verdict.nearest)]
    elif verdict.nearest_missing:
        lines += ["", f"No similar covers are named: {_plain(verdict.nearest_missing)}."]
    return "\n".join(lines)


def _row(book: Neighbour) -> str:
    return f"| {_plain(book.title)} | {_plain(book.genre)} | {book.similarity:.2f} |"


def _picture(what: str, picture: Image.Image) -> str:
    """The picture, small, as Markdown that brings it along."""
    small = picture.copy()
    small.thumbnail(_THUMBNAIL)
    output = io.BytesIO()
    small.save(output, "JPEG", quality=_QUALITY)
    return f"![{_plain(what)}]({data_uri(output.getvalue(), 'image/jpeg')})"


def _plain(text: str) -> str:
    """`text` as Markdown that says just that, on one line."""
    return " ".join(re.sub(r"([\\`*_{}\[\]<>()#+\-.!|~&])", r"\\\1", text).split())
