"""The ECR repositories of EcrPackRegistry, with their lifecycle and repository policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from packinfra.aws import policies
from packinfra.aws.lifecycle_policy import lifecycle_policy
from packinfra.components._adopt_hint import KEPT_ON_IMPORT, explain_existing_repository
from packinfra.settings import RepositorySettings
from packinfra.settings.access import PullSettings


@dataclass(frozen=True)
class EcrRepositories:
    """Declares repositories."""

    name: str  # of the component
    base: str  # name of the base repository
    settings: RepositorySettings
    pull: PullSettings | None
    child: Callable[[], pulumi.ResourceOptions]  # options of a child of the component

    def declare_base(self) -> ecr.Repository:
        if self.settings.base_repository == "existing":  # read, never changed, never deleted
            return ecr.Repository.get(self.name, self.base, opts=self.child())
        line = "packinfra:repositories: {baseRepository: existing}"
        return self._declare(self.name, self.base, line, self.child())

    def declare_pack(self, pack: str) -> ecr.Repository:
        logical_name, repository, opts = f"{self.name}-{pack}", f"{self.base}/{pack}", self.child()
        if pack in self.settings.import_repositories:
            opts.import_, opts.ignore_changes = repository, KEPT_ON_IMPORT
        line = f"packinfra:repositories: {{importRepositories: [{pack}]}}"
        resource = self._declare(logical_name, repository, line, opts)
        if lifecycle := self.settings.lifecycle:
            policy = lifecycle_policy(
                protect_tags=lifecycle.protect_tags,
                expire_untagged_after_days=lifecycle.expire_untagged_after_days,
                keep_newest=lifecycle.keep_newest,
            )
            ecr.LifecyclePolicy(logical_name, repository=resource.name, policy=json.dumps(policy), opts=self.child())
        return resource

    def _declare(self, logical_name: str, repository: str, line: str, opts: pulumi.ResourceOptions) -> ecr.Repository:
        settings = self.settings
        explain_existing_repository(opts, repository, line)
        opts.protect = settings.protect or None  # None, not False: a child inherits the component's own `protect`
        mutability = "IMMUTABLE" if settings.immutable else "MUTABLE"
        resource = ecr.Repository(
            logical_name,
            name=repository,
            image_tag_mutability=f"{mutability}_WITH_EXCLUSION" if settings.except_tags else mutability,
            image_tag_mutability_exclusion_filters=[
                ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=tags, filter_type="WILDCARD")
                for tags in settings.except_tags
            ],
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(
                scan_on_push=settings.scan_on_push
            ),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=settings.kms_key)
                if settings.kms_key
                else ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")
            ],
            force_delete=settings.force_delete,
            tags=dict(settings.tags),
            opts=opts,
        )
        pull = self.pull
        if pull and (pull.principals or pull.organization):
            document = resource.arn.apply(
                lambda arn: json.dumps(
                    policies.pull([policies.principal_arn(p, arn) for p in pull.principals], pull.organization)
                )
            )
            ecr.RepositoryPolicy(logical_name, repository=resource.name, policy=document, opts=self.child())
        return resource
