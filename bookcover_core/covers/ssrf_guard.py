"""Guard against server-side request forgery: only hosts of the listing, only at public addresses.

A listing or a redirect must not make this machine send requests into its own network. Names are resolved here, every
resolved address is checked, and the connection is made to the checked address itself (no DNS rebinding).
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from bookcover_core.covers.host_limits import FinalError, TemporaryError
from bookcover_core.covers.ledger import CoverOutcome
from bookcover_core.listings.host_access import is_public

_CACHE_SECONDS = 300.0  # seconds for which resolved addresses are cached


class _ResolvedHost(NamedTuple):
    addresses: list[str]
    until: float


class SsrfGuard:
    """The hosts and addresses that may be requested in one run.

    `hosts` may be patterns (`*.archive.org`); those of `private` may have addresses that are not public. A name that is
    not resolved in `timeout` seconds is unknown.
    """

    def __init__(self, hosts: Iterable[str], private: Iterable[str], timeout: float) -> None:
        self._hosts = frozenset(hosts)
        self._patterns = [host.lower() for host in self._hosts if "*" in host]
        self._private = frozenset(host.lower() for host in private)
        self._timeout = timeout
        self._found: dict[str, _ResolvedHost] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def resolve(self, host: str, port: int, *, by_proxy: bool = False) -> list[str]:
        """The permitted IP addresses of `host`, the preferred one first.

        Where a proxy is asked, that is what it is asked for: the name itself, which need not be known here. A name that
        is known here, and an address, must be public all the same. Raises `FinalError` where it is not among the hosts,
        or has no public address; `TemporaryError` where its name cannot be resolved.
        """
        if host not in self._hosts and not any(fnmatchcase(host, pattern) for pattern in self._patterns):
            reason = f"{host} is no host of the listing or of covers.hosts; covers.redirect_hosts would allow it"
            raise FinalError(CoverOutcome.REFUSED, reason)
        now = asyncio.get_running_loop().time()
        async with self._locks[host]:
            found = self._found.get(host)
            if found is None or found.until < now:
                found = self._found[host] = await self._look_up(host, port, now, by_proxy=by_proxy)
        return [host] if by_proxy else found.addresses

    @property
    def has_resolved(self) -> bool:
        """Whether any name was resolved: the network is there."""
        return any(found.addresses for found in self._found.values())

    def prefer(self, host: str, address: str) -> None:
        """Try `address` first from now on: it accepted a connection."""
        addresses = self._found[host].addresses
        if address in addresses[1:]:
            addresses.remove(address)
            addresses.insert(0, address)

    async def _look_up(self, host: str, port: int, now: float, *, by_proxy: bool) -> _ResolvedHost:
        try:
            async with asyncio.timeout(self._timeout):
                answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            if by_proxy:
                return _ResolvedHost([], now + _CACHE_SECONDS)
            if isinstance(error, TimeoutError):
                reason = f"the name {host} was not resolved in {self._timeout:g} s"
                raise TemporaryError(reason, reached=False) from error
            is_gone = isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
            raise TemporaryError(f"the name {host} cannot be resolved", reached=False, is_gone=is_gone) from error
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        allowed = addresses if host in self._private else [address for address in addresses if is_public(address)]
        if not allowed or (by_proxy and len(allowed) < len(addresses)):
            where = "" if addresses == [host] else f" ({addresses[0]})"
            reason = f"{host}{where} is no public address, and not among covers.allowed_private_hosts"
            raise FinalError(CoverOutcome.REFUSED, reason)
        return _ResolvedHost(allowed, now + _CACHE_SECONDS)
