"""The AWS provider's configuration, as far as a push needs it: typed, and every mistake in it at once.

The values arrive as the engine hands them to plugins: texts, with lists, objects, numbers and booleans as JSON. The
rules are those of terraform-provider-aws (internal/provider, assume_role and assume_role_with_web_identity). An empty
text, list or object counts as absent, as it does there; an empty role in a list doesn't.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from packinfra.aws.config_keys import KEYS, READ, Use
from packinfra.aws.config_values import Values
from packinfra.http.addresses import is_host
from packinfra.oci.auth.credentials import CredentialsError
from packinfra.text import quoted

SERVICES = ("ecr", "iam", "sts")
"""Services whose API packinfra uses."""
ROLE = (
    "duration", "externalId", "policy", "policyArns", "roleArn", "sessionName", "sourceIdentity", "tags",
    "transitiveTagKeys",
)  # fmt: skip
WEB_IDENTITY = (
    "duration", "policy", "policyArns", "roleArn", "sessionName", "webIdentityToken", "webIdentityTokenFile",
)  # fmt: skip
"""Fields of the provider's schema, all of which are passed on."""


@dataclass(frozen=True)
class AssumeRole:
    """One role, with the fields of the provider's assumeRoles. seconds: of a session"""

    arn: str
    session_name: str | None = None
    seconds: int | None = None
    external_id: str | None = field(default=None, repr=False)
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tag_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class WebIdentity:
    """A role that is assumed with a token: the token itself, or a file that holds it."""

    role: AssumeRole
    token: str | None = field(default=None, repr=False)
    token_file: str | None = None


@dataclass(frozen=True)
class AwsConfig:
    """What the provider's configuration says about identity, accounts and the way to AWS. No secret shows in a repr."""

    profile: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    assume_roles: tuple[AssumeRole, ...] = ()
    web_identity: WebIdentity | None = None
    config_file: str | None = None
    credentials_file: str | None = None
    instance_metadata: bool = True
    metadata_endpoint: str | None = None
    metadata_endpoint_mode: str | None = None
    allowed_accounts: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()
    sts_region: str | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)  # service -> URL
    use_fips: bool = False
    use_dualstack: bool = False
    ca_file: str | None = None
    max_attempts: int | None = None
    retry_mode: str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AwsConfig:
        """From a stack's config, keys like "aws:profile". Raises CredentialsError with every problem."""
        found, problems = read(config)
        if problems:
            lines = "\n".join(f"  {problem}" for problem in problems)
            raise CredentialsError(f"the AWS configuration has problems:\n{lines}\n  -> correct it; nothing was sent")
        return found

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a message must not show."""
        token = self.web_identity.token if self.web_identity else None
        return tuple(filter(None, (self.secret_key, self.token, token)))

    def acting_as(self, profile: str | None, role_arn: str | None) -> AwsConfig:
        """The same with another identity: a profile instead of keys and roles, and one more role on top."""
        chosen = self
        if profile:
            chosen = replace(
                self, profile=profile, access_key=None, secret_key=None, token=None, assume_roles=(), web_identity=None
            )
        return replace(chosen, assume_roles=(*chosen.assume_roles, AssumeRole(role_arn))) if role_arn else chosen

    def as_identity_of(self, other: AwsConfig) -> AwsConfig:
        """The same, with the identity of `other`."""
        names = ("profile", "access_key", "secret_key", "token", "assume_roles", "web_identity", "config_file",
                 "credentials_file", "instance_metadata", "metadata_endpoint", "metadata_endpoint_mode")  # fmt: skip
        return replace(self, **{name: getattr(other, name) for name in names})

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

    def missing_files(self) -> list[str]:
        """Problems: files that it names and that aren't on this machine."""
        named = {
            "sharedConfigFiles": self.config_file,
            "sharedCredentialsFiles": self.credentials_file,
            "customCaBundle": self.ca_file,
            "assumeRoleWithWebIdentity.webIdentityTokenFile": self.web_identity and self.web_identity.token_file,
        }
        return [
            f"aws:{key}: {path}: no such file (relative paths start at {os.getcwd()})"
            for key, path in named.items()
            if path and not os.path.isfile(expanded(path))
        ]


def expanded(path: str) -> str:
    """~ and $VARIABLES, as botocore and the provider expand them."""
    return os.path.expanduser(os.path.expandvars(path))


