"""RemovalCheck: destroy asks AWS first whether it will delete everything, as a Pulumi resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pulumi
from pulumi.dynamic import Resource

from packinfra.lifecycle.registry_access import EcrAccess, access_to_props
from packinfra.providers import RemovalCheckProvider
from packinfra.resources._inputs import given, own_urn


class PolicyAttachments(TypedDict):
    """A policy of the stack, and the stack's own attachments of it."""

    arn: pulumi.Input[str]
    roles: Sequence[pulumi.Input[str]]
    users: Sequence[str]


class RemovalCheck(Resource, module="packinfra", name="RemovalCheck"):
    """Makes destroy fail before it removes anything, if AWS would refuse to delete a part of the registry.

    Its options must make it depend on all packs, policies, roles and repositories, so that it is deleted first.

    Args:
        name: logical name: the component's.
        repository: "host/path" of the base repository.
        owns_base: the base repository is the stack's own.
        packs: names of the packs.
        policies: the stack's policies.
        roles: names of the stack's roles.
        force_delete: repositories are deleted with all images.
        adopted: pack -> its adopted versions, which destroy leaves in place.
        delete_adopted: pack -> its adopted versions, which destroy removes.
        artifacts: repository of another artifact, without the host -> the digests that destroy removes ("goes") and leaves ("stays").
        copies: repository of copies, without the host -> the digests that destroy removes, with what belongs to them.
        registry_access: as whom to ask, where the stack's config doesn't say it.
    """

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        owns_base: bool,
        packs: Sequence[str],
        policies: Sequence[PolicyAttachments],
        roles: Sequence[pulumi.Input[str]],
        force_delete: bool,
        adopted: pulumi.Input[Mapping[str, Sequence[str]]],
        delete_adopted: pulumi.Input[Mapping[str, Sequence[str]]],
        artifacts: pulumi.Input[Mapping[str, Mapping[str, Sequence[str]]]] | None = None,
        copies: pulumi.Input[Mapping[str, Sequence[str]]] | None = None,
        registry_access: EcrAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "repository": repository,
            "ownsBase": owns_base,
            "packs": " ".join(packs),  # one text: the engine writes all state after each step, one line per entry
            "policies": list(policies),
            "roles": list(roles),
            "forceDelete": force_delete,
            "adopted": adopted,
            "deleteAdopted": delete_adopted,
            **given(artifacts=artifacts, copies=copies),
            "registryAccess": access_to_props(registry_access) if registry_access else None,
            "ownUrn": own_urn(self, name, opts),
        }
        super().__init__(RemovalCheckProvider(), name, props, opts)
