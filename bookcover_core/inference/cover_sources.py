"""Which covers a person means: files, folders of pictures, addresses, and the download of the latter.

A download has the limits, pace and SSRF guard of a study's. Requests run in an event loop of their own thread, so that
covers which several threads want at once share each host's pace and back-off.
"""

import asyncio
import stat
from collections.abc import Iterable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.host_limits import HostLimits, Mirrors
from bookcover_core.covers.image_checks import ImageCheck, check_image
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.retry import fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.inference.answers import Unreadable
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.listings.image_files import NO_IMAGE, LeftOut, file_path, name_kind, walk_files, why_no_image
from bookcover_core.settings import CoverSettings


class CoverInput(NamedTuple):
    """A picture to judge, not yet read."""

    name: str
    """As the person names it."""
    at: Path | Address | bytes
    """Its file, its address, or its content."""
    text: BookText = UNKNOWN_TEXT
    """Title and author, where they are known."""


def find_covers(names: Iterable[str]) -> Iterator[CoverInput | Unreadable]:
    """The covers that `names` mean (files, folders, addresses), in their order; those of a folder by name.

    A named file counts whatever it is called; of a folder and its subfolders all images, hidden ones aside. No image is
    decoded, and no host is asked.
    """
    for name in names:
        if not name.strip():  # an empty variable; the path would be the current folder
            yield Unreadable(source='""', outcome=CoverOutcome.MISSING, reason="no cover is named")
        elif "://" in name:
            try:
                yield CoverInput(name, parse_address(name))
            except ValueError as error:
                yield Unreadable(source=name, outcome=CoverOutcome.REFUSED, reason=str(error))
        else:
            yield from _on_disk(name)


def _on_disk(name: str) -> Iterator[CoverInput | Unreadable]:
    file = Path(name)
    try:
        with suppress(RuntimeError):  # the home folder of nobody
            file = file.expanduser()
        mode = file.stat().st_mode
    except (OSError, ValueError) as error:
        reason = f"it cannot be looked at ({getattr(error, 'strerror', None) or error})"
        if isinstance(error, FileNotFoundError):
            reason = "a link to nothing" if file.is_symlink() else "there is no such file, folder or address"
        yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason=reason)
        return
    if stat.S_ISDIR(mode):
        yield from _folder(name, file)
    elif stat.S_ISREG(mode):
        yield CoverInput(name, file)
    else:
        reason = f'{name_kind(mode)}, which is not read: name a picture, or "-" for the standard input'
        yield Unreadable(source=name, outcome=CoverOutcome.REFUSED, reason=reason)


def _folder(name: str, folder: Path) -> Iterator[CoverInput | Unreadable]:
    left_out: list[LeftOut] = []
    try:
        files = list(walk_files(folder, left_out, is_strict=False))
    except OSError as error:
        reason = f"the folder cannot be read ({error.strerror})"
        yield Unreadable(source=str(error.filename), outcome=CoverOutcome.FAILED, reason=reason)
        return
    reasons = {file.name: why_no_image(folder, file.name) for file in files}
    found = sorted(each for each, reason in reasons.items() if not reason)
    left_out += [LeftOut(each, reason) for each, reason in reasons.items() if reason not in {"", NO_IMAGE}]
    for below, reason in left_out:
        yield Unreadable(source=str(Path(name) / file_path(Path(), below)), outcome=CoverOutcome.MISSING, reason=reason)
    if not found and not left_out:
        yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason="no images in this folder or below it")
    for each in found:
        file = file_path(folder, each)
        yield CoverInput(str(Path(name) / file.relative_to(folder)), file)


# Times that an address is asked, at most: a person waits, and can ask again.
_ATTEMPTS = 2


class _AnyHost(SsrfGuard):
    """Lets any public host be asked: here a person names the address, no listing."""

    async def resolve(self, host: str, port: int, *, by_proxy: bool = False) -> list[str]:
        self._hosts |= {host}
        return await super().resolve(host, port, by_proxy=by_proxy)


class CoverFetcher:
    """Fetches covers by their address, for any number of threads; `SettingsError` where `covers.hosts` is wrong."""

    def __init__(self, settings: CoverSettings) -> None:
        self._settings = settings.model_copy(update={"attempts": min(settings.attempts, _ATTEMPTS)})
        self._places = Mirrors(settings)
        self._guard = _AnyHost((), settings.allowed_private_hosts, settings.connect_timeout)
        self._hosts: dict[str, HostLimits] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fetcher", daemon=True)
        self._starting = Lock()

    def fetch(self, address: Address) -> tuple[bytes, ImageCheck]:
        """What came from `address`, and what it is; no bytes where none came."""
        with self._starting:
            if not self._thread.is_alive():
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._fetch(address), self._loop).result()

    def close(self) -> None:
        """End the thread, after the last fetch."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _fetch(self, address: Address) -> tuple[bytes, ImageCheck]:
        came = b""

        def take_in(body: bytes, *, is_quick: bool = False) -> ImageCheck:
            nonlocal came
            came = body
            return check_image(body, self._settings, is_quick=is_quick)

        origin = self._places.origin(address)
        name = str(origin)
        if name not in self._hosts:
            self._hosts[name] = HostLimits(self._places.of(origin), self._settings)
        host = self._hosts[name]
        if host.given_up:
            return b"", ImageCheck(CoverOutcome.FAILED, f"not asked: {host.given_up}")
        async with aclosing(Connection(self._guard, self._settings)) as connection:
            fetched = await fetch(address, host, connection, take_in)
        return came, fetched.verdict
