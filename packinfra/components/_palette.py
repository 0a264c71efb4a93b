"""The registration of both registry components in Palette, and the credentials with which Palette reads ECR.

PalettePrincipal -> reader role -> PaletteRegistry -> PaletteSync, and every PublishedPack -> PaletteRegistry: so destroy
deletes the registration first, and if Palette refuses because cluster profiles use packs, the packs stay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import pulumi
from pydantic.alias_generators import to_snake

from packinfra.components._existing import existing_output
from packinfra.components._profiles import declare_profiles
from packinfra.components._registry import PackRegistry, Published
from packinfra.lifecycle.profiles.plan import PlannedProfile
from packinfra.palette.credentials import Kind, partition_of, partition_problem
from packinfra.resources.palette_principal import PalettePrincipal
from packinfra.resources.palette_registry import PaletteRegistry
from packinfra.resources.palette_sync import PaletteSync
from packinfra.settings import PaletteSettings
from packinfra.settings.artifacts import CHARTS

if TYPE_CHECKING:  # a Basic registry loads nothing of AWS
    from packinfra.components._iam import Iam
    from packinfra.settings.access import ReaderSettings

_SECRETS = {"secretKey": "palette_secret_key", "password": "palette_password"}


class CredentialArguments(TypedDict, total=False):
    """Arguments of PaletteRegistry."""

    role_arn: pulumi.Input[str]
    external_id: pulumi.Input[str]
    access_key_id: str
    secret_key: pulumi.Input[str] | None
    pod_identity_role_arn: str
    username: str | None
    password: pulumi.Input[str] | None
    registry_ca_file: str | None


class RoleTrust(NamedTuple):
    """The AWS account or ARN that may assume the reader role, and the ExternalId that it must send."""

    principal: pulumi.Input[str]
    external_id: pulumi.Input[str]


class Reader(NamedTuple):
    """The reader policy and role, None where nobody needs them; Palette's credentials, and the attachments of the policy,
    without which they don't work."""

    policy_arn: pulumi.Output[str] | None
    role_arn: pulumi.Output[str] | None
    credentials: CredentialArguments
    attachments: Sequence[pulumi.Resource] = ()


class Registered(NamedTuple):
    registry: PaletteRegistry
    sync: PaletteSync


def credentials_or_error(palette: PaletteSettings | None, kind: Kind, secret: pulumi.Input[str] | None) -> None:
    """Raises a RunError if the credentials in `palette` and the component's secret don't fit together."""
    secrets = [] if secret is None else ["secretKey" if kind == "ecr" else "password"]
    problems = palette.credential_problems(kind, secrets, _name, {}) if palette else []
    if palette and kind == "ecr" and (problem := partition_problem(_partition())):
        problems.append(f"aws:region: {problem}")
    if problems:
        raise pulumi.RunError("\n".join(problems))


def reader(
    iam: Iam, access: ReaderSettings | None, palette: PaletteSettings | None, secret_key: pulumi.Input[str] | None
) -> Reader:
    """Decides who reads an ECR registry: those in `access`, and Palette with its own access key or role, else with the
    reader role. The reader role trusts the principal in `access`, else the one that Palette's API names."""
    trust = (
        RoleTrust(access.principal, access.external_id) if access and access.principal and access.external_id else None
    )
    credentials = CredentialArguments()
    if palette and palette.access_key_id:
        credentials = CredentialArguments(access_key_id=palette.access_key_id, secret_key=secret_key)
    elif palette and palette.pod_identity_role_arn:
        credentials = CredentialArguments(pod_identity_role_arn=palette.pod_identity_role_arn)
    elif palette and (palette.role_arn or not trust):
        place = {"host": palette.host, "ca_file": palette.ca_file}
        principal = PalettePrincipal(iam.name, partition=_partition(), opts=iam.child(), **place)
        if palette.role_arn:
            credentials = CredentialArguments(role_arn=palette.role_arn, external_id=principal.external_id)
        else:
            trust = RoleTrust(principal.account_id, principal.external_id)
    if not (access or trust):
        return Reader(None, None, credentials)
    policy, role, attachments = iam.declare_reader(access.users if access else (), trust)
    if not (role and trust):
        return Reader(policy.arn, None, credentials, attachments)
    default = CredentialArguments(role_arn=role.arn, external_id=trust.external_id)
    return Reader(policy.arn, role.arn, credentials or default, attachments)


