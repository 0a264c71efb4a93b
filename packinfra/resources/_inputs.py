"""Inputs that several resources have."""

from __future__ import annotations

import os

import pulumi
from pulumi.dynamic import Resource

from packinfra.palette.host import HOST, host_elsewhere


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
