"""The IAM side of EcrPackRegistry: policies, roles, and who gets them, from the settings' `access`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import iam

from packinfra.aws import policies
from packinfra.components._palette import Login
from packinfra.settings import AccessSettings


@dataclass(frozen=True)
class Granted:
    """What was made; None where `access` asks for none."""

    publisher_policy: iam.Policy
    pusher_policy: iam.Policy | None
    reader_policy: iam.Policy | None
    ci_role: iam.Role | None
    reader_role: iam.Role | None
    reader_login: Login | None
    """Palette's, with the reader role, once that may read."""
    users_may_read: Sequence[pulumi.Resource]
    """What must be there before the users of `access.reader` may read: Palette's is one of them, perhaps."""


@dataclass(frozen=True)
class Trusted:
    """Who may assume the reader role: an AWS account or ARN, giving the ExternalId."""

    principal: pulumi.Input[str]
    external_id: pulumi.Input[str]

    @classmethod
    def by(cls, access: AccessSettings) -> Trusted | None:
        reader = access.reader
        return cls(reader.principal, reader.external_id) if reader and reader.principal and reader.external_id else None


def grant(
    name: str,
    access: AccessSettings,
    repositories: pulumi.Output[str],
    tags: dict[str, str],
    opts: Callable[[], pulumi.ResourceOptions],
    *,
    trusted: Trusted | None,
) -> Granted:
    """
    repositories: the ARN pattern of all repositories below the base path, which also says account and partition
    trusted:      who gets a reader role; None = nobody does
    """
    make = _Maker(name, repositories, tags, opts)
    publisher = make.policy("publisher", "Publish Spectro Cloud Palette packs", policies.publisher)
    make.attach("publisher", publisher, access.publishers.roles, access.publishers.users)
    pusher = reader = ci_role = reader_role = login = None
    users_may_read: Sequence[pulumi.Resource] = ()
    if access.pushers is not None or access.ci:
        pusher = make.policy("pusher", "Push versions of Spectro Cloud Palette packs", policies.pusher)
    if pusher and access.pushers:
        make.attach("pusher", pusher, access.pushers.roles, access.pushers.users)
    if pusher and (ci := access.ci):
        ci_role = make.role(
            "ci", lambda arn: policies.trust_oidc(_provider(ci.issuer, arn), ci.issuer, ci.audience, ci.subjects)
        )
        make.attach_role("pusher-ci", pusher, ci_role.name)
    if access.reader or trusted:
        reader = make.policy("reader", "Read Spectro Cloud Palette packs", policies.reader)
    if reader and access.reader:
        users_may_read = make.attach("reader", reader, (), access.reader.users)
    if reader and trusted:
        reader_role = make.role(
            "reader",
            lambda arn, principal, external_id: policies.trust(as_arn(principal, arn), external_id),
            trusted.principal,
            trusted.external_id,
        )
        attached = make.attach_role("reader", reader, reader_role.name)
        login = Login(reader_role.arn, trusted.external_id, ready=[attached])
    return Granted(publisher, pusher, reader, ci_role, reader_role, login, users_may_read)


def as_arn(principal: str, arn: str) -> str:
    """An account's number as the ARN that AWS makes of it, so that reading it back is no change. `arn` is any ARN of
    the same partition."""
    return f"arn:{arn.split(':')[1]}:iam::{principal}:root" if principal.isdigit() else principal


def _provider(issuer: str, arn: str) -> str:
    """The ARN under which the account that `arn` names knows the issuer."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"


class _Maker:
    """Makes the children; a changed description would replace a policy, so those stay as they are."""

    def __init__(
        self,
        name: str,
        repositories: pulumi.Output[str],
        tags: dict[str, str],
        opts: Callable[[], pulumi.ResourceOptions],
    ) -> None:
        self._name, self._repositories, self._tags, self._opts = name, repositories, tags, opts

    def policy(self, kind: str, description: str, document: Callable[[str], Any]) -> iam.Policy:
        return iam.Policy(
            f"{self._name}-{kind}",
            description=description,
            policy=self._repositories.apply(lambda arn: json.dumps(document(arn))),
            tags=self._tags,
            opts=self._opts(),
        )

    def role(self, kind: str, trust: Callable[..., Any], *values: pulumi.Input[str]) -> iam.Role:
        """trust: takes the repositories' ARN and `values`."""
        return iam.Role(
            f"{self._name}-{kind}",
            assume_role_policy=pulumi.Output.all(self._repositories, *values).apply(
                lambda all_: json.dumps(trust(*all_))
            ),
            tags=self._tags,
            opts=self._opts(),
        )

    def attach(
        self, kind: str, policy: iam.Policy, roles: Sequence[str], users: Sequence[str]
    ) -> Sequence[pulumi.Resource]:
        return [
            *(self.attach_role(f"{kind}-role-{role}", policy, role) for role in roles),
            *(self.attach_user(f"{kind}-user-{user}", policy, user) for user in users),
        ]

    def attach_role(self, kind: str, policy: iam.Policy, role: pulumi.Input[str]) -> iam.RolePolicyAttachment:
        logical_name = f"{self._name}-{kind}"
        return iam.RolePolicyAttachment(logical_name, role=role, policy_arn=policy.arn, opts=self._opts())

    def attach_user(self, kind: str, policy: iam.Policy, user: str) -> iam.UserPolicyAttachment:
        logical_name = f"{self._name}-{kind}"
        return iam.UserPolicyAttachment(logical_name, user=user, policy_arn=policy.arn, opts=self._opts())
