"""How hosts are asked for listings and covers: at public addresses, by a proxy, and again after what may pass."""

import ipaddress
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bookcover_core.settings import CoverSettings

# IPv6 addresses that wrap an IPv4 one, which counts: NAT64 (RFC 6052), IPv4-compatible (4291), -translated (7915).
_WRAPPING = tuple(ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # NAT64 of a network's own (RFC 8215)

# Statuses that say "not now": request time-out, too early, too many requests (RFC 9110, 8470, 6585), and all 5xx.
_NOT_NOW = frozenset({408, 425, 429})

LONGEST_RETRY_AFTER = 120.0  # greatest Retry-After that is obeyed, in seconds
_LONGEST_PAUSE = 60.0  # greatest pause between two attempts, in seconds


def is_public(address: str) -> bool:
    """Whether an IP address is public: not private, loopback, link-local, site-local, multicast or reserved."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    inner = ip.ipv4_mapped or ip.sixtofour
    if inner is None and ip.teredo is not None:
        inner = ip.teredo[1]
    if inner is None and any(ip in network for network in _WRAPPING):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_site_local or ip in _LOCAL_NAT64)


def find_proxy(scheme: str, host: str, settings: CoverSettings) -> str:
    """Address of the proxy for a host; empty where it is asked directly; ValueError where its kind is not spoken.

    `covers.proxy` decides: "environment" (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as other programs take
    them), "none", or an address. Hosts of `covers.allowed_private_hosts` are asked directly.
    """
    if settings.proxy == "none" or host in settings.allowed_private_hosts:
        return ""
    if settings.proxy != "environment":
        return settings.proxy
    named = getproxies()
    proxy = named.get(scheme) or named.get("all") or ""
    if not proxy or proxy_bypass(host):
        return ""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if urlsplit(proxy).scheme.lower() not in {"http", "https"}:
        other = "covers.proxy names another, or none"
        raise ValueError(f"the proxy {without_password(proxy)} is of a kind that is not spoken; {other}")
    return proxy


def without_password(proxy: str) -> str:
    """A proxy's address for people."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def may_pass(status: int) -> bool:
    """Whether a failure with this HTTP status is temporary."""
    return status in _NOT_NOW or 500 <= status < 600


def pause(attempt: int, base: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): `base`, doubled each time, within jitter.

    The jitter, from half to the whole, spreads the retries of requests that failed together.
    """
    return min(base * 2.0 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait, at most `LONGEST_RETRY_AFTER`; None where there is none."""
    wanted = headers.get("retry-after", "").strip()
    if wanted.isascii() and wanted.isdigit():
        seconds = float(wanted)
    else:
        try:
            moment = parsedate_to_datetime(wanted)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
