"""A source that never changes: a repository, and the digest in it."""

from __future__ import annotations

from dataclasses import dataclass

from packinfra.oci.reference import DIGEST, Reference, split

_HUB = {"docker.io", "index.docker.io"}
_HUB_API = "registry-1.docker.io"
_EXAMPLE = "for example ghcr.io/acme/app:1.2.3@sha256:<64 hex digits>"


@dataclass(frozen=True)
class Pinned:
    """repository: "host/path"; tag: at which the digest was found, "" = not said"""

    repository: str
    digest: str
    tag: str = ""

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Pinned:
        """From HOST/PATH[:TAG]@sha256:HEX. Raises ValueError, with what to do, for anything else.

        >>> Pinned.parse("ghcr.io/acme/app:1.2@sha256:" + "0" * 64).tag
        '1.2'
        """
        text = text.strip().removeprefix("oci://").removeprefix("docker://")
        located, at, digest = text.partition("@")
        if not at:
            raise ValueError(
                "it names no digest, so it could be another artifact at any time: add it (crane digest "
                f"{located}), {_EXAMPLE}"
            )
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"a digest is sha256: and 64 hex digits in lower case, {_EXAMPLE}")
        repository, colon, tag = located.rpartition(":") if ":" in located.rpartition("/")[2] else (located, "", "")
        host, _ = split(repository)
        if host in _HUB:
            raise ValueError(f"Docker Hub's registry is {_HUB_API}, and its own images are below library/: write that")
        Reference.of(repository, digest)
        if colon:
            Reference.of(repository, tag)
        return cls(repository, digest, tag)
