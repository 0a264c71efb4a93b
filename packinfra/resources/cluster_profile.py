"""ClusterProfile: the versions of one cluster profile in Palette, as a Pulumi resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi
from pulumi.dynamic import Resource

from packinfra.providers import ClusterProfileProvider
from packinfra.resources._inputs import given, own_urn, palette_location


class _LayerRequired(TypedDict):
    name: str
    registry: pulumi.Input[str]
    version: pulumi.Input[str]


class ProfileLayer(_LayerRequired, total=False):
    """A pack of a profile.

    name, registry, version: as Palette has them; exact. values: the complete values.yaml; left out: the pack's own. set: path
    -> value, on top of the pack's own. layer: os, k8s, cni, csi or addon, if it is known: then its order is checked early.
    """

    values: pulumi.Input[str]
    set: Mapping[str, Any]
    layer: str


class ProfileVariable(TypedDict, total=False):
    """A variable of a profile; only `name` is required. docs/settings.md (packinfra:profiles.variables) describes the keys."""

    name: str
    displayName: str
    description: str
    format: str
    inputType: str
    default: str
    regex: str
    options: Sequence[str]
    required: bool
    hidden: bool
    immutable: bool
    sensitive: bool


class ClusterProfile(Resource, module="packinfra", name="ClusterProfile"):
    """One cluster profile with all its versions: each new `version` makes another one, and leaves the old ones.

    Depend on the PaletteSync of the registry whose packs it has (`opts.depends_on`): they must be listed before.

    Args:
        name: logical name; `<component>-<profileName>` in packinfra's components.
        profile_name: name in Palette.
        version: version of the profile, SemVer.
        layers: its packs, in order.
        type: add-on, infra or full; fixed once it is created.
        cloud: cloud of its clusters; all: only for add-on. Fixed likewise.
        project: name of its project; None = the tenant.
        description: shown in Palette's console.
        tags: None = a tag without a value.
        variables: its variables.
        sensitive_defaults: variable -> default of each sensitive one, instead of `default`; kept as secrets.
        keep_versions: how many versions stay in Palette, those that clusters use in any case; None = all.
        immutable: refuse changed content under a version that is in Palette.
        registry_uid: uid of the registry that may be registered anew (PaletteRegistry.uid): the profile then follows it.
        pack_digests: pack of this program -> its manifest digest: if it is published again, the profile is written again.
        published: pack -> its versions, of all packs of this program: a version that the profile uses is then not withdrawn.
        secret_values: keep `layers` and `variables` as secrets, and show no values in previews.
        host: see PalettePrincipal.
        ca_file: see PalettePrincipal.

    Raises:
        pulumi.RunError: if only an environment variable names the host.

    Outputs: `uid`: of the current version; `versions`: version -> record (lifecycle/profiles/state.py).
    """

    uid: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]

    def __init__(
        self,
        name: str,
        *,
        profile_name: str,
        version: pulumi.Input[str],
        layers: Sequence[ProfileLayer | Mapping[str, Any]],
        type: str = "add-on",  # noqa: A002 - as everywhere else
        cloud: str = "all",
        project: str | None = None,
        description: str = "",
        tags: Mapping[str, str | None] | None = None,
        variables: Sequence[ProfileVariable | Mapping[str, Any]] = (),
        sensitive_defaults: Mapping[str, pulumi.Input[str]] | None = None,
        keep_versions: int | None = None,
        immutable: bool = False,
        registry_uid: pulumi.Input[str] | None = None,
        pack_digests: pulumi.Input[Mapping[str, str]] | None = None,
        published: pulumi.Input[Mapping[str, Sequence[str]]] | None = None,
        secret_values: bool = False,
        host: pulumi.Input[str] | None = None,
        ca_file: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        declared, variable_list = [dict(layer) for layer in layers], [dict(variable) for variable in variables]
        settings = given(
            project=project,
            description=description or None,
            tags={key: value or "" for key, value in (tags or {}).items()} or None,
            variables=(pulumi.Output.secret(variable_list) if secret_values else variable_list) if variables else None,
            sensitiveDefaults=pulumi.Output.secret(dict(sensitive_defaults)) if sensitive_defaults else None,
            keepVersions=keep_versions,
            immutable=immutable or None,
            registryUid=registry_uid,
            packDigests=pack_digests,
            published=published,
            secretValues=secret_values or None,
        )
        props = {
            "profileName": profile_name,
            "version": version,
            "type": type,
            "cloud": cloud,
            "layers": pulumi.Output.secret(declared) if secret_values else declared,
            **settings,
            **palette_location(host, ca_file),
            "ownUrn": own_urn(self, name, opts),
            **dict.fromkeys(("declared", "uid", "versions", "resolved", "projectUid", "tenant")),
        }
        if secret_values:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["resolved"]))
        super().__init__(ClusterProfileProvider(), name, props, opts)
