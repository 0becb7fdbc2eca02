"""The Prefect server of a home: one, found through the home, there for as long as anyone uses it.

Files in Prefect's home, beside the database, say how things stand. A lock ends with the process that holds it, however
that ends.

    bookcover-server.lock   held by the server while it lives; it says where it listens
    bookcover-users.lock    shared by every command that uses the server, which ends when it can have it alone
    .bookcover-start.lock   held while somebody looks for the server, and starts one where there is none
    bookcover-server.log    what the server has to say
"""

import fcntl
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

import httpx

from bookcover_core.errors import ServerError
from bookcover_core.pipeline.file_lock import exclusive
from bookcover_core.pipeline.python_process import start_module
from deployments.terminal import say

PROCESS = "X-Bookcover-Server"
"""Header in which the server of a home says which process it is."""

USUAL_PORT = 4200
"""Prefect's own port, at which `prefect server start` listens too."""

# A server on a fresh database takes about 14 seconds on two cores.
_SECONDS_TO_START = 120

# Times that it is started again for one command.
_MOST_RESTARTS = 5

# Seconds that a server may take to end.
_SECONDS_TO_END = 15

# Servers of ours speak plain HTTP. Without this, each question whether one is up yet would read all certificates.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

_TAKEN = "its port is taken"

# What the log of a server that did not start says, and what that means.
_CAUSES = {
    "Can't locate revision": "a newer version of Prefect made its database",
    "file is not a database": "its database is damaged",
    "malformed": "its database is damaged",
    "disk is full": "the disk is full",
    "No space left": "the disk is full",
    "readonly database": "its database cannot be written",
    "unable to open database": "its database cannot be opened",
    "address already in use": _TAKEN,
}


