"""Copies of the listings in the study's folder, byte for byte as received.

`listings/raw/` holds one file per listing, and sources.json with the origin of each. A listing with an http address is
fetched once; a local file is copied again whenever it has changed.
"""

import json
import logging
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bookcover_core.errors import DownloadError, ListingError, StageOrderError
from bookcover_core.listings.host_access import find_proxy, is_public, may_pass, pause, retry_after
from bookcover_core.listings.image_files import WEB_PAGE
from bookcover_core.listings.listing_format import MOST_BYTES, refuse_unread
from bookcover_core.pipeline.manifests import file_digest, known_digest
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic, copy_file, write_json
from bookcover_core.settings import CoverSettings, is_remote
from bookcover_core.version import __version__

logger = logging.getLogger(__name__)

_MOST_REDIRECTS = 5  # redirects that are followed
_LEAST_RATE = 10_000  # bytes a second, at least, of a listing that takes longer than covers.total_timeout
_START = 256  # bytes that tell a web page


class _TemporaryError(Exception):
    def __init__(self, reason: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(reason)


def bring_listing(study: Study, name: str, source: str) -> Path:
    """The file `listings/raw/<name>.csv` of the study, holding what `source` (an address or a file) holds.

    An unaltered copy from the same address is not fetched again. A local file may be gone after it was copied. Raises
    `DownloadError` where the address does not answer, or not with a listing; `ListingError` where the local file cannot
    be read.
    """
    target, place = raw_file(study, name), _place(source)
    known = _read_sources(target.parent)
    kept = known.get(name, {})
    stands = kept.get("source") == place and target.is_file() and file_digest(target) == kept.get("sha256")
    if is_remote(source):
        if stands:
            return target
        _fetch(place, target, study.settings.covers)
    else:
        file = Path(place)
        try:
            refuse_unread(file)
            if stands and not file.exists():
                logger.warning("%s is gone: its copy in the study's folder is used", file)
                return target
            if stands and kept["sha256"] == file_digest(file):
                return target
            copy_file(file, target)
        except OSError as error:
            what = f"the listing cannot be read ({error.strerror})"
            advice = "Check the name of the file in the settings of `books` or `text`."
            raise ListingError(what, where=file, advice=advice) from error
    known[name] = {"source": place, "bytes": target.stat().st_size, "sha256": file_digest(target)}
    write_json(target.parent / "sources.json", known)
    return target


def raw_file(study: Study, name: str) -> Path:
    """Where the listing called `name` lies as it came."""
    return study.workspace.listings / "raw" / f"{name}.csv"


def digest_of_source(study: Study, name: str, source: str) -> str:
    """SHA-256 of what `bring_listing` would give; `StageOrderError` where a host would have to be asked for it."""
    kept, place = raw_file(study, name), _place(source)
    with suppress(OSError):
        if not is_remote(source) and Path(place).exists():
            refuse_unread(Path(place))
            return known_digest(Path(place))
        if _read_sources(kept.parent).get(name, {}).get("source") == place:
            return known_digest(kept)
    what = f"the listing {source} has not been read"
    raise StageOrderError(what, where=kept, advice="Run the stage `listings` first.")


def _place(source: str) -> str:
    return source if is_remote(source) else str(Path(source).expanduser().resolve())


def _read_sources(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, TypeError):
        return dict(json.loads((folder / "sources.json").read_bytes()))
    return {}


def _fetch(address: str, target: Path, settings: CoverSettings) -> None:
    """Write what `address` holds to `target`, asking again as often as the settings say."""
    reason = ""
    for attempt in range(1, settings.attempts + 1):
        logger.info("fetching %s (attempt %d of %d)", address, attempt, settings.attempts)
        try:
            with atomic(target) as temporary:
                _fetch_once(address, temporary, settings)
        except _TemporaryError as error:
            reason = str(error)
            wait = pause(attempt, settings.backoff) if error.wait is None else error.wait
            if attempt < settings.attempts:
                logger.warning("%s: %s; the next attempt comes in %.1f s", address, reason, wait)
                time.sleep(wait)
        else:
            logger.info("fetched %s: %d bytes", address, target.stat().st_size)
            return
    what = f"the listing could not be fetched ({settings.attempts} attempts; the last: {reason})"
    advice = "Check the network and start again, or name a local copy of the file in the settings of `books` or `text`."
    raise DownloadError(what, where=address, advice=advice)


def _fetch_once(address: str, target: Path, settings: CoverSettings) -> None:
    contact = f" (+{settings.contact})" if settings.contact else ""
    options: dict[str, Any] = {
        "headers": {"User-Agent": f"bookcover/{__version__}{contact}"},
        "timeout": httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
        "verify": httpx.create_ssl_context(),  # certificates of the environment count, but not its proxies
        "trust_env": False,
    }
    asked = address
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            proxy = find_proxy(urlsplit(asked).scheme, urlsplit(asked).hostname or "", settings) or None
            with httpx.stream("GET", asked, proxy=proxy, **options) as answer:
                if answer.next_request is not None:
                    asked = _follow(address, answer.next_request.url, settings)
                    continue
                if may_pass(answer.status_code):
                    raise _TemporaryError(f"HTTP {answer.status_code}", retry_after(answer.headers))
                if answer.status_code != httpx.codes.OK:
                    raise _refusal(address, f"the address answered with HTTP {answer.status_code}")
                _save(answer, address, target, settings.total_timeout)
                return
    except httpx.TransportError as error:
        raise _TemporaryError(str(error) or type(error).__name__) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _refusal(address, f"the address cannot be asked ({error})") from error
    raise _refusal(address, f"the address redirects more than {_MOST_REDIRECTS} times")


def _follow(address: str, target: httpx.URL, settings: CoverSettings) -> str:
    """Where a redirect leads: the host that a person named, or any public one."""
    if target.host != httpx.URL(address).host and target.host not in settings.allowed_private_hosts:
        try:
            found = socket.getaddrinfo(target.host, target.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            if find_proxy(target.scheme, target.host, settings):
                return str(target)
            raise _TemporaryError(f"the name {target.host} cannot be resolved") from error
        if not all(is_public(str(place[4][0])) for place in found):
            raise _refusal(address, f"the address redirects to {target.host}, which is no public address")
    return str(target)


def _save(answer: httpx.Response, address: str, target: Path, patience: float) -> None:
    size = 0
    start = b""
    started = time.monotonic()
    with target.open("wb") as file:
        for piece in answer.iter_bytes():
            start = (start + piece)[:_START] if len(start) < _START else start
            if size < _START and WEB_PAGE.match(start):
                raise _refusal(address, "the address answered with a web page, not with a listing")
            size += len(piece)
            if size > MOST_BYTES:
                raise _refusal(address, f"the address sent more than {MOST_BYTES:,} bytes")
            seconds = time.monotonic() - started
            if seconds > patience and size < _LEAST_RATE * seconds:
                raise _TemporaryError(f"the address sends less than {_LEAST_RATE:,} bytes a second")
            file.write(piece)


def _refusal(address: str, what: str) -> DownloadError:
    advice = "Check the address in the settings of `books` or `text`, or name a local copy of the file there."
    return DownloadError(what, where=address, advice=advice)
