"""Which IP addresses are public. Covers and redirects may come from others only where a person named the host."""

import ipaddress

# IPv6 addresses that wrap an IPv4 one, which counts: NAT64 (RFC 6052), IPv4-compatible (RFC 4291), and
# IPv4-translated (RFC 7915).
_WRAPPING = tuple(ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))

# NAT64 of a network's own (RFC 8215).
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")


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
