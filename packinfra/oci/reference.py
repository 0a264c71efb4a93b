"""References: a registry, a repository in it, and a tag or digest in that."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oras.container import Container

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


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
        if not _TAG.fullmatch(reference) and not _DIGEST.fullmatch(reference):
            raise ValueError(f"not an OCI tag: {reference!r}")
        return cls(host, path, reference)


def normalize_host(host: str, *, plain_http: bool = False) -> str:
    """In lower case and without the default port: two spellings of one host.

    >>> normalize_host("Harbor.Example.com:443"), normalize_host("localhost:80", plain_http=True)
    ('harbor.example.com', 'localhost')
    """
    return host.lower().removesuffix(":80" if plain_http else ":443")


def split(repository: str) -> tuple[str, str]:
    """("registry.example.com:5000", "team/packs/hello") from "registry.example.com:5000/team/packs/hello".

    Raises ValueError if there is a scheme, tag or digest, no host, or a path that the distribution specification
    does not allow.
    """
    if "://" in repository:
        raise ValueError(f"a repository is written without a scheme: {repository!r}")
    container = Container(repository, registry="-")  # "-": oras would assume docker.io where no host is given
    if container.registry == "-":
        raise ValueError(f"a repository must begin with the registry's host: {repository!r}")
    if f"{container.registry}/{container.api_prefix}" != repository or not _REPOSITORY.fullmatch(container.api_prefix):
        raise ValueError(f"not a repository (host/path, lower case, without tag): {repository!r}")
    return container.registry, container.api_prefix
