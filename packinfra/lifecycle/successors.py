"""Who takes over what a resource is about to remove from a registry."""

from __future__ import annotations

from collections.abc import Sequence

from packinfra.lifecycle.clients import RegistryClients, repository_identity
from packinfra.lifecycle.ownership import Claim
from packinfra.lifecycle.results import Props
from packinfra.lifecycle.run import Run, own_urn


def claim_repository(run: Run, props: Props, versions: Sequence[str]) -> str | None:
    """Claims the resource's repository. Returns the URN of another resource of the program that has it already.

    props: with a known repository; versions: that the resource keeps in it
    """
    place, urn = _place(props), own_urn(props)
    owner = run.ownership.owner_of(place, "")
    if owner and owner.urn != urn:
        return owner.urn
    claimed = Claim(urn, str(props["repository"]), props.get("registryAccess"), tuple(versions))
    run.ownership.claim(place, "", claimed)
    return None


def claim_digest(run: Run, props: Props, digest: str) -> None:
    """Claims what has no tag."""
    claimed = Claim(own_urn(props), str(props["repository"]), props.get("registryAccess"))
    run.ownership.claim(_place(props), digest, claimed)


def successor(run: Run, clients: RegistryClients, props: Props, what: str = "") -> Claim | None:
    """The resource of this run that owns now what the one with `props` is about to remove.

    It may use another name of the same registry: a repository of the same path at another host is probed, and counts as
    the same where nobody can tell.
    """
    repository, access, place = str(props["repository"]), props.get("registryAccess"), _place(props)
    if owner := run.ownership.owner_of(place, what):
        return owner
    for other in run.ownership.elsewhere(place, what):
        if clients.same_registry(repository, access, other.repository, other.access):
            return other
    return None


def _place(props: Props) -> str:
    return repository_identity(str(props["repository"]), props.get("registryAccess"))
