"""The ECR repositories of EcrPackRegistry, with their lifecycle and repository policies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pulumi
from pulumi_aws import ecr

from packinfra.aws import policies
from packinfra.aws.lifecycle_policy import lifecycle_policy
from packinfra.components._adopt_hint import KEPT_ALWAYS, KEPT_ON_IMPORT, explain_existing_repository
from packinfra.components._futures import value
from packinfra.settings import PACKS_PATH, RepositorySettings
from packinfra.settings.access import PullSettings


@dataclass(frozen=True)
class EcrRepositories:
    """Declares repositories.

    Logical names contain the base path, so that another base path makes new repositories and deletes the old ones at the
    end of the run, when the packs are published in the new ones. Under one name the AWS provider would delete each
    repository before it creates the next (the bridge's nameRequiresDeleteBeforeReplace).
    """

    name: str  # of the component
    base_path: str
    settings: RepositorySettings
    pull: PullSettings | None
    child: Callable[[], pulumi.ResourceOptions]  # options of a child of the component
    policies: list[pulumi.Resource] = field(default_factory=list)  # lifecycle and repository policies, once declared
    _declared: list[tuple[str, ecr.Repository]] = field(default_factory=list)  # with the repository's name

    @property
    def base(self) -> str:
        """The name of the base repository."""
        return f"{self.base_path}/{PACKS_PATH}"

    def declare_base(self) -> ecr.Repository:
        if self.settings.base_repository == "existing":  # read, never changed, never deleted
            return ecr.Repository.get(self._logical_name(self.name), self.base, opts=self.child())
        line = "packinfra:repositories: {baseRepository: existing}"
        return self._declare(self._logical_name(self.name), self.base, line, self.child())

    def declare_pack(self, pack: str) -> ecr.Repository:
        return self.declare(pack, f"{PACKS_PATH}/{pack}")

    def declare(self, name: str, path: str) -> ecr.Repository:
        """path: below the base path; name: in the settings, and in the logical name"""
        logical_name, opts = self._logical_name(f"{self.name}-{name}"), self.child()
        repository = f"{self.base_path}/{path}"
        if name in self.settings.import_repositories:
            opts.import_, opts.ignore_changes = repository, KEPT_ON_IMPORT
        line = f"packinfra:repositories: {{importRepositories: [{name}]}}"
        resource = self._declare(logical_name, repository, line, opts)
        if lifecycle := self.settings.lifecycle:
            policy = lifecycle_policy(
                protect_tags=lifecycle.protect_tags,
                expire_untagged_after_days=lifecycle.expire_untagged_after_days,
                keep_newest=lifecycle.keep_newest,
            )
            text = json.dumps(policy)
            self.policies.append(
                ecr.LifecyclePolicy(logical_name, repository=resource.name, policy=text, opts=self.child())
            )
        return resource

    def check_encryption(self, component: pulumi.Resource) -> None:
        """Names the repositories with another encryption than the settings ask for: see `_declare`."""
        # One Output for all: the SDK looks through all open Outputs whenever one is done.
        pulumi.Output(set(), asyncio.ensure_future(self._compare_encryption(component)), value(True))

    async def _compare_encryption(self, component: pulumi.Resource) -> None:
        wanted, others = _Encryption.of_settings(self.settings), list[str]()
        for repository, resource in self._declared:
            actual = _Encryption.of(await resource.encryption_configurations.future())
            if actual and actual != wanted:
                others.append(repository.removeprefix(f"{self.base_path}/"))
        if others:
            pulumi.log.info(
                f"not encrypted as repositories.kmsKey says ({wanted}): {', '.join(others)}. ECR encrypts a repository only "
                "when it creates it, so these stay as they are; docs/settings.md says how to move them",
                component,
            )

    def _logical_name(self, name: str) -> str:
        return f"{name}@{self.base_path}"

    def _declare(self, logical_name: str, repository: str, line: str, opts: pulumi.ResourceOptions) -> ecr.Repository:
        settings = self.settings
        explain_existing_repository(opts, logical_name, repository, line)
        opts.protect = settings.protect or None  # None, not False: a child inherits the component's own `protect`
        # The key of an existing repository can't be changed, and no setting can name AWS's own key or KMS_DSSE: so
        # another key is no reason to replace a repository with everything in it (containers-roadmap; field case B31).
        opts.ignore_changes = opts.ignore_changes or KEPT_ALWAYS
        # Another region: the new repository first, and with the settings' key, since the engine ignores no changes in a
        # replacement. It overrides the AWS provider, which deletes first.
        opts.delete_before_replace = False
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
            policy_opts = self.child()
            policy_opts.delete_before_replace = False  # likewise
            self.policies.append(
                ecr.RepositoryPolicy(logical_name, repository=resource.name, policy=document, opts=policy_opts)
            )
        self._declared.append((repository, resource))
        return resource


class _Encryption(NamedTuple):
    """type: AES256, KMS, KMS_DSSE; key: the KMS key's ARN, "" with AES256"""

    type: str
    key: str = ""

    @classmethod
    def of_settings(cls, settings: RepositorySettings) -> _Encryption:
        return cls("KMS", settings.kms_key) if settings.kms_key else cls("AES256")

    @classmethod
    def of(cls, outputs: Sequence[Any] | None) -> _Encryption | None:
        """From a repository's output; None if it isn't known."""
        if not outputs:
            return None
        return cls(outputs[0].encryption_type or "AES256", outputs[0].kms_key or "")

    def __str__(self) -> str:
        return " ".join(filter(None, self))
