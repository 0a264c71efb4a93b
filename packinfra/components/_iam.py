"""The IAM policies and roles of EcrPackRegistry, and their attachments, from the settings' `access`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import iam

from packinfra.aws import policies
from packinfra.components._palette import RoleTrust
from packinfra.resources.removal_check import PolicyAttachments
from packinfra.settings.access import CiSettings, GranteeSettings


@dataclass(frozen=True)
class Iam:
    """Declares policies and roles. A changed description would replace a policy, so descriptions stay as they are."""

    name: str  # of the component
    repositories: pulumi.Output[str]  # ARN pattern of all repositories under the base path
    tags: dict[str, str]
    child: Callable[[], pulumi.ResourceOptions]  # options of a child of the component
    policies: dict[str, PolicyAttachments] = field(default_factory=dict)  # by kind, once declared; likewise the others
    roles: list[iam.Role] = field(default_factory=list)
    attachments: list[pulumi.Resource] = field(default_factory=list)

    def declare_publisher(self, grantees: GranteeSettings) -> iam.Policy:
        policy = self._policy("publisher", "Publish Spectro Cloud Palette packs", policies.publisher)
        self._attach("publisher", policy, grantees.roles, grantees.users)
        return policy

    def declare_pusher(
        self, grantees: GranteeSettings | None, ci: CiSettings | None
    ) -> tuple[iam.Policy | None, iam.Role | None]:
        """(the policy; the role of the CI system's jobs)"""
        if not (grantees or ci):
            return None, None
        policy = self._policy("pusher", "Push versions of Spectro Cloud Palette packs", policies.pusher)
        if grantees:
            self._attach("pusher", policy, grantees.roles, grantees.users)
        if not ci:
            return policy, None
        role = self._role(
            "ci",
            lambda arn: policies.trust_oidc(
                policies.oidc_provider_arn(ci.issuer, arn), ci.issuer, ci.audience, ci.subjects
            ),
        )
        self._attach_to_role("pusher-ci", policy, role.name, kind="pusher")
        return policy, role

    def declare_reader(
        self, users: Sequence[str], trust: RoleTrust | None
    ) -> tuple[iam.Policy, iam.Role | None, Sequence[pulumi.Resource]]:
        """(the policy; the role that `trust` may assume; the attachments of the policy)"""
        policy = self._policy("reader", "Read Spectro Cloud Palette packs", policies.reader)
        attachments = self._attach("reader", policy, (), users)
        if not trust:
            return policy, None, attachments
        role = self._role(
            "reader",
            lambda arn, principal, external_id: policies.trust(policies.principal_arn(principal, arn), external_id),
            *trust,
        )
        return policy, role, [*attachments, self._attach_to_role("reader", policy, role.name, kind="reader")]

    def _policy(self, kind: str, description: str, document: Callable[[str], Any]) -> iam.Policy:
        policy = iam.Policy(
            f"{self.name}-{kind}",
            description=description,
            policy=self.repositories.apply(lambda arn: json.dumps(document(arn))),
            tags=self.tags,
            opts=self.child(),
        )
        self.policies[kind] = PolicyAttachments(arn=policy.arn, roles=[], users=[])
        return policy

    def _role(self, kind: str, trust: Callable[..., Any], *values: pulumi.Input[str]) -> iam.Role:
        """trust: makes the trust policy of the repositories' ARN and `values`"""
        role = iam.Role(
            f"{self.name}-{kind}",
            assume_role_policy=pulumi.Output.all(self.repositories, *values).apply(
                lambda known: json.dumps(trust(*known))
            ),
            tags=self.tags,
            opts=self.child(),
        )
        self.roles.append(role)
        return role

    def _attach(
        self, kind: str, policy: iam.Policy, roles: Sequence[str], users: Sequence[str]
    ) -> list[pulumi.Resource]:
        attachments: list[pulumi.Resource] = [
            self._attach_to_role(f"{kind}-role-{role}", policy, role, kind=kind) for role in roles
        ]
        for user in users:
            logical_name = f"{self.name}-{kind}-user-{user}"
            attachments.append(
                iam.UserPolicyAttachment(logical_name, user=user, policy_arn=policy.arn, opts=self.child())
            )
            self.attachments.append(attachments[-1])
        self.policies[kind]["users"] = users
        return attachments

    def _attach_to_role(
        self, name: str, policy: iam.Policy, role: pulumi.Input[str], *, kind: str
    ) -> iam.RolePolicyAttachment:
        """kind: of the policy"""
        attachment = iam.RolePolicyAttachment(
            f"{self.name}-{name}", role=role, policy_arn=policy.arn, opts=self.child()
        )
        self.policies[kind]["roles"] = [*self.policies[kind]["roles"], role]
        self.attachments.append(attachment)
        return attachment
