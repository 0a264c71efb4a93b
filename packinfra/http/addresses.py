"""Hosts as URLs write them: is it an address that only this machine or this network reaches?"""

from __future__ import annotations

import ipaddress
import socket

SHARED = ipaddress.ip_network("100.64.0.0/10")
"""Between a provider and its customers (RFC 6598); neither private nor global."""


def is_internal(host: str) -> bool:
    """Whether a request to `host` stays on this machine or in this network, as far as the text alone says.

    A name that DNS leads to such an address is not recognised; go-containerregistry leaves that out too.

    Args:
        host: Without port and brackets, in any form that the C library connects to: 127.1, 2130706433, 0x7f000001.
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # all of them are loopback (RFC 6761, 6.3)
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return False
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return (
        address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
        or address.is_unspecified or address.is_reserved or (address.version == 4 and address in SHARED)
    )  # fmt: skip
