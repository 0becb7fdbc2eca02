"""Covers to judge: which ones a person means, and from a file or an address to what predictors take.

A download has the limits, pace and SSRF guard of a study's. Requests run in an event loop of their own thread, so that
covers which several threads want at once share each host's pace and back-off. Bytes are checked as a download is, and
squares are encoded as those on disk are: a network gets the pixels that it would get of one of the study's covers.
"""

import asyncio
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

from PIL import Image
from pydantic import ValidationError

from bookcover_core.covers.connection import Connection
from bookcover_core.covers.host_limits import HostLimits, Mirrors
from bookcover_core.covers.image_checks import ImageCheck, check_image, is_placeholder_address
from bookcover_core.covers.image_io import read_rgb
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.covers.retry import fetch
from bookcover_core.covers.ssrf_guard import SsrfGuard
from bookcover_core.covers.urls import Address, parse_address
from bookcover_core.families.prediction import PredictorInput, Square
from bookcover_core.inference.answers import Unreadable
from bookcover_core.listings.books import UNKNOWN_TEXT, BookText
from bookcover_core.listings.image_files import NO_IMAGE, LeftOut, file_path, name_kind, walk_files, why_no_image
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.cover_measurements import measure
from bookcover_core.preparation.prepared_images import encode_square
from bookcover_core.preparation.squares import make_squares
from bookcover_core.reading.cover_words import Word, joined
from bookcover_core.reading.text_reader import text_reader
from bookcover_core.settings import CoverSettings, PreparationSettings, ReadingSettings


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
        reason = f"it cannot be looked at ({getattr(error, 'strerror', 'no file can be called so')})"
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
        yield Unreadable(source=str(Path(name) / file_path(Path(), below)), outcome=None, reason=reason)
    if not found and not left_out:
        yield Unreadable(source=name, outcome=CoverOutcome.MISSING, reason="no images in this folder or below it")
    for each in found:
        file = file_path(folder, each)
        yield CoverInput(str(Path(name) / file.relative_to(folder)), file)


class _AnyHost(SsrfGuard):
    """Lets any public host be asked: here a person names the address, no listing."""

    async def resolve(self, host: str, port: int, *, by_proxy: bool = False) -> list[str]:
        self._hosts |= {host}
        return await super().resolve(host, port, by_proxy=by_proxy)


class CoverFetcher:
    """Fetches covers by their address, for any number of threads; `SettingsError` where `covers.hosts` is wrong."""

    def __init__(self, settings: CoverSettings) -> None:
        # A person waits, and can ask again.
        self._settings = settings.model_copy(update={"attempts": min(settings.attempts, 2)})
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


@dataclass(frozen=True, kw_only=True)
class ReadCover(PredictorInput):
    """A cover, ready to be judged."""

    name: str
    sha256: str
    """Of its file."""
    format: str
    shown: Image.Image
    """The cover for people: RGB, upright, not larger than they need it."""
    words: tuple[Word, ...] = ()
    """What was read on it, in reading order."""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def prepared_as(study: Study) -> PreparationSettings:
    """How the study's covers were prepared when its networks were trained, whatever the settings say by now."""
    with suppress(IndexError, ValidationError):
        return PreparationSettings.model_validate(study.manifests("prepare")[0].settings.get("preparation"))
    return study.settings.preparation


def read_as(study: Study) -> ReadingSettings:
    """How words were read off the study's covers when its systems were trained, whatever the settings say by now."""
    with suppress(IndexError, ValidationError):
        then = {path.partition(".")[2]: value for path, value in study.manifests("read")[0].settings.items()}
        return ReadingSettings.model_validate(study.settings.reading.model_dump() | then)
    return study.settings.reading


class Reader:
    """Reads covers as a study does, as squares for its predictors; any number of threads may use it.

    Words are read where `reading` says how; `SettingsError` where the extra `text` is not installed for that.
    """

    def __init__(
        self,
        covers: CoverSettings,
        preparation: PreparationSettings,
        squares: Collection[Square],
        reading: ReadingSettings | None = None,
    ) -> None:
        self._covers = covers
        self._preparation = preparation
        self._squares = squares
        self._reading = reading
        self._text_reader = text_reader(reading) if reading else None
        self._fetcher = CoverFetcher(covers)

    def close(self) -> None:
        """Stop asking hosts."""
        self._fetcher.close()

    def read(self, cover: CoverInput) -> ReadCover | Unreadable:
        """The cover, or why it cannot be judged. A placeholder is judged, with a warning: a person wants it so."""
        from bookcover_core.models.input_pipeline import decode_picture  # noqa: PLC0415 - imports TensorFlow

        started = time.perf_counter()
        body, found = self._take(cover)
        if found.outcome not in {CoverOutcome.OK, CoverOutcome.PLACEHOLDER}:
            return Unreadable(source=cover.name, outcome=found.outcome, reason=found.detail)
        try:
            picture = read_rgb(body, max_pixels=self._covers.max_pixels)
        except (OSError, ValueError) as error:
            return Unreadable(source=cover.name, outcome=CoverOutcome.NOT_AN_IMAGE, reason=str(error))
        settings, methods = self._preparation, {method for method, _ in self._squares}
        made = make_squares(picture, methods, settings.size, settings.interpolation)
        encoded = {method: encode_square(square, settings) for method, square in made.items()}
        measurements = measure(picture)
        words, warnings = self._words(picture)
        if found.outcome is CoverOutcome.PLACEHOLDER:
            warnings.insert(0, f"This may be no cover: {found.detail}.")
        elif isinstance(cover.at, Address) and is_placeholder_address(str(cover.at)):
            warnings.insert(0, "This may be no cover: it is at the address of Amazon's picture for books without one.")
        picture.thumbnail((720, 960))  # sharp at half that on dense screens
        return ReadCover(
            pictures={(how, size): decode_picture(encoded[how], size).numpy() for how, size in self._squares},
            measurements=measurements,
            text=cover.text,
            read=joined(words),
            name=cover.name,
            sha256=found.sha256,
            format=found.format,
            shown=picture,
            words=words,
            warnings=warnings,
            seconds=time.perf_counter() - started,
        )

    def _words(self, picture: Image.Image) -> tuple[tuple[Word, ...], list[str]]:
        """The words on the cover that the reader is sure of; and what is to be known where there are none."""
        if self._text_reader is None or self._reading is None:
            return (), []
        try:
            [found] = self._text_reader.read([picture])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - networks, OpenCV and geometry each have errors of their own
            return (), [f"The words on this cover could not be read ({error or type(error).__name__})."]
        words = tuple(word for word in found if word.confidence >= self._reading.min_confidence)
        return words, [] if words else ["No words were read on this cover."]

    def _take(self, cover: CoverInput) -> tuple[bytes, ImageCheck]:
        """The cover's bytes, and what they are."""
        if isinstance(cover.at, Address):
            return self._fetcher.fetch(cover.at)
        if isinstance(cover.at, bytes):
            return cover.at, check_image(cover.at, self._covers)
        try:
            with cover.at.open("rb") as file:
                body = file.read(self._covers.max_bytes + 1)
        except OSError as error:
            return b"", ImageCheck(CoverOutcome.FAILED, f"the file cannot be read ({error.strerror})")
        if len(body) > self._covers.max_bytes:
            return b"", ImageCheck(CoverOutcome.TOO_LARGE, f"more than {self._covers.max_bytes:,} bytes")
        return body, check_image(body, self._covers)
