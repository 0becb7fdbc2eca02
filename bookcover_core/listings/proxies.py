"""The HTTP proxy by which a host is asked: of the environment, of the settings, or none."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bookcover_core.settings import CoverSettings


def find_proxy(scheme: str, host: str, settings: CoverSettings) -> str:
    """Address of the proxy for a host; empty where it is asked directly.

    `covers.proxy` decides: "environment" (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as other programs take
    them), "none", or an address. Hosts of `covers.allowed_private_hosts` are in a network of one's own, and are asked
    directly.

    Raises:
        ValueError: The proxy is of a kind that is not spoken.
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
        raise ValueError(
            f"the proxy {without_password(proxy)} is of a kind that is not spoken; covers.proxy names another, or none"
        )
    return proxy


def without_password(proxy: str) -> str:
    """A proxy's address for people."""
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
