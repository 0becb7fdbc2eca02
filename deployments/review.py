"""The command `bookcover review`: the review page of one study, served on loopback until Ctrl-C."""

import os
import shlex
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from bookcover_core.curation.candidates import find_candidates
from bookcover_core.curation.review import Item, Kind, Queue, review_queue
from bookcover_core.errors import ServerError, StageOrderError
from bookcover_core.settings import StudySettings
from bookcover_core.study import Study
from deployments.terminal import say
from deployments.waiting import announced, go_on

# Where the page is, unless somebody else is there: an address that can be kept as a bookmark.
_PORT = 4280

# Seconds that a browser's connections are waited for at the end.
_PATIENCE = 2


def review_study(settings: StudySettings, *, port: int | None = None, with_browser: bool = True, then: str) -> None:
    """Serve the review page of a study until Ctrl-C; each decision is saved when it is made.

    The study may be running elsewhere meanwhile, and covers still be on their way.

    Args:
        settings: The study.
        port: Where to listen; none: at 4280 or, where that is taken, at any free port.
        with_browser: Open the page in a browser, on a machine that has a screen.
        then: Command that goes on with the study.

    Raises:
        StageOrderError: The listings have not been read.
        DecisionsError: The study's decisions.csv is malformed.
        ServerError: The port is taken.
    """
    study = Study(settings)
    _search_candidates(study, then)
    say(describe(review_queue(study)))
    with review_page(study, port) as page, announced(settings, page.address):
        say(f"Review page: {page.address}")
        say("Every decision is saved when it is made. Ctrl-C ends this.")
        if with_browser and _has_screen():
            webbrowser.open(page.address)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            page.thread.join()
    queue = review_queue(study)
    say("")
    say(describe(queue))
    say(f"Take it up again with the same command. Go on with the study: {then}")


@dataclass(frozen=True)
class ReviewPage:
    """A review page that is being served."""

    address: str
    thread: Thread
    """Serves it; ends when it is told to."""


@contextmanager
def review_page(study: Study, port: int | None = None) -> Iterator[ReviewPage]:
    """The review page of a study, served on loopback while the block lasts.

    Runs that wait for the review go on when the last decision has been made.

    Args:
        study: The study; its candidates need not have been searched for yet.
        port: Where to listen; none: at 4280 or, where that is taken, at any free port.

    Raises:
        ServerError: The port is taken.
    """
    import uvicorn  # noqa: PLC0415 - takes half a second

    from deployments.pages.guard import loopback_hosts  # noqa: PLC0415 - imports Starlette
    from deployments.pages.review import review_app  # noqa: PLC0415 - imports Starlette

    with _listen(port) as listener:
        at = listener.getsockname()[1]
        name = study.settings.name
        app = review_app({name: study}, hosts=loopback_hosts(at), on_all_decided=go_on)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=_PATIENCE)
        )
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="review-page", daemon=True)
        thread.start()
        try:
            yield ReviewPage(f"http://127.0.0.1:{at}/{name}/", thread)
        finally:
            server.should_exit = True
            thread.join()


def describe(queue: Queue) -> str:
    """What there is to review, in words, a line each."""
    candidates = [item for item in queue.items if item.kind is Kind.CANDIDATE]
    replacements = [item for item in queue.items if item.kind is Kind.REPLACEMENT]
    lines = [f"Box-set candidates: {_count(candidates)}"]
    if replacements:
        lines.append(f"Replacements: {_count(replacements)}")
    if queue.coming:
        lines.append(f"Candidates whose covers are not downloaded yet: {queue.coming}")
    return "\n".join(lines)


def _count(items: Iterable[Item]) -> str:
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


def _listen(port: int | None) -> socket.socket:
    """A socket that listens on loopback.

    Raises:
        ServerError: The port is taken.
    """
    for wanted in (_PORT, 0) if port is None else (port,):
        listener = socket.socket()
        # Elsewhere this lets a port be taken again soon after; on Windows, it would let two servers share it.
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
            listener.listen()
        except OSError as error:
            listener.close()
            reason = error.strerror
        else:
            return listener
    raise ServerError(
        f"the port cannot be used ({reason})",
        where=f"127.0.0.1:{wanted}",
        advice="Choose another with --port, or leave it out.",
    )


def _has_screen() -> bool:
    """Whether a browser would open before the person who typed the command."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"darwin", "win32"} or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def run_command(settings_file: Path | None, overrides: Iterable[str]) -> str:
    """The command that runs the study of these settings, as a person would type it."""
    given = [str(settings_file)] if settings_file else []
    return shlex.join(["bookcover", "run", *given, *(word for each in overrides for word in ("--set", each))])
