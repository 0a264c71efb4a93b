"""BasicPackRegistry: a Palette pack registry in Harbor, or any other registry with user name and password. No AWS."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from packinfra.components import _palette
from packinfra.components._artifacts import (
    ArtifactsArgument,
    ChartsArgument,
    PoliciesArgument,
    publish_artifacts,
)
from packinfra.components._copies import CopiesArgument, copy_artifacts
from packinfra.components._names import declare_names
from packinfra.components._packs import PacksArgument, publish
from packinfra.components._palette import CredentialArguments
from packinfra.components._profiles import ProfilesArgument, profiles_or_error
from packinfra.components._registry import PackRegistry, Published, valid_or_error
from packinfra.components._selection import select_or_error
from packinfra.lifecycle.registry_access import BasicAccess
from packinfra.oci.reference import normalize_host
from packinfra.resources.base_path import BasePath
from packinfra.settings import PACKS_PATH, PaletteSettings, valid_base_path, valid_host

TYPE = "packinfra:index:BasicPackRegistry"
"""Part of every URN below the component: frozen."""


class BasicPackRegistry(PackRegistry):
    """The empty artifact at the base path, and the packs below it.

        BasicPackRegistry("packs", host="harbor.example.com", base_path="team", packs=["packs/*"])

    All packs are read and validated before the first resource is declared.

    Args:
        name: Logical name. Children are called `<name>-<packName>`.
        host: The registry's host, with its port if it has one, without scheme.
        base_path: The project (in Harbor it must exist) and, if you like, a path below it, without spectro-packs.
        packs: As for EcrPackRegistry.
        removed_packs: As for EcrPackRegistry.
        charts, policies, artifacts, removed_artifacts: As for EcrPackRegistry.
        copies, removed_copies: As for EcrPackRegistry.
        ca_file: PEM file with the CA certificates to trust, relative to the project; None = the system's.
        plain_http: Uses HTTP without TLS.
        token_host: Host of the registry's token service, if that is not the registry's own and may get user name and
            password.
        blob_hosts: IP addresses inside your network to which the registry may redirect requests for blobs, with ports.
        base_path_artifact: Push the empty artifact that marks the base path, as Palette's guide does. False for a registry
            that rejects images without layers, or removes images without a tag.
        username: Publishes as this user, with the secret packinfra:registryPassword; None = the environment's
            PACKINFRA_REGISTRY_USERNAME and _PASSWORD, else the Docker config.
        palette: As for EcrPackRegistry. Palette trusts `ca_file` unless `palette.registry_ca_file` names another.
        palette_password: The password of `palette.username`.
        profiles: As for EcrPackRegistry.
        secret_profiles: As for EcrPackRegistry.
        opts: Options of the component; children inherit its aliases and protection.

    Raises:
        pulumi.RunError: With every problem of every pack, or with the problems of the other arguments.

    Attributes:
        endpoint: The registry's host.
        base_path: The base path.
        repositories: Pack name -> "host/path".
        versions: Pack name -> version -> manifest digest.
        artifacts, copies: As for EcrPackRegistry.
        palette_registry_uid: uid of the registry in Palette, or None.
        profiles: Cluster profile -> version -> uid in Palette, or None.
        palette_helm_registry_uid: uid of the registry of charts in Palette, or None.
        exports: All outputs that are not None, by their camelCase name.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str,
        base_path: str,
        packs: PacksArgument = ("packs/*",),
        removed_packs: Sequence[str] = (),
        charts: ChartsArgument = (),
        policies: PoliciesArgument = (),
        artifacts: ArtifactsArgument = (),
        removed_artifacts: Sequence[str] = (),
        copies: CopiesArgument = (),
        removed_copies: Sequence[str] = (),
        ca_file: str | None = None,
        plain_http: bool = False,
        token_host: str | None = None,
        blob_hosts: Sequence[str] = (),
        base_path_artifact: bool = True,
        username: str | None = None,
        palette: PaletteSettings | None = None,
        palette_password: pulumi.Input[str] | None = None,
        profiles: ProfilesArgument | None = None,
        secret_profiles: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        host, base = valid_or_error("host", host, valid_host), valid_or_error("base_path", base_path, valid_base_path)
        host = normalize_host(host, plain_http=plain_http)
        token_host = token_host and valid_or_error("token_host", token_host, valid_host)
        blob_hosts = [valid_or_error("blob_hosts", blob_host, valid_host) for blob_host in blob_hosts]
        _palette.credentials_or_error(palette, "basic", palette_password)
        selected, others, copied = select_or_error(
            packs,
            removed_packs=removed_packs,
            charts=charts,
            policies=policies,
            artifacts=artifacts,
            removed_artifacts=removed_artifacts,
            copies=copies,
            removed_copies=removed_copies,
            ecr=False,
        )
        planned = profiles_or_error(profiles or {}, selected, palette)
        super().__init__(TYPE, name, opts)

        access = BasicAccess(
            ca_file=ca_file,
            plain_http=plain_http,
            username=username,
            token_host=token_host,
            blob_hosts=tuple(blob_hosts),
        )
        archive = f"{host}/{base}/{PACKS_PATH}"
        names = declare_names(name, selected, others, copied, palette=palette, opts=self._child())
        marks: list[pulumi.Resource] = []
        if base_path_artifact:
            opts = pulumi.ResourceOptions(parent=self, depends_on=names.registered())
            marks.append(BasePath(name, repository=archive, registry_access=access, opts=opts))
        before_packs = names.registered(marks)
        packs_published = publish(
            self,
            name,
            selected,
            {pack: f"{archive}/{pack}" for pack in selected.packs},
            lambda: pulumi.ResourceOptions(parent=self, depends_on=before_packs),
            registry_access=access,
        )
        before = names.registered()
        published_artifacts = publish_artifacts(
            name,
            others,
            {path: f"{host}/{base}/{path}" for path in others.artifacts},
            lambda: pulumi.ResourceOptions(parent=self, depends_on=before),
            registry_access=access,
        )
        copied_artifacts = copy_artifacts(
            name,
            copied,
            {to: f"{host}/{base}/{target.path}" for to, target in copied.targets.items()},
            lambda: pulumi.ResourceOptions(parent=self, depends_on=before_packs),
            registry_access=access,
        )
        self.endpoint, self.base_path = pulumi.Output.from_input(host), pulumi.Output.from_input(base)
        published = Published(packs_published, published_artifacts, copied_artifacts)
        self._set_published(published)
        if palette:
            credentials = CredentialArguments(
                username=palette.username,
                password=palette_password,
                registry_ca_file=palette.registry_ca_file or ca_file,
            )
            _palette.declare(
                self, name, palette, credentials, kind="basic", endpoint=f"{'http' if plain_http else 'https'}://{host}",
                published=published, profiles=planned, secret_profiles=secret_profiles, depends_on=marks,
            )  # fmt: skip
        self._register_outputs()
