"""The command `bookcover review`: the review page of one study, served on loopback until Ctrl-C."""

import shlex
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from bookcover_core.curation.box_set_candidates import find_candidates
from bookcover_core.curation.review_queue import ReviewItem, ReviewQueue, ReviewReason, review_queue
from bookcover_core.errors import StageOrderError
from bookcover_core.pipeline.study import Study
from bookcover_core.settings import StudySettings
from deployments.home import live_with
from deployments.loopback import ServedPage, served, stay
from deployments.review_resume import announced, go_on
from deployments.terminal import say

if TYPE_CHECKING:
    from starlette.applications import Starlette

# Where the page is, unless somebody else is there: an address that can be kept as a bookmark.
_PORT = 4280


def review_study(settings: StudySettings, *, port: int | None = None, with_browser: bool = True, then: str) -> None:
    """Serve the review page of a study until Ctrl-C; each decision is saved when it is made.

    The study may be running elsewhere meanwhile, and covers still be on their way.
    """
    study = Study(settings)
    live_with(settings)
    _search_candidates(study, then)
    say(describe(review_queue(study)))
    with review_page(study, port) as page, announced(settings, page.address):
        say(f"Review page: {page.address}")
        say("Every decision is saved when it is made. Ctrl-C ends this.")
        stay(page, with_browser=with_browser)
    queue = review_queue(study)
    say(describe(queue))
    say(f"Take it up again with the same command. Go on with the study: {then}")


def review_page(study: Study, port: int | None = None) -> AbstractContextManager[ServedPage]:
    """The review page of a study, served on loopback while the block lasts.

    Runs that wait for the review go on when the last decision has been made.
    """
    name = study.settings.name

    def make_app(hosts: Collection[str]) -> "Starlette":
        from deployments.pages.review import review_app  # noqa: PLC0415 - imports Starlette

        return review_app({name: study}, hosts=hosts, on_all_decided=go_on)

    return served(make_app, f"{name}/", usual_port=_PORT, port=port)


def describe(queue: ReviewQueue) -> str:
    """What there is to review, in words, a line each."""
    candidates = [item for item in queue.items if item.kind is ReviewReason.CANDIDATE]
    replacements = [item for item in queue.items if item.kind is ReviewReason.REPLACEMENT]
    lines = [f"Box-set candidates: {_count(candidates)}"]
    if replacements:
        lines.append(f"Replacements: {_count(replacements)}")
    if queue.coming:
        lines.append(f"Candidates whose covers are not downloaded yet: {queue.coming}")
    return "\n".join(lines)


def _count(items: Iterable[ReviewItem]) -> str:
    verdicts = [item.decision.decision if item.decision else "open" for item in items]
    counts = {name: verdicts.count(name) for name in ("keep", "reject", "open")}
    return f"{len(verdicts)} ({counts['keep']} kept, {counts['reject']} rejected, {counts['open']} open)"


def _search_candidates(study: Study, then: str) -> None:
    """Search the titles, unless that is done: it takes seconds, and needs the listings alone."""
    try:
        find_candidates(study)
    except StageOrderError:
        raise StageOrderError(
            "the listings of this study have not been read",
            where=study.workspace.root,
            advice=f"Start it with `{then}`, or read them alone with `{then} --only listings`.",
        ) from None


def run_command(settings_file: Path | None, overrides: Iterable[str]) -> str:
    """The command that runs the study of these settings, as a person would type it."""
    given = [str(settings_file)] if settings_file else []
    return shlex.join(["bookcover", "run", *given, *(word for each in overrides for word in ("--set", each))])
