"""EcrPackRegistry: a Palette pack registry in Amazon ECR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from packinfra.components import _palette
from packinfra.components._artifacts import (
    ArtifactsArgument,
    ChartsArgument,
    PoliciesArgument,
    publish_artifacts,
)
from packinfra.components._copies import CopiesArgument, copy_artifacts, logical_name
from packinfra.components._iam import Iam
from packinfra.components._names import declare_names
from packinfra.components._packs import PacksArgument, publish
from packinfra.components._profiles import ProfilesArgument, profiles_or_error
from packinfra.components._provider import check_stack, provider_config
from packinfra.components._registry import PackRegistry, Published, valid_or_error
from packinfra.components._removal import declare_removal_check
from packinfra.components._repositories import EcrRepositories
from packinfra.components._selection import check_imports, select_or_error
from packinfra.lifecycle.registry_access import EcrAccess
from packinfra.settings import PACKS_PATH, AccessSettings, PaletteSettings, RepositorySettings, valid_base_path

TYPE = "packinfra:index:EcrPackRegistry"
"""Part of every URN below the component: frozen."""


class EcrPackRegistry(PackRegistry):
    """The ECR repositories of a pack registry, the IAM policies and roles for it, and the packs.

        EcrPackRegistry("packs", base_path="spectro-oci-registry", packs=["packs/*"])

    All packs are read and validated before the first resource is declared.

    Args:
        name: Logical name. Children are called `<name>-<packName>`.
        base_path: First part of the repository names, without spectro-packs.
        packs: Folders or globs relative to the program's working folder, PackSettings, or mappings as in a stack file.
            If several entries match a pack, the last one applies.
        removed_packs: Names of packs to remove, with all their versions. A published pack whose folder is gone is an
            error without that.
        charts: Helm charts: paths or globs, ChartSettings, or mappings as in a stack file. Each gets the repository
            `<base_path>/charts/<name>`.
        policies: Policies for OPA or conftest, each in `<base_path>/policies/<name>`.
        artifacts: Any files, each in `<base_path>/artifacts/<name>`.
        removed_artifacts: Charts, policies and artifacts to remove, by their repositories below the base path
            ("charts/web").
        copies: Artifacts of other repositories, copied by digest (docs/copies.md): CopySettings, or mappings as in a stack
            file. Each goes to `<base_path>/<to>`, a pack to where Palette finds it.
        removed_copies: Copies to remove with all their tags, by what `to` says.
        repositories: The configuration of the repositories (docs/settings.md). By default tags are immutable, images are
            scanned when they are pushed, and repositories with other images are not deleted.
        access: IAM permissions on the repositories (docs/iam.md).
        palette: Registers the registry in Palette, has it synced, and waits until Palette lists every version; None = no
            registration.
        palette_secret_key: The secret of `palette.access_key_id`.
        profiles: Cluster profiles in Palette, by name (docs/profiles.md): ProfileSettings, or mappings as in a stack file.
        secret_profiles: State keeps the profiles' values and variables as secrets, and previews don't show them.
        profile: Publishes with this profile of the AWS config files, instead of the identity of the stack's or the
            component's AWS provider. Needed with an explicit provider that has secrets: pushes run outside of it.
        publisher_role_arn: Publishes with this role, which the stack's identity, or `profile`, assumes.
        opts: Options of the component; children inherit its aliases, providers and protection.

    Raises:
        pulumi.RunError: With every problem of every pack, or with the problems of the other arguments.

    Attributes:
        endpoint: The registry's host, without scheme, for Palette's registration form.
        base_path: The base path, likewise.
        repositories: Pack name -> "host/path".
        versions: Pack name -> version -> manifest digest.
        artifacts: Path below the base path -> "repository", and "versions": version -> manifest digest; None without any.
        copies: `to` -> "repository", and "versions": tag -> digest; None without any. Copied packs are in `repositories`
            and `versions` too.
        publisher_policy_arn: ARN of the publisher policy.
        pusher_policy_arn: ARN of the pusher policy; None without `access.pushers` and `access.ci`.
        reader_policy_arn: ARN of the reader policy; None if neither `access.reader` nor Palette needs it.
        ci_role_arn: ARN of the role in `access.ci`, or None.
        reader_role_arn: ARN of the reader role, or None.
        palette_registry_uid: uid of the registry in Palette, or None.
        profiles: Cluster profile -> version -> uid in Palette, or None.
        palette_helm_registry_uid: uid of the registry of charts in Palette, or None.
        exports: All outputs that are not None, by their camelCase name.
    """

    publisher_policy_arn: pulumi.Output[str]
    pusher_policy_arn: pulumi.Output[str] | None
    reader_policy_arn: pulumi.Output[str] | None
    ci_role_arn: pulumi.Output[str] | None
    reader_role_arn: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        base_path: str,
        packs: PacksArgument = ("packs/*",),
        removed_packs: Sequence[str] = (),
        charts: ChartsArgument = (),
        policies: PoliciesArgument = (),
        artifacts: ArtifactsArgument = (),
        removed_artifacts: Sequence[str] = (),
        copies: CopiesArgument = (),
        removed_copies: Sequence[str] = (),
        repositories: RepositorySettings | None = None,
        access: AccessSettings | None = None,
        palette: PaletteSettings | None = None,
        palette_secret_key: pulumi.Input[str] | None = None,
        profiles: ProfilesArgument | None = None,
        secret_profiles: bool = False,
        profile: str | None = None,
        publisher_role_arn: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        base = valid_or_error("base_path", base_path, valid_base_path)
        _palette.credentials_or_error(palette, "ecr", palette_secret_key)
        selected, others, copied = select_or_error(
            packs,
            removed_packs=removed_packs,
            charts=charts,
            policies=policies,
            artifacts=artifacts,
            removed_artifacts=removed_artifacts,
            copies=copies,
            removed_copies=removed_copies,
            ecr=True,
        )
        planned = profiles_or_error(profiles or {}, selected, palette)
        settings, access = repositories or RepositorySettings(), access or AccessSettings()
        check_imports(
            settings.import_repositories,
            [*selected.packs, *others.artifacts, *map(logical_name, copied.targets.values())],
        )
        super().__init__(TYPE, name, opts)

        told = bool(profile or publisher_role_arn)
        provider: Any = provider_config(self, settings.tags, own_identity=told)
        registry_access = (
            EcrAccess(profile=profile, publisher_role_arn=publisher_role_arn, provider=provider)
            if told or provider is not None
            else None
        )
        if provider is None:
            check_stack(settings.tags)
        names = declare_names(name, selected, others, copied, palette=palette, opts=self._child()).registered()
        ecr = EcrRepositories(  # packs wait for their repositories
            name, base, settings, access.pull, lambda: pulumi.ResourceOptions(parent=self, depends_on=names)
        )
        base_repository = ecr.declare_base()

        def protected() -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, protect=settings.protect or None)

        packs_published = publish(
            self,
            name,
            selected,
            {pack: ecr.declare_pack(pack).repository_url for pack in selected.packs},
            protected,
            registry_access=registry_access,
        )
        published_artifacts = publish_artifacts(
            name,
            others,
            {path: ecr.declare(path, path).repository_url for path in others.artifacts},
            protected,
            registry_access=registry_access,
        )
        copied_artifacts = copy_artifacts(
            name,
            copied,
            {
                to: ecr.declare(logical_name(target), target.path).repository_url
                for to, target in copied.targets.items()
            },
            protected,
            registry_access=registry_access,
        )
        ecr.check_encryption(self)
        iam = Iam(name, base_repository.arn.apply(_below_base_path), dict(settings.tags), self._child)
        pusher, ci_role = iam.declare_pusher(access.pushers, access.ci)
        reader = _palette.reader(iam, access.reader, palette, palette_secret_key)

        self.endpoint = base_repository.repository_url.apply(lambda url: url.partition("/")[0])
        self.base_path = pulumi.Output.from_input(base)
        published = Published(packs_published, published_artifacts, copied_artifacts)
        self._set_published(published)
        self.publisher_policy_arn = iam.declare_publisher(access.publishers).arn
        self.pusher_policy_arn = pusher.arn if pusher else None
        self.ci_role_arn = ci_role.arn if ci_role else None
        self.reader_policy_arn, self.reader_role_arn = reader.policy_arn, reader.role_arn
        if palette:
            _palette.declare(
                self, name, palette, reader.credentials, kind="ecr", endpoint=self.endpoint, published=published,
                profiles=planned, secret_profiles=secret_profiles,
                depends_on=iam.attachments,  # all: destroy asks Palette before it deletes any
            )  # fmt: skip
        declare_removal_check(
            self, base_repository.repository_url, ecr=ecr, iam=iam, packs=selected, artifacts=others,
            published=published, registry_access=registry_access,
        )  # fmt: skip
        self._register_outputs()


def _below_base_path(arn: str) -> str:
    """The ARN pattern of all repositories under the base path, from the base repository's ARN."""
    return f"{arn.removesuffix('/' + PACKS_PATH)}/*"
