"""EcrPackRegistry: the ECR repositories of a Palette pack registry, who may publish there, and the packs in them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi_aws import ecr, iam

from packinfra.aws import policies
from packinfra.errors import PackinfraError
from packinfra.packs.catalogue import Catalogue, read_catalogue
from packinfra.resources.published_pack import PublishedPack
from packinfra.settings import (
    PACKS_PATH,
    AccessSettings,
    PackSettings,
    RepositorySettings,
    valid_base_path,
)

TYPE = "packinfra:index:EcrPackRegistry"
"""Part of every URN below the component: frozen."""


class EcrPackRegistry(pulumi.ComponentResource):
    """Base repository, one repository per pack name, the publisher policy, and the packs themselves.

        EcrPackRegistry("packs", base_path="spectro-oci-registry", packs=["packs/*"])

    name:         logical name; children are called `<name>-<packName>`
    base_path:    first part of the repository names, without spectro-packs
    packs:        folders or globs relative to the program's working folder, or PackSettings; what a later entry says
                  of a pack holds
    repositories, access: options; the defaults are immutable tags, scan on push, no forced delete

    All packs are read and judged before the first resource is declared; every problem of every pack is in the one
    pulumi.RunError then raised.

    Outputs: `endpoint` (host, without scheme) and `base_path` as Palette's registration form asks for them,
    `repositories` (pack name -> host/path), `versions` (pack name -> version -> manifest digest),
    `publisher_policy_arn`.
    """

    endpoint: pulumi.Output[str]
    base_path: pulumi.Output[str]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]
    publisher_policy_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        base_path: str,
        packs: Sequence[str | PackSettings] = ("packs/*",),
        repositories: RepositorySettings | None = None,
        access: AccessSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, name, {}, opts)
        self._name, self._options = name, repositories or RepositorySettings()
        entries = [PackSettings(path=entry) if isinstance(entry, str) else entry for entry in packs]
        try:
            base = valid_base_path(base_path)
            catalogue = read_catalogue(Path.cwd(), [e.path for e in entries], {e.path: e.rules for e in entries})
        except ValueError as error:
            raise pulumi.RunError(f"base_path {base_path!r}: {error}") from None
        except PackinfraError as error:
            raise pulumi.RunError(str(error)) from None
        for warning in catalogue.warnings:
            pulumi.log.warn(warning, self)

        archive = f"{base}/{PACKS_PATH}"
        root = self._repository(name, archive)
        published = self._publish(archive, catalogue, entries)
        policy = self._policy(root.arn, access or AccessSettings())
        self.endpoint = root.repository_url.apply(lambda url: url.partition("/")[0])
        self.base_path = pulumi.Output.from_input(base)
        self.repositories = pulumi.Output.all(**{p: resource.repository for p, resource in published.items()})
        self.versions = pulumi.Output.all(**{p: resource.versions.apply(_digests) for p, resource in published.items()})
        self.publisher_policy_arn = policy.arn
        self.register_outputs(
            {
                "endpoint": self.endpoint,
                "basePath": self.base_path,
                "repositories": self.repositories,
                "versions": self.versions,
                "publisherPolicyArn": self.publisher_policy_arn,
            }
        )

    def _child(self, *, keeps_images: bool = False) -> pulumi.ResourceOptions:
        """keeps_images: deleting the child would lose what was published. None, not False, leaves the component's own
        `protect` to the child."""
        return pulumi.ResourceOptions(parent=self, protect=(keeps_images and self._options.protect) or None)

    def _repository(self, logical_name: str, repository: str) -> ecr.Repository:
        options = self._options
        encryption = (
            ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=options.kms_key)
            if options.kms_key
            else ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")
        )
        return ecr.Repository(
            logical_name,
            name=repository,
            image_tag_mutability="IMMUTABLE" if options.immutable else "MUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=options.scan_on_push
            ),
            encryption_configurations=[encryption],
            force_delete=options.force_delete,
            tags=dict(options.tags),
            opts=self._child(keeps_images=True),
        )

    def _publish(self, archive: str, catalogue: Catalogue, entries: list[PackSettings]) -> dict[str, PublishedPack]:
        settings = {entry.path: entry for entry in entries}
        published: dict[str, PublishedPack] = {}
        for pack, versions in catalogue.packs.items():
            how = settings[catalogue.found_by[pack]]
            repository = self._repository(f"{self._name}-{pack}", f"{archive}/{pack}")
            published[pack] = PublishedPack(
                f"{self._name}-{pack}",
                repository=repository.repository_url,
                sources=[os.path.relpath(version.folder) for version in versions],
                overwrite=how.overwrite,
                unpublish=how.unpublish,
                keep_versions=None if how.keep_versions == "all" else how.keep_versions,
                opts=self._child(keeps_images=True),
            )
        return published

    def _policy(self, base_arn: pulumi.Output[str], access: AccessSettings) -> iam.Policy:
        document = base_arn.apply(lambda arn: json.dumps(policies.publisher(f"{arn.removesuffix('/' + PACKS_PATH)}/*")))
        policy = iam.Policy(
            f"{self._name}-publisher",
            description="Publish Spectro Cloud Palette packs",  # a change would replace the policy
            policy=document,
            tags=dict(self._options.tags),
            opts=self._child(),
        )
        for role in access.publishers.roles:
            iam.RolePolicyAttachment(
                f"{self._name}-publisher-role-{role}", role=role, policy_arn=policy.arn, opts=self._child()
            )
        for user in access.publishers.users:
            iam.UserPolicyAttachment(
                f"{self._name}-publisher-user-{user}", user=user, policy_arn=policy.arn, opts=self._child()
            )
        return policy


def _digests(versions: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {version: record["manifestDigest"] for version, record in sorted(versions.items())}
