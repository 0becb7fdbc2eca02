"""Addresses of covers: taken apart and put together without altering the part that names the picture.

Percent-encoded paths (`51p5aUY%2BOKL.jpg`) are requested as they stand: decoded never, and encoded not twice.
"""

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin

from bookcover_core.listings.text_decoding import encode

_FORM = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}

# What may stand in the request line of HTTP/1.1 as it is: every printable character of ASCII.
_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))


class Address(NamedTuple):
    """An http or https address."""

    scheme: str
    host: str
    """Lower case, ASCII; an IPv6 address without its brackets."""
    port: int
    target: str
    """Path and query as they are sent."""

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: a scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def at(self, base: "Address") -> "Address":
        """The same picture at another host."""
        return base._replace(target=self.target)

    def follow(self, location: str) -> "Address":
        """Where a redirect from here leads.

        Raises:
            ValueError: To no http or https address.
        """
        return parse_address(urljoin(str(self), location.strip()))


def parse_address(url: str) -> Address:
    """The parts of `url`.

    Characters that cannot be sent (spaces, letters beyond ASCII) are percent-encoded; all others stay as they are.

    Raises:
        ValueError: It is no http or https address, names no host, or carries a password.
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
