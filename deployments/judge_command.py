"""The command `bookcover judge`: the verdict on covers, printed; or the page on which a person gives them."""

import json
import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from PIL.PngImagePlugin import PngInfo
from rich.table import Table
from rich.text import Text

from bookcover_core.errors import SettingsError, WeightsError, WorkspaceError
from bookcover_core.inference.answers import CoverVerdict, Unreadable
from bookcover_core.inference.cover_sources import CoverInput, find_covers
from bookcover_core.inference.model_choice import TrainedModel, candidates, choose, describe
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import make_folder, safe_name, write_bytes
from bookcover_core.settings import StudySettings
from bookcover_core.visualisation.contact_sheet import encoded
from deployments.loopback import Shared, served, stay
from deployments.terminal import console, say

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from bookcover_core.inference.judge_covers import Judge, Judged

# Where the page is, unless somebody else is there.
_PORT = 4281

# Variable with the password of a shared page, and the characters that it has at least: guessing is not slowed down.
_PASSWORD, _LEAST_PASSWORD = "BOOKCOVER_PASSWORD", 16

# What stands for the standard input among the covers.
_STANDARD_INPUT = "-"

# What pictures of `--explain` name as their maker, and bytes within which a PNG names it.
_EXPLAINER, _HEAD = "bookcover judge --explain", 256

# What to do where no picture can be written.
_MEND = "Mend the permissions of the folder given to --explain, or name another one."

# Width of the longest bar, in characters.
_BAR = 24


def judge_covers(
    settings: StudySettings,
    names: list[str],
    *,
    model: str = "",
    top: int = 5,
    near: int = 3,
    explain: Path | None = None,
    as_json: bool = False,
    text: BookText = UNKNOWN_TEXT,
    then: str,
) -> int:
    """How many covers could not be judged, after the verdict on each was printed, in their order."""
    found = [
        each if isinstance(each, Unreadable) else each._replace(text=text)
        for each in _covers(names, settings.covers.max_bytes, sys.stdin.buffer)
        if not _is_own_picture(each, names)
    ]
    if not found:
        raise SettingsError(
            "these folders hold nothing but pictures that --explain made",
            where=", ".join(names),
            advice="Name the folder of the covers, or one of the pictures by its own name.",
        )
    if any(text) and len(found) > 1:
        raise SettingsError(
            f"one title or author is given for {len(found):,} covers",
            where="--title, --author",
            advice="Name one cover with the title of its book, or leave the title out.",
        )
    unreadable = 0
    # Where there is nothing to look at, nobody waits for TensorFlow.
    if all(isinstance(cover, Unreadable) for cover in found):
        for cover in found:
            assert isinstance(cover, Unreadable)
            _print(cover, as_json=as_json)
        return len(found)
    study = Study(settings)
    chosen = _choose(study, model, then, is_titled=bool(text.title))
    if explain:
        make_folder(explain, _MEND)
    about = describe(study, chosen)
    if not as_json:
        say(f"{about.title}, on {about.preparation} covers, of the study {about.study}. {about.measured}")
        for warning in about.warnings:
            say(warning)

    from bookcover_core.inference.judge_covers import Judge  # noqa: PLC0415 - imports TensorFlow

    with Judge(study, chosen) as judge:
        pictures = _Pictures(explain, judge) if explain else None
        for judged in judge.judge_covers(found, top=top, near=near):
            if isinstance(judged, Unreadable):
                unreadable += 1
                _print(judged, as_json=as_json)
                continue
            verdict = judged.verdict
            if pictures:
                verdict = verdict.model_copy(update={"explanation": str(pictures.write(judged))})
            _print(verdict, as_json=as_json, said=about.warnings)
    return unreadable


def judge_page(
    settings: StudySettings,
    *,
    model: str = "",
    port: int | None = None,
    share: str = "",
    with_browser: bool = True,
    then: str,
) -> None:
    """Serve the judging page of a study until Ctrl-C; where `share` is a name, to machines that know it by that."""
    study = Study(settings)
    chosen = _choose(study, model, then)

    def make_app(hosts: Collection[str]) -> "Starlette":
        from deployments.pages.judge import judge_app  # noqa: PLC0415 - imports Starlette

        return judge_app({settings.name: study}, hosts=hosts)

    path = f"{settings.name}/#{chosen.name}" if model else f"{settings.name}/"
    shared = Shared(share.lower(), _password()) if share else None
    with served(make_app, path, usual_port=_PORT, port=port, shared=shared) as page:
        say(f"Judging page: {page.address}")
        if shared:
            say(f"For others, behind the password: {shared.name}/{path}")
        say("Drop a cover on it. Ctrl-C ends this.")
        stay(page, with_browser=with_browser)


def _password() -> str:
    """The password of a shared page, which only the environment may hold: others of a machine see its commands."""
    password = os.environ.get(_PASSWORD, "")
    if len(password) < _LEAST_PASSWORD:
        raise SettingsError(
            f"a page is shared behind a password of {_LEAST_PASSWORD} characters or more",
            where=_PASSWORD,
            advice=f"Set it in the environment: {_PASSWORD}=$(openssl rand -hex 24) makes one.",
        )
    return password


