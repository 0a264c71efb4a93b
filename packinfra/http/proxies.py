"""Which proxy a request takes.

The Pulumi engine and the AWS provider are Go programs, so NO_PROXY is read as Go reads it (golang.org/x/net/http/
httpproxy), and so are variables that are set in both cases: both sides of one run must take the same way.
"""

from __future__ import annotations

import os
import re
import warnings
from base64 import b64encode
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import urllib3

from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean

# Names are left to the proxy, as Go does with socks5; urllib3 would look them up here.
_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5h", "socks5h": "socks5h", "socks4": "socks4a"}


class Proxy(NamedTuple):
    """A variable of the environment, as it is spelled there, and the proxy's address in it, which may hold a password."""

    variable: str
    address: str


def proxy_for(scheme: str, host: str, port: int, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy for requests to a host; None for a direct connection.

    Raises ConnectionFailure for HTTP_PROXY in a CGI program, where a client of the web server may have set it.
    """
    proxy = _first(environment, f"{scheme}_proxy")
    if proxy and scheme == "http" and environment.get("REQUEST_METHOD"):
        text = f"{proxy.variable} is not used where REQUEST_METHOD is set, as in CGI programs: unset one of them"
        raise ConnectionFailure(Cause.PROXY, text)
    proxy = proxy or _first(environment, "all_proxy")
    no_proxy = _first(environment, "no_proxy")
    return None if not proxy or bypasses(no_proxy.address if no_proxy else "", host, port) else proxy


def _first(environment: Mapping[str, str], name: str) -> Proxy | None:
    """In capitals first, as Go has it, where both are set. Settings of the system (macOS) don't count: Go reads none."""
    return next((Proxy(each, value) for each in (name.upper(), name) if (value := environment.get(each))), None)


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
    network, slash, bits = entry.partition("/")
    if slash:
        try:  # without netmasks, which Go doesn't know
            return bool(address and bits.isdigit() and address in ip_network(f"{network}/{bits}", strict=False))
        except ValueError:
            return False
    with_port = re.fullmatch(r"(?:\[(.+)\]|([^:]*)):(\w+)", entry)
    name = (with_port[1] or with_port[2]) if with_port else entry
    if not name or (with_port and with_port[3] != str(port)):
        return False
    if listed := _address(name):
        return listed == address
    name = _ascii(name[1:] if name.startswith("*.") else name)
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address in an IPv6 one is the same (::ffff:10.0.0.1)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _ascii(name: str) -> str:
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except ValueError:
        return name


def proxied_pool(proxy: Proxy, **options: Any) -> tuple[urllib3.PoolManager, str]:
    """Connections through a proxy, and what to call it: host and variable. Raises ConnectionFailure for an address that is none."""
    try:
        parts = urlsplit(proxy.address if "://" in proxy.address else f"http://{proxy.address}")
        scheme, host, port = _SCHEMES.get(parts.scheme.lower()), parts.hostname, parts.port
    except ValueError:  # whose text may repeat a password
        scheme = host = port = None
    if not scheme or not host:
        text = f"{proxy.variable} is not the address of a proxy (http://HOST:PORT, socks5://HOST:PORT)"
        raise ConnectionFailure(Cause.PROXY, text) from None
    host_and_port = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    url, shown = f"{scheme}://{host_and_port}", f"{clean(host_and_port)} ({proxy.variable})"
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if scheme.startswith("socks"):
        return _socks(proxy.variable)(url, username or None, password or None, **options), shown
    headers = {"Proxy-Authorization": basic_authorization(username, password)} if username else None
    return urllib3.ProxyManager(url, proxy_headers=headers, proxy_ssl_context=options["ssl_context"], **options), shown


def _socks(variable: str) -> Callable[..., urllib3.PoolManager]:
    try:
        with warnings.catch_warnings():  # urllib3's says the same as the error
            warnings.simplefilter("ignore", urllib3.exceptions.DependencyWarning)
            from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - few need it
    except ImportError as error:
        text = (
            f"{variable} names a SOCKS proxy, for which PySocks is missing: pip install pysocks, or use an HTTP proxy"
        )
        raise ConnectionFailure(Cause.PROXY, text) from error
    return SOCKSProxyManager


def basic_authorization(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()
