"""Which resource of the program has a repository, and who takes over what another one is about to remove from it."""

from __future__ import annotations

from collections.abc import Sequence

from packinfra.lifecycle.clients import RegistryClients, repository_identity, repository_name
from packinfra.lifecycle.ownership import Claim
from packinfra.lifecycle.results import Props
from packinfra.lifecycle.run import Run, own_urn


def claim_repository(run: Run, props: Props, versions: Sequence[str]) -> list[str]:
    """Claims the resource's repository. Returns the problem if another resource of the program has it already.

    props: with a known repository; versions: that the resource keeps in it
    """
    place, urn = _place(props), own_urn(props)
    owner = run.ownership.owner_of(place, "")
    if owner and owner.urn != urn:
        return [f"{owner.urn} publishes in {props['repository']} too: declare one resource for each repository"]
    claimed = Claim(urn, str(props["repository"]), props.get("registryAccess"), tuple(versions))
    run.ownership.claim(place, "", claimed)
    return []


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


def handed_over(
    run: Run, clients: RegistryClients, props: Props, versions: Sequence[str], *, left: str, remedy: str
) -> bool:
    """Whether another resource has adopted the tags of the one with `props`, which then removes nothing. A warning names
    those of its versions that the other one does not record.

    left: "stays, but no folder has it"; remedy: "put its folder back"
    """
    owner = successor(run, clients, props)
    if owner is None:
        return False
    reporter = run.reporter(props)
    reporter.info(f"{props['repository']} stays as it is: {owner.urn} owns it now (as {owner.repository})")
    if unrecorded := [version for version in versions if version not in owner.versions]:
        reporter.warning(
            f"{repository_name(props)} {', '.join(unrecorded)} {left}, so {owner.urn} does not record it\n"
            f"  -> {remedy}, and the next up adopts it; or remove its tag by hand"
        )
    return True


def _place(props: Props) -> str:
    return repository_identity(str(props["repository"]), props.get("registryAccess"))
