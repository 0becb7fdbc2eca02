"""Addresses of covers, parsed without altering the part that names the image.

Percent-encoded paths (`51p5aUY%2BOKL.jpg`) are requested as they are: neither decoded nor encoded twice.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from bookcover_core.listings.text_decoding import encode

_FORM = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}

# Characters that need no encoding in the request line of HTTP/1.1: printable ASCII.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


class Address(NamedTuple):
    """An http or https address."""

    scheme: str
    host: str  # lower case, ASCII; an IPv6 address without its brackets
    port: int
    target: str  # path and query as sent

    @property
    def authority(self) -> str:
        """Host and port as in the Host header: the default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def at(self, base: "Address") -> "Address":
        """The same image at another host."""
        return base._replace(target=self.target)

    def follow(self, location: str) -> "Address":
        """The target of a redirect from here; ValueError where it is no http or https address."""
        if not location.strip():  # relative to here, that would be this very address again
            raise ValueError("it names no address")
        return parse_address(urljoin(str(self), location.strip()))


def parse_address(url: str) -> Address:
    """`url` in its parts; ValueError where it is no http or https address, names no host, or carries a password.

    Characters that cannot be sent (spaces, letters beyond ASCII) are percent-encoded; all others are left alone.
    """
    form = _FORM.fullmatch(url.strip())
    if form is None:
        raise ValueError("not an http or https address")
    scheme, authority, target = form.groups()
    if not authority.isascii():
        authority = authority.encode("idna").decode()
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError(f"{authority!r} is no host")
    scheme = scheme.lower()
    port = int(parts[2]) if parts[2] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")
    path = target if target.startswith("/") else f"/{target}"
    return Address(scheme, parts[1].strip("[]").lower(), port, quote(encode(path), safe=_VISIBLE))
