"""The AWS identity of a publish: the stack's own `aws:` config, else boto3's chain.

boto3 knows nothing of `pulumi config set aws:profile`, so a push would use another identity than the AWS provider of
the same stack. The keys below are the provider's; their values arrive as the engine hands them to plugins: strings,
with lists and objects as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import botocore.exceptions
import botocore.session

from packinfra.aws import network
from packinfra.oci.auth.credentials import CredentialsError

_REMEDY = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or aws:profile in the stack file; "
    "aws sts get-caller-identity shows whether they work"
)


@dataclass(frozen=True)
class AwsConfig:
    """The `aws:` keys of a stack that say who we are. Nothing of it shows in a repr."""

    profile: str | None = field(default=None, repr=False)
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    region: str | None = field(default=None, repr=False)
    assume_roles: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    web_identity: Mapping[str, Any] | None = field(default=None, repr=False)
    allowed_accounts: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AwsConfig:
        """From a stack's config: keys like "aws:profile"; values as strings or already parsed."""

        def text(key: str) -> str | None:
            value = config.get(f"aws:{key}")
            return str(value) if value else None

        def parsed(key: str) -> Any:
            value = config.get(f"aws:{key}")
            return json.loads(value) if isinstance(value, str) and value else value

        single = parsed("assumeRole")
        roles = parsed("assumeRoles") or ([single] if single else [])
        return cls(
            profile=text("profile"),
            access_key=text("accessKey"),
            secret_key=text("secretKey"),
            token=text("token"),
            region=text("region"),
            assume_roles=tuple(roles),
            web_identity=parsed("assumeRoleWithWebIdentity") or None,
            allowed_accounts=frozenset(str(a) for a in parsed("allowedAccountIds") or ()),
            forbidden_accounts=frozenset(str(a) for a in parsed("forbiddenAccountIds") or ()),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a message must not show."""
        token = (self.web_identity or {}).get("webIdentityToken")
        return tuple(filter(None, (self.secret_key, self.token, token)))

    def acting_as(self, profile: str | None, role_arn: str | None) -> AwsConfig:
        """The same with another identity: a profile instead of keys and roles, and one more role on top."""
        chosen = self
        if profile:
            chosen = replace(
                self, profile=profile, access_key=None, secret_key=None, token=None, assume_roles=(), web_identity=None
            )
        return replace(chosen, assume_roles=(*chosen.assume_roles, {"roleArn": role_arn})) if role_arn else chosen

    def check_account(self, account: str, host: str) -> None:
        """Raises CredentialsError if the stack must not touch `account`, which the registry's host names."""
        if self.allowed_accounts and account not in self.allowed_accounts:
            allowed = ", ".join(sorted(self.allowed_accounts))
            raise CredentialsError(
                f"registry {host} belongs to AWS account {account}, but this stack may only touch {allowed} "
                "(aws:allowedAccountIds)\n  -> check that the credentials belong to this stack; nothing was published"
            )
        if account in self.forbidden_accounts:
            raise CredentialsError(
                f"registry {host} belongs to AWS account {account}, which aws:forbiddenAccountIds excludes\n"
                "  -> check that the credentials belong to this stack; nothing was published"
            )


def session(config: AwsConfig, region: str) -> boto3.Session:
    """A boto3 session for `region` with the identity that `config` names, else that of boto3's own chain.

    Raises CredentialsError for a profile that doesn't exist or a role that can't be assumed.
    """
    try:
        core = botocore.session.Session(profile=config.profile)
        if bool(config.access_key) != bool(config.secret_key):
            missing = "aws:secretKey" if config.access_key else "aws:accessKey"
            raise botocore.exceptions.PartialCredentialsError(provider="the stack's config", cred_var=missing)
        if config.access_key and config.secret_key:
            core.set_credentials(config.access_key, config.secret_key, config.token)
        current = _led(core, region)
        if config.web_identity:
            current = _assumed(current, region, "assume_role_with_web_identity", _web_identity(config.web_identity))
        for role in config.assume_roles:
            current = _assumed(current, region, "assume_role", _role(role))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError) as error:
        text = network.shown(error, config.secrets)
        raise CredentialsError(f"no usable AWS credentials: {text}\n  -> {_REMEDY}") from error
    return current


def explain(error: Exception, step: str) -> CredentialsError:
    """A CredentialsError for an exception of boto3 during a step."""
    return CredentialsError(f"could not {step}: {network.shown(error)}\n  -> {_REMEDY}")


def _role(role: Mapping[str, Any]) -> dict[str, Any]:
    arguments = {
        "RoleArn": role["roleArn"],
        "RoleSessionName": role.get("sessionName") or "packinfra",
        "ExternalId": role.get("externalId"),
        "Policy": role.get("policy"),
        "SourceIdentity": role.get("sourceIdentity"),
        "DurationSeconds": _seconds(role.get("duration")),
    }
    return {key: value for key, value in arguments.items() if value}


def _seconds(duration: str | None) -> int | None:
    """Of a Go duration such as "1h30m", as the provider takes it."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", duration)) if duration else None


def _web_identity(identity: Mapping[str, Any]) -> dict[str, Any]:
    token = identity.get("webIdentityToken")
    if not token:
        with open(identity["webIdentityTokenFile"], encoding="utf-8") as file:
            token = file.read().strip()
    return {
        "RoleArn": identity["roleArn"],
        "RoleSessionName": identity.get("sessionName") or "packinfra",
        "WebIdentityToken": token,
    }


def _assumed(base: boto3.Session, region: str, operation: str, arguments: dict[str, Any]) -> boto3.Session:
    got = getattr(base.client("sts"), operation)(**arguments)["Credentials"]
    core = botocore.session.Session()
    core.set_credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    return _led(core, region)


def _led(core: botocore.session.Session, region: str) -> boto3.Session:
    core.set_config_variable("region", region)
    return network.session(core)