@dataclass
class HomeServer:
    """The server of a home, while it is used here."""

    folder: Path
    """Prefect's home."""
    begins: dict[str, Any] = field(default_factory=dict, repr=False)
    """Where its process begins, if it is to be started: see `elsewhere`."""
    address: str = ""
    """Where its dashboard is."""
    failure: ServerError | None = None
    """Why it could not be started again, after it went away."""
    restarts: int = 0
    """How often it went away, and was started again."""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What it has to say."""
        return self.folder / "bookcover-server.log"

    @property
    def lock(self) -> Path:
        """What it holds while it lives."""
        return self.folder / "bookcover-server.lock"

    def find_or_start(self, port: int | None) -> None:
        """Find it, or start it; it answers then.

        Raises:
            ServerError: It does not start, a port is taken, or it is up at another port.
        """
        with exclusive(self.folder / "bookcover-start"):
            listening = self.find()
            if listening is None:
                self._start_anywhere(port)
            elif port not in {None, 0, listening}:
                raise ServerError(
                    f"the server of this home is up at port {listening} already",
                    where=self.folder,
                    advice="Leave --port out, or end what uses that server first.",
                )
            else:
                self.address = f"http://127.0.0.1:{listening}"

    def find(self) -> int | None:
        """The port of the one that lives; None where none does."""
        with suppress(OSError, ValueError), self.lock.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().split()[0])
        return None

    def keep_up(self, ending: Event) -> None:
        """Start it again, at the same port, as often as it goes away before the end."""
        while not ending.wait(1):
            if self.find() is not None:
                continue
            try:
                with exclusive(self.folder / "bookcover-start"):
                    if self.find() is None and not ending.is_set():
                        self._start_again()
            except ServerError as error:
                self.failure = error
                return

    def end(self) -> None:
        """End it, as nobody uses it any more."""
        with suppress(OSError, ValueError, IndexError):
            process = int(self.lock.read_text(encoding="utf-8").split()[1])
            for sent in (signal.SIGTERM, signal.SIGKILL):
                if self.find() is None:
                    break
                os.kill(process, sent)
                deadline = time.monotonic() + _SECONDS_TO_END
                while self.find() is not None and time.monotonic() < deadline:
                    time.sleep(0.1)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def _start_again(self) -> None:
        if self.restarts == _MOST_RESTARTS:
            raise ServerError(
                "the Prefect server goes away again and again", where=self.log, advice="Its log says why."
            )
        say("The Prefect server has gone away. Another one is started; what is under way goes on.")
        self._start(int(self.address.rpartition(":")[2]))
        self.restarts += 1

    def _start_anywhere(self, port: int | None) -> None:
        """Start it at a free port; at another one where somebody was quicker there, unless it is to be that one."""
        try:
            self._start(_free_port(port))
        except ServerError:
            if port is not None or _cause(self.log)[0] != _TAKEN:
                raise
            self._start(_free_port(0))

    def _start(self, port: int) -> None:
        address = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as output:
            self._process = start_module(
                "deployments.server",
                str(port),
                **self.begins,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the commands that use it
            )
        deadline = time.monotonic() + _SECONDS_TO_START
        while self._process.poll() is None and time.monotonic() < deadline:
            if answering_process(address) == self._process.pid:
                self.address = address
                return
            time.sleep(0.2)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        cause, said = _cause(self.log)
        database = (
            f"Put a good copy of {self.folder / 'prefect.db'} there, or move it away: studies need nothing of it."
        )
        raise ServerError(
            f"the Prefect server did not start: {cause or said}",
            where=self.log,
            advice=database if "database" in cause else "Its log says more.",
        )


@contextmanager
def used_server(folder: Path, port: int | None = None) -> Iterator[HomeServer]:
    """The server of the home, used while the block lasts: started if it is not up, and again if it goes away.

    It ends with the block if nobody else uses it then.

    Args:
        folder: Prefect's home.
        port: See `HomeServer.find_or_start`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = HomeServer(folder, elsewhere(folder))
    with (folder / "bookcover-users.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        ending = Event()
        keeper = Thread(target=server.keep_up, args=(ending,), name="keep-server-up", daemon=True)
        try:
            server.find_or_start(port)
            keeper.start()
            yield server
        finally:
            ending.set()
            if keeper.is_alive():
                keeper.join(_SECONDS_TO_START)
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.end()


def elsewhere(folder: Path) -> dict[str, Any]:
    """Where one of Prefect's processes begins, for `start_module`: in an empty folder, with the settings of this one.

    Prefect looks in the working folder for settings, which are wanted, and for packages, which are not ours.
    """
    from prefect.settings import get_current_settings  # noqa: PLC0415 - takes a second

    empty = folder.absolute() / "bookcover-empty"
    empty.mkdir(parents=True, exist_ok=True)
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return {"cwd": empty, "environment": settings | {"PREFECT_HOME": str(folder.absolute())}}


def live_as_server(folder: Path, port: int) -> IO[str]:
    """Let this process be the home's server: hold its lock, and end when nobody uses it.

    Returns:
        The lock, which is held for as long as it is kept.
    """
    lock = (folder / "bookcover-server.lock").open("a+")
    _take(lock, seconds=5)
    lock.truncate(0)
    lock.write(f"{port} {os.getpid()}\n")
    lock.flush()
    users = (folder / "bookcover-users.lock").open("a")

    def watch() -> None:
        while True:
            time.sleep(1)
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held to the end: who comes now waits for that
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(_SECONDS_TO_END)
                os._exit(1)

    Thread(target=watch, name="watch-users", daemon=True).start()
    return lock


def answering_process(address: str) -> int | None:
    """The process of the server of some home that answers at this address: another's may have been quicker there."""
    with suppress(httpx.HTTPError, ValueError):
        return int(httpx.get(f"{address}/api/health", timeout=5, verify=_NO_TLS).headers.get(PROCESS, ""))
    return None


def answers(api: str) -> bool:
    """Whether a Prefect server answers at this address."""
    with suppress(httpx.HTTPError, ValueError):  # ValueError: somebody else's server, which does not answer in JSON
        return httpx.get(f"{api}/health", timeout=5).json() is True
    return False


def _take(lock: IO[str], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ServerError("another server of this home is up", where=lock.name) from None
            time.sleep(0.1)
        else:
            return


def _cause(log: Path) -> tuple[str, str]:
    """Why a server did not start, if its log tells; and the last line that it wrote."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        for words, meaning in _CAUSES.items():
            if words in line:
                return meaning, line
    return "", lines[-1][:300] if lines else "it said nothing"


def _free_port(wanted: int | None = None) -> int:
    """A port that is free: the wanted one, else Prefect's own, else any."""
    for port in (USUAL_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                candidate.bind(("127.0.0.1", port))
                return int(candidate.getsockname()[1])
    raise ServerError(
        "no port is free on this machine" if wanted is None else "the port is taken",
        where=f"127.0.0.1:{wanted or USUAL_PORT}",
        advice="End a server that listens there, or choose another port.",
    )
