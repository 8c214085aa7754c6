"""Which network addresses belong to the public internet.

IPv4 is everything but the blocks below; IPv6 is only what is handed out as global unicast (2000::/3) but the
blocks below. Python's ``is_global`` must agree, and does not suffice: that of Python 3.11 takes the relays
from IPv6 to IPv4 for public, behind which any private IPv4 address may stand.

Sources: the IANA registries of special-purpose addresses (RFC 6890, RFC 8190), with every block that is
translated, tunnelled, shared, reserved or for examples, also where IANA calls it globally reachable.
"""

from __future__ import annotations

import ipaddress

_IPV4 = [
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "168.63.129.16/32",  # the host below an Azure machine, although it looks public
        "169.254.0.0/16",  # link-local, RFC 3927: metadata services of most clouds
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # examples, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # multicast tunnels (AMT), RFC 7450
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # examples, RFC 5737
        "203.0.113.0/24",  # examples, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved and broadcast, RFC 1112
    )
]

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291; outside are mapped, NAT64, local, multicast

_IPV6 = [
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, RFC 2928: Teredo, benchmarks, ORCHID, AMT ...
        "2001:db8::/32",  # examples, RFC 3849
        "2002::/16",  # 6to4: holds an IPv4 address, RFC 3056
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3ffe::/16",  # the 6bone, given back, RFC 3701
        "3fff::/20",  # examples, RFC 9637
    )
]

# ISATAP (RFC 5214): under any prefix, the lower half ::0:5efe:a.b.c.d or ::200:5efe:a.b.c.d holds an IPv4
# address. The mask leaves out the two bits that say universal and group.
_ISATAP_MASK, _ISATAP = 0xFCFF_FFFF, 0x0000_5EFE


def is_public(address: str) -> bool:
    """Whether a connection to this address leaves for the public internet.

    Args:
        address: four decimal numbers, or IPv6 text; whatever else is not public.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in block for block in _IPV4)
    if found.scope_id is not None or found not in _GLOBAL_UNICAST:
        return False
    return (int(found) >> 32) & _ISATAP_MASK != _ISATAP and not any(found in block for block in _IPV6)
