"""References: a registry, a repository in it, and a tag or digest in that."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from ipaddress import IPv6Address

from packinfra.http.addresses import is_host

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """host: with port, without scheme; reference: a tag, or a digest where a manifest has no tag, as in the specification"""

    host: str
    repository: str
    reference: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}{'@' if self.is_digest else ':'}{self.reference}"

    @property
    def is_digest(self) -> bool:
        return ":" in self.reference

    @classmethod
    def of(cls, repository: str, reference: str) -> Reference:
        """From "host/path" and a tag or digest. Raises ValueError for what no registry could resolve."""
        host, path = split(repository)
        if not _TAG.fullmatch(reference) and not DIGEST.fullmatch(reference):
            raise ValueError(f"not an OCI tag: {reference!r}")
        return cls(host, path, reference)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def normalize_host(host: str, *, plain_http: bool = False) -> str:
    """In lower case and without the default port, an IPv6 address in its short form: two spellings of one host.

    >>> normalize_host("Harbor.Example.com:443"), normalize_host("localhost:80", plain_http=True)
    ('harbor.example.com', 'localhost')
    >>> normalize_host("[0:0::1]:443"), normalize_host("harbor:443")
    ('[::1]', 'harbor:443')
    """
    host = host.lower()
    if host.startswith("[") and is_host(host):
        address, _, port = host[1:].partition("]")
        host = f"[{IPv6Address(address)}]{port}"
    short = host.removesuffix(":80" if plain_http else ":443")
    return short if _says_host(short) else host


def split(repository: str) -> tuple[str, str]:
    """("registry.example.com:5000", "team/packs/hello") from "registry.example.com:5000/team/packs/hello".

    Raises ValueError if there is a scheme, tag or digest, no host, or a path that the distribution specification
    does not allow.
    """
    if "://" in repository:
        raise ValueError(f"a repository is written without a scheme: {repository!r}")
    host, _, path = repository.partition("/")
    if not _says_host(host) or not is_host(host):
        raise ValueError(f"a repository must begin with the registry's host: {repository!r}")
    if not _REPOSITORY.fullmatch(path):
        raise ValueError(f"not a repository (host/path, lower case, without tag): {repository!r}")
    return host, path


def _says_host(text: str) -> bool:
    """As all clients tell a host from the first part of a path."""
    return text == "localhost" or "." in text or ":" in text
