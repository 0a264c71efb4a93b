"""The cluster profiles of both registry components. Each waits until Palette lists the packs of this stack (PaletteSync)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from packinfra.components._packs import PublishedPacks, SelectedPacks
from packinfra.components._registry import PackRegistry
from packinfra.errors import PackinfraError
from packinfra.lifecycle.profiles.plan import PlannedProfile, plan_profiles
from packinfra.lifecycle.publishing.state import by_version
from packinfra.resources.cluster_profile import ClusterProfile
from packinfra.resources.palette_registry import PaletteRegistry
from packinfra.resources.palette_sync import PaletteSync
from packinfra.settings import PaletteSettings, ProfileSettings, load_profiles

ProfilesArgument = Mapping[str, ProfileSettings | Mapping[str, Any]]
"""Name -> ProfileSettings, or a mapping as in a stack file."""


def profiles_or_error(
    profiles: ProfilesArgument, selected: SelectedPacks, palette: PaletteSettings | None
) -> dict[str, PlannedProfile]:
    """The plan of each profile; or one RunError with every problem of every profile."""
    if not profiles:
        return {}
    if palette is None:
        raise pulumi.RunError("profiles: they need palette, which says where they are")
    try:
        planned, problems = plan_profiles(load_profiles(profiles), selected.packs, palette.name, Path.cwd())
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None
    if problems:
        raise pulumi.RunError("\n".join(problems))
    return planned


def declare_profiles(
    component: PackRegistry,
    name: str,
    planned: Mapping[str, PlannedProfile],
    *,
    palette: PaletteSettings,
    registry: PaletteRegistry,
    sync: PaletteSync,
    packs: PublishedPacks,
    secret: bool,
) -> pulumi.Output[dict[str, dict[str, str]]]:
    """Returns profile -> version -> uid."""
    published = packs.versions.apply(
        lambda versions: {pack: sorted(of, key=by_version) for pack, of in versions.items()}
    )
    resources: dict[str, ClusterProfile] = {}
    for profile, plan in planned.items():
        props = plan.props
        resources[profile] = ClusterProfile(
            f"{name}-{profile}",
            profile_name=profile,
            version=props["version"],
            layers=props["layers"],
            type=props["type"],
            cloud=props["cloud"],
            project=props.get("project"),
            description=props["description"],
            tags=props.get("tags"),
            variables=props["variables"],
            sensitive_defaults=props.get("sensitiveDefaults"),
            keep_versions=props.get("keepVersions"),
            immutable=props["immutable"],
            registry_uid=registry.uid if any(layer["registry"] == palette.name for layer in props["layers"]) else None,
            pack_digests=_digests(packs, plan),
            published=published,
            secret_values=secret,
            host=palette.host,
            ca_file=palette.ca_file,
            opts=pulumi.ResourceOptions(parent=component, depends_on=[sync]),
        )
        for warning in plan.warnings:
            pulumi.log.warn(f"profile {profile}: {warning}", resources[profile])
    return pulumi.Output.all(**{profile: resource.versions for profile, resource in resources.items()}).apply(
        lambda profiles: {profile: _uids(versions) for profile, versions in profiles.items()}
    )


def _digests(packs: PublishedPacks, plan: PlannedProfile) -> pulumi.Output[dict[str, str]]:
    wanted = {str(layer["name"]): str(layer["version"]) for layer in plan.props["layers"] if layer["name"] in plan.own}
    return packs.versions.apply(
        lambda versions: {pack: versions.get(pack, {}).get(version, "") for pack, version in wanted.items()}
    )


def _uids(versions: Mapping[str, Mapping[str, Any]] | None) -> dict[str, str]:
    return {version: str((versions or {})[version]["uid"]) for version in sorted(versions or {}, key=by_version)}
