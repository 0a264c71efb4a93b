"""Inputs that several resources have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from packinfra.lifecycle.registry_access import RegistryAccess, access_to_props
from packinfra.packs.archive import CREATED
from packinfra.palette.host import HOST, host_elsewhere


def given(**settings: Any) -> dict[str, Any]:
    """Without those that are None. A property that isn't there costs nothing: the SDK makes an Output of each, and the program
    waits for all of them again whenever one of them is known, which at 220 packs is what most of its time goes to."""
    return {key: value for key, value in settings.items() if value is not None}


def publishing_settings(
    *,
    unpublish: Sequence[str],
    keep_versions: int | None,
    registry_access: RegistryAccess | None,
    overwrite: bool = False,
    delete_adopted: bool = False,
    created: str = CREATED,
) -> dict[str, Any]:
    """Of every resource that owns the tags of a repository; without defaults."""
    return given(
        overwrite=overwrite or None,
        unpublish=sorted(unpublish) or None,
        keepVersions=keep_versions,
        deleteAdopted=delete_adopted or None,
        created=created if created != CREATED else None,
        registryAccess=access_to_props(registry_access) if registry_access else None,
    )


def own_urn(resource: Resource, name: str, opts: pulumi.ResourceOptions | None) -> pulumi.Output[str | None]:
    """The resource's own URN: Pulumi tells a dynamic provider none, and without it messages belong to no resource.

    Without its dependencies: it follows from the parent's URN, and the parent waits for its children.
    """
    kind = f"pulumi-python:{resource._resource_type_name}"  # noqa: SLF001 - the SDK keeps the type's name nowhere else
    urn = pulumi.create_urn(name, kind, opts.parent if opts else None)
    return pulumi.Output(set(), urn.future(), urn.is_known())


def palette_location(host: pulumi.Input[str] | None, ca_file: str | None) -> dict[str, pulumi.Input[str] | None]:
    """Which Palette. Raises pulumi.RunError if only the environment names the host: on a machine without the variable
    destroy would take the registration for one of another Palette."""
    if host is None and (problem := host_elsewhere(os.environ)):
        raise pulumi.RunError(f"host of Palette: {problem}")
    return {"host": host or HOST, "caFile": ca_file}
