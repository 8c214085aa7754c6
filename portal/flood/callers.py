"""Who calls, as far as that has to be known: two requests of one address get one name, for a day.

The name is a keyed hash under a key that nobody can know tomorrow (buckets.py). The address itself is looked
at here and nowhere else, and never kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
from ipaddress import IPv4Address, IPv6Address

from django.conf import settings
from django.http import HttpRequest

#: Networks of a desk's own machines: from there an onion service, or a proxy that nobody told us of
#: (TAKEDOWN_PROXIES), speaks for many people who cannot be told apart.
OWN = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
#: Bits of an IPv6 address that name a connection; its owner chooses the others at will.
IPV6_BITS = 64


def name(request: HttpRequest, key: bytes) -> str | None:
    """The name of whoever calls, or None where callers cannot be told apart.

    Args:
        key: of the day, 32 bytes.
    """
    return hashed(_address(request), key)


def hashed(address: str, key: bytes) -> str | None:
    """The name of an address, 32 hex digits, or None where it is none or one of OWN."""
    parsed = _parsed(address)
    if parsed is None or any(parsed in network for network in OWN):
        return None
    bits = IPV6_BITS if isinstance(parsed, IPv6Address) else 32
    return hashlib.blake2b(parsed.packed[: bits // 8], key=key, digest_size=16).hexdigest()


def _address(request: HttpRequest) -> str:
    """The address that spoke to the first of our proxies, or to us.

    Every proxy appends the address it was called from to X-Forwarded-For. Only the last ones were written by
    proxies of ours; what stands before them is whatever the caller wrote.
    """
    written = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if settings.PROXIES else []
    chain = [*written, request.META.get("REMOTE_ADDR", "")]
    return str(chain[max(0, len(chain) - 1 - settings.PROXIES)])


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: alone, with a port, or in brackets."""
    text = text.strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
