"""Hosts as URLs write them: what is one, and is it an address that only this machine or this network reaches?"""

from __future__ import annotations

import ipaddress
import re
import socket

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[([0-9A-Fa-f:.]+)\])(?::(\d{{1,5}}))?")
_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""Between a provider and its customers (RFC 6598); neither private nor global."""


def is_host(host: str) -> bool:
    """A DNS name, an IPv4 address or an IPv6 address in brackets, each with a port if wanted.

    >>> is_host("harbor.example.com:8443"), is_host("[::1]:5000"), is_host("::1"), is_host("h:70000")
    (True, True, False, False)
    """
    found = _HOST.fullmatch(host)
    if not found or (found[2] and not 0 < int(found[2]) < 65536):
        return False
    try:
        return found[1] is None or bool(ipaddress.IPv6Address(found[1]))
    except ValueError:
        return False


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
        or address.is_unspecified or address.is_reserved or (address.version == 4 and address in _SHARED)
    )  # fmt: skip
