"""EcrPackRegistry: the ECR repositories of a Palette pack registry, who may use them, and the packs in them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_aws import ecr

from packinfra.aws import policies
from packinfra.aws.lifecycle_policy import lifecycle_policy
from packinfra.components import _iam as iam_access
from packinfra.components import _palette as in_palette
from packinfra.components._adopt_hint import KEPT_ON_IMPORT, explain_existing_repository
from packinfra.components._packs import base_path_or_error, packs_or_error, publish
from packinfra.lifecycle.registry_access import EcrAccess
from packinfra.settings import PACKS_PATH, AccessSettings, PackSettings, PaletteSettings, RepositorySettings

TYPE = "packinfra:index:EcrPackRegistry"
"""Part of every URN below the component: frozen."""


class EcrPackRegistry(pulumi.ComponentResource):
    """Base repository, one repository per pack name, IAM policies and roles, and the packs themselves.

        EcrPackRegistry("packs", base_path="spectro-oci-registry", packs=["packs/*"])

    name:         logical name; children are called `<name>-<packName>`
    base_path:    first part of the repository names, without spectro-packs
    packs:        folders or globs relative to the program's working folder, or PackSettings; what a later entry says
                  of a pack holds
    repositories, access: options (docs/settings.md); the defaults are immutable tags, scan on push, no forced delete

    palette:           registers the registry in Palette, syncs it, and waits until Palette lists every version; None =
                       nothing is registered
    palette_secret_key: the secret of `palette.access_key_id`

    profile, publisher_role_arn: who publishes, where the component gets an explicit AWS provider (see EcrAccess)

    All packs are read and judged before the first resource is declared; every problem of every pack is in the one
    pulumi.RunError then raised.

    Outputs, also together as `exports` (names in camelCase): `endpoint` (host, without scheme) and `base_path` as
    Palette's registration form asks for them, `repositories` (pack name -> host/path), `versions` (pack name ->
    version -> manifest digest), `publisher_policy_arn`, and, where `access` asks for them, `pusher_policy_arn`,
    `reader_policy_arn`, `ci_role_arn`, `reader_role_arn`; else None. With `palette`, `palette_registry_uid`.
    """

    endpoint: pulumi.Output[str]
    base_path: pulumi.Output[str]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]
    publisher_policy_arn: pulumi.Output[str]
    pusher_policy_arn: pulumi.Output[str] | None
    reader_policy_arn: pulumi.Output[str] | None
    ci_role_arn: pulumi.Output[str] | None
    reader_role_arn: pulumi.Output[str] | None
    palette_registry_uid: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        base_path: str,
        packs: str | Sequence[str | PackSettings | Mapping[str, Any]] = ("packs/*",),
        repositories: RepositorySettings | None = None,
        access: AccessSettings | None = None,
        palette: PaletteSettings | None = None,
        palette_secret_key: pulumi.Input[str] | None = None,
        profile: str | None = None,
        publisher_role_arn: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        base, found = base_path_or_error(base_path), packs_or_error(packs)
        super().__init__(TYPE, name, {}, opts)
        self._name, self._options = name, repositories or RepositorySettings()
        self._access = access or AccessSettings()
        if strangers := sorted(set(self._options.import_repositories) - found.packs.keys()):
            raise pulumi.RunError(
                f"importRepositories: {', '.join(strangers)}: no such pack; there are {', '.join(found.packs)}"
            )

        archive = f"{base}/{PACKS_PATH}"
        root = self._base_repository(archive)
        targets = {pack: self._pack_repository(archive, pack) for pack in found.packs}
        published = publish(
            self,
            name,
            found,
            {pack: r.repository_url for pack, r in targets.items()},
            lambda: self._child(keeps_images=True),
            registry_access=EcrAccess(profile=profile, publisher_role_arn=publisher_role_arn)
            if profile or publisher_role_arn
            else None,
        )
        trusted = iam_access.Trusted.by(self._access)
        told = self._told_by_palette(palette, trusted)
        if told and palette and not palette.role_arn:
            trusted = told
        granted = iam_access.grant(
            name, self._access, root.arn.apply(_below_base_path), dict(self._options.tags), self._child, trusted=trusted
        )
        self.endpoint = root.repository_url.apply(lambda url: url.partition("/")[0])
        self.base_path = pulumi.Output.from_input(base)
        self.repositories, self.versions = published.repositories, published.versions
        self.publisher_policy_arn = granted.publisher_policy.arn
        self.pusher_policy_arn = granted.pusher_policy.arn if granted.pusher_policy else None
        self.reader_policy_arn = granted.reader_policy.arn if granted.reader_policy else None
        self.ci_role_arn = granted.ci_role.arn if granted.ci_role else None
        self.reader_role_arn = granted.reader_role.arn if granted.reader_role else None
        self.palette_registry_uid = None
        if palette:
            login = in_palette.Login(
                access_key_id=palette.access_key_id, secret_key=palette_secret_key, ready=granted.users_may_read
            )
            if told and palette.role_arn:
                login = in_palette.Login(role_arn=palette.role_arn, external_id=told.external_id)
            elif granted.reader_login and not palette.access_key_id:
                login = granted.reader_login
            registered = in_palette.register(
                name, palette, login, kind="ecr", endpoint=self.endpoint, base_path=base,
                versions=self.versions, packs=published.packs, child=self._child,
            )  # fmt: skip
            self.palette_registry_uid = registered.uid
        exports = {
            "endpoint": self.endpoint,
            "basePath": self.base_path,
            "repositories": self.repositories,
            "versions": self.versions,
            "publisherPolicyArn": self.publisher_policy_arn,
            "pusherPolicyArn": self.pusher_policy_arn,
            "readerPolicyArn": self.reader_policy_arn,
            "ciRoleArn": self.ci_role_arn,
            "readerRoleArn": self.reader_role_arn,
            "paletteRegistryUid": self.palette_registry_uid,
        }
        self.exports: dict[str, pulumi.Output[Any]] = {k: v for k, v in exports.items() if v is not None}
        self.register_outputs(self.exports)

    def _child(self, *, keeps_images: bool = False) -> pulumi.ResourceOptions:
        """keeps_images: deleting the child would lose what was published. None, not False, leaves the component's own
        `protect` to the child."""
        return pulumi.ResourceOptions(parent=self, protect=(keeps_images and self._options.protect) or None)

    def _told_by_palette(
        self, palette: PaletteSettings | None, known: iam_access.Trusted | None
    ) -> iam_access.Trusted | None:
        """Whom a role must trust for Palette; None where no role is used, or the settings say whom."""
        if not palette or palette.access_key_id or (known and not palette.role_arn):
            return None
        told = in_palette.principal(self._name, palette, self._child())
        return iam_access.Trusted(told.account_id, told.external_id)

    def _base_repository(self, archive: str) -> ecr.Repository:
        if self._options.base_repository == "existing":  # read, never changed, never deleted
            return ecr.Repository.get(self._name, archive, opts=self._child())
        line = "packinfra:repositories: {baseRepository: existing}"
        return self._repository(self._name, archive, line, self._child(keeps_images=True))

    def _pack_repository(self, archive: str, pack: str) -> ecr.Repository:
        logical_name, repository = f"{self._name}-{pack}", f"{archive}/{pack}"
        opts = self._child(keeps_images=True)
        if pack in self._options.import_repositories:
            opts.import_, opts.ignore_changes = repository, KEPT_ON_IMPORT
        line = f"packinfra:repositories: {{importRepositories: [{pack}]}}"
        resource = self._repository(logical_name, repository, line, opts)
        if self._options.lifecycle:
            ecr.LifecyclePolicy(
                logical_name,
                repository=resource.name,
                policy=json.dumps(lifecycle_policy(self._options.lifecycle)),
                opts=self._child(),
            )
        return resource

    def _repository(
        self, logical_name: str, repository: str, line: str, opts: pulumi.ResourceOptions
    ) -> ecr.Repository:
        options = self._options
        mutability = "IMMUTABLE" if options.immutable else "MUTABLE"
        explain_existing_repository(opts, repository, line)
        resource = ecr.Repository(
            logical_name,
            name=repository,
            image_tag_mutability=f"{mutability}_WITH_EXCLUSION" if options.except_tags else mutability,
            image_tag_mutability_exclusion_filters=[
                ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=tags, filter_type="WILDCARD")
                for tags in options.except_tags
            ],
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=options.scan_on_push
            ),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=options.kms_key)
                if options.kms_key
                else ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")
            ],
            force_delete=options.force_delete,
            tags=dict(options.tags),
            opts=opts,
        )
        pull = self._access.pull
        if pull and (pull.principals or pull.organization):
            ecr.RepositoryPolicy(
                logical_name,
                repository=resource.name,
                policy=resource.arn.apply(
                    lambda arn: json.dumps(
                        policies.pull([iam_access.as_arn(text, arn) for text in pull.principals], pull.organization)
                    )
                ),
                opts=self._child(),
            )
        return resource


def _below_base_path(arn: str) -> str:
    """The ARN pattern of all repositories below the base path, from the base repository's own."""
    return f"{arn.removesuffix('/' + PACKS_PATH)}/*"
