"""The tags of one resource in its repository: which it may remove, and which have become another's."""

from __future__ import annotations

from packinfra.lifecycle.clients import RegistryClients, repository_identity
from packinfra.lifecycle.ownership import Written
from packinfra.lifecycle.results import Props
from packinfra.lifecycle.run import Run, own_urn


class OwnedTags:
    """props: the resource's properties, with its repository. A tag may be a digest, where an artifact has no tag."""

    def __init__(self, props: Props, run: Run, clients: RegistryClients) -> None:
        self._repository, self._access = str(props["repository"]), props.get("registryAccess")
        self._ownership, self._clients, self._urn = run.ownership, clients, own_urn(props)
        self._place = repository_identity(self._repository, self._access)

    def claim(self, tag: str, digest: str = "") -> None:
        """digest: what the tag carries from now on; "" while it is only planned"""
        what = Written(self._repository, digest, self._access) if digest else None
        self._ownership.claim(self._place, tag, self._urn, what=what)

    def release(self, tag: str) -> None:
        self._ownership.release(self._place, tag, self._urn)

    def owner(self, tag: str) -> str | None:
        """The URN that keeps this resource from removing the tag."""
        return self._ownership.owner_of(self._place, tag, self._urn)

    def owner_elsewhere(self, tag: str, digest: str) -> str | None:
        """The same where this registry has another name, under which this run has published the tag: a registry that
        was moved to another host name. Where nobody can tell, the tag stays."""
        for urn, written in self._ownership.written_elsewhere(self._place, tag, digest):
            if self._clients.same_registry(self._repository, self._access, written.repository, written.access):
                return f"{urn} (as {written.repository})"
        return None
