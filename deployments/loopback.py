"""Pages of our own, served while a command lasts and opened in a browser where a person sits before one.

They are on loopback, but for one that is shared by name with other machines, behind a password.
"""

import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from bookcover_core.errors import ServerError
from deployments.terminal import say

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# Seconds that a browser's connections are waited for at the end.
_PATIENCE = 2


@dataclass(frozen=True)
class ServedPage:
    """A page that is being served."""

    address: str
    ended: Event
    """Set when it is served no longer."""


@dataclass(frozen=True)
class Shared:
    """How other machines reach a page."""

    name: str
    """Host, with the port where a browser shows one, by which they name it."""
    password: str


@contextmanager
def served(
    make_app: "Callable[[frozenset[str]], ASGIApp]",
    path: str,
    *,
    usual_port: int,
    port: int | None = None,
    shared: Shared | None = None,
) -> Iterator[ServedPage]:
    """A page of an app, served while the block lasts.

    Args:
        make_app: Makes the app, from the hosts (with ports) by which a browser reaches it.
        path: Where the page is in the app, without the first slash.
        usual_port: Where it is unless somebody else is there: an address that can be kept as a bookmark.
        port: Where to listen; none: at the usual port or, where that is taken, at any free one.
        shared: Serve it to other machines too, which are asked for the password; none: to this machine alone.
    """
    import uvicorn  # noqa: PLC0415 - takes half a second

    from deployments.pages.guard import PasswordGuard, loopback_hosts  # noqa: PLC0415 - imports Starlette

    address = "0.0.0.0" if shared else "127.0.0.1"  # noqa: S104 - that is what sharing means
    with _listen(address, (usual_port, 0) if port is None else (port,)) as listener:
        at = listener.getsockname()[1]
        app = make_app(loopback_hosts(at) | ({shared.name} if shared else set()))
        if shared:
            app = PasswordGuard(app, shared.password)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=_PATIENCE)
        )
        ended = Event()

        def serve() -> None:
            try:
                server.run(sockets=[listener])
            finally:
                ended.set()

        # In this context: the pages talk to the Prefect server that is known here.
        thread = Thread(target=copy_context().run, args=(serve,), name="page", daemon=True)
        thread.start()
        try:
            yield ServedPage(f"http://127.0.0.1:{at}/{path}", ended)
        finally:
            server.should_exit = True
            thread.join()


def stay(page: ServedPage, *, with_browser: bool) -> None:
    """Return at Ctrl-C."""
    if with_browser and has_screen():
        webbrowser.open(page.address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        page.ended.wait()  # the thread itself would be taken for ended, if Ctrl-C came while it is joined
    say("")


def has_screen() -> bool:
    """Whether a browser would open before the person who typed the command."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in {"darwin", "win32"} or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _listen(address: str, ports: tuple[int, ...]) -> socket.socket:
    """A socket that listens at an address of this machine, at the first of these ports that is free."""
    for wanted in ports:
        listener = socket.socket()
        # Elsewhere this lets a port be taken again soon after; on Windows, it would let two servers share it.
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, wanted))
            listener.listen()
        except OSError as error:
            listener.close()
            reason = error.strerror
        else:
            return listener
    raise ServerError(
        f"the port cannot be used ({reason})",
        where=f"{address}:{wanted}",
        advice="Choose another with --port, or leave it out.",
    )