def read(config: Mapping[str, Any]) -> tuple[AwsConfig, list[str]]:
    """(the configuration as far as it is valid, the problems of the rest). Keys are like "aws:profile"."""
    values = Values("aws:", {key: config.get(f"aws:{key}") for key in READ})
    for key in KEYS:
        # "false" for a switch, and an empty text, ask for nothing
        if key.use is Use.REFUSED and values.get(key.name) not in (None, "false", False, "False"):
            values.problem(key.name, key.why)
    if bool(values.get("accessKey")) != bool(values.get("secretKey")):
        values.problem("accessKey", "aws:accessKey and aws:secretKey belong together; set both, or none")
    found = AwsConfig(
        profile=values.text("profile"),
        access_key=values.text("accessKey"),
        secret_key=values.text("secretKey"),
        token=values.text("token"),
        assume_roles=tuple(role for each in values.objects_in("assumeRoles", ROLE) if (role := _role(each))),
        web_identity=_web_identity(values.object_at("assumeRoleWithWebIdentity", WEB_IDENTITY)),
        config_file=_one_file(values, "sharedConfigFiles"),
        credentials_file=_one_file(values, "sharedCredentialsFiles"),
        instance_metadata=not values.flag("skipMetadataApiCheck"),
        metadata_endpoint=values.text("ec2MetadataServiceEndpoint"),
        metadata_endpoint_mode=values.choice("ec2MetadataServiceEndpointMode", ("IPv4", "IPv6")),
        allowed_accounts=_accounts(values, "allowedAccountIds"),
        forbidden_accounts=_accounts(values, "forbiddenAccountIds"),
        sts_region=values.text("stsRegion"),
        endpoints=_endpoints(values),
        use_fips=values.flag("useFipsEndpoint"),
        use_dualstack=values.flag("useDualstackEndpoint"),
        ca_file=values.text("customCaBundle"),
        max_attempts=values.number("maxRetries") or None,  # 0 is the provider's default too
        retry_mode=values.choice("retryMode", ("standard", "adaptive")),
        default_tags=tags.texts_by_key("tags") if (tags := values.object_at("defaultTags")) else {},
    )
    for name, text in (("accessKey", found.access_key), ("secretKey", found.secret_key), ("token", found.token)):
        if text and not re.fullmatch("[!-~]+", text):
            values.problem(name, "it holds a blank, a line break or another character that no key has; set it again")
    return found, values.problems


def _role(values: Values) -> AssumeRole | None:
    arn = values.text("roleArn")
    role = AssumeRole(
        arn=arn or "",
        session_name=values.text("sessionName"),
        seconds=values.session_seconds("duration"),
        external_id=values.text("externalId"),
        policy=values.text("policy"),
        policy_arns=values.texts("policyArns"),
        source_identity=values.text("sourceIdentity"),
        tags=values.texts_by_key("tags"),
        transitive_tag_keys=values.texts("transitiveTagKeys"),
    )
    if arn:
        return role
    values.problem("roleArn", "missing; write the ARN of the role, or remove the entry")
    return None


def _web_identity(values: Values | None) -> WebIdentity | None:
    if values is None:
        return None
    token, file = values.text("webIdentityToken"), values.text("webIdentityTokenFile")
    if bool(token) == bool(file):
        values.problem("webIdentityToken", "write either webIdentityToken or webIdentityTokenFile")
    role = _role(values)
    return WebIdentity(role, token, file) if role else None


def _accounts(values: Values, key: str) -> frozenset[str]:
    accounts = values.texts(key)
    for account in accounts:
        if not (account.isascii() and account.isdigit() and len(account) == 12):
            values.problem(key, f"{quoted(account)} is no account: write its 12 digits in quotes")
    return frozenset(accounts)


def _one_file(values: Values, key: str) -> str | None:
    files = values.texts(key)
    if len(files) > 1:
        values.problem(key, "boto3, with which packs are pushed, reads one such file: put the profiles into one file")
    return files[0] if files else None


def _endpoints(values: Values) -> Mapping[str, str]:
    endpoints: dict[str, str] = {}
    for each in values.objects_in("endpoints"):
        for service in SERVICES:
            if url := each.text(service):
                endpoints[service] = url
                if not _is_endpoint(url):
                    each.problem(
                        service, "write the URL of an endpoint: https://HOST, with a port or path if it has one"
                    )
    return endpoints


def _is_endpoint(url: str) -> bool:
    """Without a login, which would show in messages."""
    try:
        scheme, place, *_ = urlsplit(url)
    except ValueError:
        return False
    return scheme in ("https", "http") and is_host(place)
