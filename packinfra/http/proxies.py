"""Which proxy a request takes.

The Pulumi engine and the AWS provider are Go programs, so NO_PROXY is read as Go reads it (golang.org/x/net/http/
httpproxy), and so are variables that are set in both cases: both sides of one run must take the same way.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import urllib3

from packinfra.http.failures import Cause, ConnectionFailure

# Names are left to the proxy, as Go does with socks5; urllib3 would look them up here.
_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5h", "socks5h": "socks5h", "socks4": "socks4a"}


def proxy_for(scheme: str, host: str, port: int) -> tuple[str, str] | None:
    """A variable of the environment and the proxy's address in it; None for a direct connection."""
    if bypasses(_variable("no"), host, port):
        return None
    return next(((f"{name.upper()}_PROXY", value) for name in (scheme, "all") if (value := _variable(name))), None)


def bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Whether a request goes around the proxy: loopback always, and every host that NO_PROXY lists.

    It lists hosts ("a.example", which means its subdomains too), subdomains alone (".a.example"), IP addresses, each
    with a port if wanted, networks (10.0.0.0/8), or "*".
    """
    host, address = host.lower(), _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    return any(_matches(entry.strip().lower(), host, address, port) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    with_port = re.fullmatch(r"(?:\[(.+)\]|([^:]*)):(\w+)", entry)
    name = (with_port[1] or with_port[2]) if with_port else entry
    if not name or (with_port and with_port[3] != str(port)):
        return False
    if listed := _address(name):
        return listed == address
    name = name[1:] if name.startswith("*.") else name
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _variable(name: str) -> str:
    """Of "http", "https", "all" or "no"; in capitals first, as Go has it, where both are set."""
    return os.environ.get(f"{name.upper()}_PROXY") or getproxies().get(name) or ""


def proxied_pool(variable: str, address: str, **options: Any) -> tuple[urllib3.PoolManager, str]:
    """Connections through a proxy, and its host. Raises ConnectionFailure if the variable's address is none."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        scheme, host, port = _SCHEMES.get(parts.scheme.lower()), parts.hostname, parts.port
    except ValueError:  # whose text may repeat a password
        scheme = host = port = None
    if not scheme or not host:
        text = f"{variable} is not the address of a proxy (http://HOST:PORT, socks5://HOST:PORT)"
        raise ConnectionFailure(Cause.PROXY, text) from None
    host_and_port = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    url = f"{scheme}://{host_and_port}"
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if scheme.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - few need it

        return SOCKSProxyManager(url, username or None, password or None, **options), host_and_port
    headers = {"Proxy-Authorization": basic_authorization(username, password)} if username else None
    return urllib3.ProxyManager(
        url, proxy_headers=headers, proxy_ssl_context=options["ssl_context"], **options
    ), host_and_port


def basic_authorization(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()