def _choose(study: Study, model: str, then: str, *, is_titled: bool = False) -> TrainedModel:
    """The model that judges; `then` is the command that trains one."""
    if not candidates(study):
        raise WeightsError(
            "there is no trained network to judge with",
            where=study.workspace.models,
            advice=f"Train one first: `{then}` does everything that is needed for it.",
        )
    return choose(study, model, is_titled=is_titled)


def _covers(names: list[str], most: int, standard_input: BinaryIO) -> Iterator[CoverInput | Unreadable]:
    for name in names:
        if name == _STANDARD_INPUT:
            yield CoverInput("standard input", standard_input.read(most + 1))
        else:
            yield from find_covers([name])


def _is_own_picture(cover: CoverInput | Unreadable, names: Collection[str]) -> bool:
    """Whether --explain made the cover, and no name but that of its folder means it: nobody asks for it."""
    if isinstance(cover, Unreadable) or not isinstance(cover.at, Path) or cover.name in names:
        return False
    return _is_explanation(cover.at)


class _Pictures:
    """Pictures of what spoke for a verdict, in a folder; covers of one name get numbers.

    Those of an earlier command are replaced. Any other file stays: the folder may be that of the covers.
    """

    def __init__(self, folder: Path, judge: "Judge") -> None:
        self._folder = folder
        self._judge = judge
        self._taken: set[str] = set()

    def write(self, judged: "Judged") -> Path:
        """The file that the picture was written to."""
        stem = safe_name(PurePosixPath(judged.verdict.source.partition("?")[0]).stem)
        name, number = f"{stem}.png", 1
        while name in self._taken or _is_foreign(self._folder / name):
            number += 1
            name = f"{stem}-{number}.png"
        self._taken.add(name)
        file = self._folder / name
        mark = PngInfo()
        mark.add_text("Software", _EXPLAINER)
        picture = encoded(self._judge.explain(judged), "PNG", pnginfo=mark)
        try:
            write_bytes(file, picture)
        except WorkspaceError as error:
            raise WorkspaceError(error.what, where=error.where, advice=_MEND) from None
        return file


def _is_foreign(file: Path) -> bool:
    """Whether something lies there that no explanation of ours is."""
    return os.path.lexists(file) and not _is_explanation(file)


def _is_explanation(file: Path) -> bool:
    """Whether --explain made the file; a folder, or what may not be read, is none."""
    try:
        with file.open("rb") as content:
            return _EXPLAINER.encode() in content.read(_HEAD)
    except OSError:
        return False


def _print(found: CoverVerdict | Unreadable, *, as_json: bool, said: Collection[str] = ()) -> None:
    """Print a verdict, or why there is none; warnings that were `said` already are left out for people."""
    if as_json:
        # JSON is UTF-8; where the output is another encoding, what is not ASCII is escaped.
        is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        line = json.dumps(found.model_dump(mode="json"), ensure_ascii=not is_utf8)
        # JSON escapes the control characters of ASCII alone; a terminal obeys others too.
        sys.stdout.write(re.sub("[\x7f-\x9f]", lambda control: f"\\u{ord(control[0]):04x}", line) + "\n")
        sys.stdout.flush()
    elif isinstance(found, Unreadable):
        console.print()
        console.print(Text(f"{found.source}  not judged: {found.detail}", style="red"), soft_wrap=True)
    else:
        _print_verdict(found, said)


def _print_verdict(verdict: CoverVerdict, said: Collection[str]) -> None:
    console.print()
    console.print(
        Text.assemble((verdict.source, "bold"), f"  {verdict.width} x {verdict.height} pixels"), soft_wrap=True
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=_BAR)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for place, guess in enumerate(verdict.genres):
        halves = max(1, round(2 * _BAR * guess.probability))
        bar = "━" * (halves // 2) + "╸" * (halves % 2)
        table.add_row(
            f"{100 * guess.probability:.1f} %",
            Text(bar, style="bold blue" if place == 0 else "blue"),
            Text(guess.genre, style="bold" if place == 0 else ""),
        )
    console.print(table)
    if verdict.telling:
        say(f"Words on it that speak for {verdict.genres[0].genre}: {', '.join(verdict.telling)}.")
    if verdict.nearest:
        nearest = Table.grid(padding=(0, 2, 0, 0))
        nearest.add_column(no_wrap=True, min_width=4)  # a long title takes what is left, and no more
        nearest.add_column(no_wrap=True, min_width=4)
        nearest.add_column(no_wrap=True, overflow="ellipsis")
        for place, book in enumerate(verdict.nearest):
            nearest.add_row(
                "like" if place == 0 else "", f"{book.similarity:.2f}", Text(f"{book.title} ({book.genre})")
            )
        console.print(nearest)
        if verdict.nearest_doubt:
            console.print(Text(f"{verdict.nearest_doubt}.", style="yellow"))
    elif verdict.nearest_missing:
        say(f"No covers like it are named: {verdict.nearest_missing}.")
    for warning in verdict.warnings:
        if warning not in said:
            console.print(Text(warning, style="yellow"))
    if verdict.explanation:
        say(f"What spoke for {verdict.genres[0].genre}: {verdict.explanation}")