def declare(
    component: PackRegistry,
    name: str,
    palette: PaletteSettings,
    credentials: CredentialArguments,
    *,
    kind: Kind,
    endpoint: pulumi.Input[str],
    published: Published,
    profiles: Mapping[str, PlannedProfile],
    secret_profiles: bool,
    depends_on: Sequence[pulumi.Resource],
) -> None:
    """Everything of the component in Palette: its registry, its profiles, and the registry of its charts."""
    registry, sync = _register(
        component, name, palette, credentials, kind=kind, endpoint=endpoint, published=published, depends_on=depends_on
    )
    component.palette_registry_uid = registry.uid
    if profiles:
        component.profiles = declare_profiles(
            component, name, profiles, palette=palette, registry=registry, sync=sync, packs=published.packs,
            secret=secret_profiles,
        )  # fmt: skip
    component.palette_helm_registry_uid = _register_charts(
        component, name, palette, credentials, kind=kind, endpoint=endpoint, published=published, depends_on=depends_on
    )


def _register(
    component: PackRegistry,
    name: str,
    palette: PaletteSettings,
    credentials: CredentialArguments,
    *,
    kind: Kind,
    endpoint: pulumi.Input[str],
    published: Published,
    depends_on: Sequence[pulumi.Resource],
) -> Registered:
    """Registers the component's registry once `depends_on` and the packs exist, and has it synced."""
    registry = PaletteRegistry(
        name,
        registry_name=palette.name,
        kind=kind,
        endpoint=endpoint,
        base_path=component.base_path,
        partition=_partition(),
        insecure_skip_verify=palette.insecure_skip_verify,
        host=palette.host,
        ca_file=palette.ca_file,
        opts=pulumi.ResourceOptions(
            parent=component,
            depends_on=pulumi.Output.all(published.packs.packs, existing_output(published.copies.packs)).apply(
                lambda both: [*depends_on, *both[0], *both[1]]
            ),
        ),
        **credentials,
    )
    opts = pulumi.ResourceOptions(parent=component)
    sync = PaletteSync(
        name, registry=registry, packs=component.versions, timeout_seconds=palette.sync_timeout, opts=opts
    )
    return Registered(registry, sync)


def _register_charts(
    component: PackRegistry,
    name: str,
    palette: PaletteSettings,
    credentials: CredentialArguments,
    *,
    kind: Kind,
    endpoint: pulumi.Input[str],
    published: Published,
    depends_on: Sequence[pulumi.Resource],
) -> pulumi.Output[str] | None:
    """Likewise for the charts, once they exist; None without `palette.helm`. Which of them Palette lists isn't waited for:
    nothing says how to ask."""
    if (helm := palette.helm) is None:
        return None
    found = pulumi.Output.all(published.artifacts.output(), published.copies.output())
    charts = found.apply(
        lambda both: {
            path: each["versions"] for path, each in {**both[0], **both[1]}.items() if path.startswith(f"{CHARTS}/")
        }
    )
    below = pulumi.Output.from_input(component.base_path).apply(lambda base: f"{base}/{CHARTS}")
    registry = PaletteRegistry(
        f"{name}-{CHARTS}", registry_name=helm.name or f"{palette.name}-{CHARTS}", kind=kind, endpoint=endpoint,
        base_path=below, partition=_partition(), provider_type="helm", sync=helm.sync, host=palette.host,
        ca_file=palette.ca_file, **credentials,
        # of Outputs that depend on them: destroy asks Palette before it deletes a chart
        opts=pulumi.ResourceOptions(parent=component, depends_on=charts.apply(lambda _: [*depends_on])),
    )  # fmt: skip
    if helm.sync:
        opts = pulumi.ResourceOptions(parent=component)
        PaletteSync(
            f"{name}-{CHARTS}",
            registry=registry,
            packs={},
            content=charts,
            timeout_seconds=palette.sync_timeout,
            opts=opts,
        )
    return registry.uid


def _name(key: str) -> str:
    """The name of a key in a program."""
    return _SECRETS.get(key) or f"palette.{to_snake(key)}"


def _partition() -> str:
    """Palette assumes roles in each partition from another account."""
    environ = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return partition_of(pulumi.Config("aws").get("region") or environ)
