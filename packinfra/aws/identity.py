"""The AWS identity of a push: what the AWS provider's configuration says, else boto3's chain.

boto3 knows nothing of `pulumi config set aws:profile`, so a push would use another identity than the AWS provider of
the same stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.exceptions
import botocore.parsers
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from packinfra.aws import network
from packinfra.aws.config import AssumeRole, AwsConfig, WebIdentity, expanded
from packinfra.oci.auth.credentials import CredentialsError

_REMEDY = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or aws:profile in the stack file; "
    "aws sts get-caller-identity shows whether they work"
)
_NOT_AWS = "check aws:endpoints, and what stands between here and AWS (proxy, login page)"
_REMEDIES: dict[str, str] = {
    "MissingDependencyException": "install packinfra[pulumi] again: it brings awscrt, which `aws login` sessions need",
    "LoginTokenLoadError": "run aws login with this profile",
    "LoginRefreshRequired": "run aws login with this profile",
    "LoginInsufficientPermissions": "allow signin:CreateOAuth2Token, or run aws login with this profile",
    "SSOTokenLoadError": "run aws sso login with this profile",
    "UnauthorizedSSOTokenError": "run aws sso login with this profile",
    "ExpiredToken": "get new temporary credentials where these came from, and run the same command again",
    "ExpiredTokenException": "get new temporary credentials where these came from, and run the same command again",
}
"""Exception of botocore, or error code of AWS -> what to do."""
_UNREADABLE = (
    botocore.parsers.ResponseParserError, ValueError, LookupError, AttributeError, TypeError, RuntimeError,
)  # fmt: skip
"""What boto3 raises for a response, a file or the output of a program that has another shape: it judges none."""
_ADVISORY, _MANDATORY = 300, 120
"""Seconds before the end of a role's session at which it is renewed. botocore's own 15 minutes would renew the shortest
session at every request."""


@dataclass(frozen=True)
class Identity:
    """Credentials, which renew themselves, and the way to AWS."""

    config: AwsConfig
    region: str
    session: boto3.Session

    def client(self, service: str, *, fips: bool = False, unsigned: bool = False) -> Any:
        """A client of boto3. fips: the registry's host asks for it. Raises botocore's exceptions."""
        config = self.config
        retries: Any = {"mode": config.retry_mode or "standard", "total_max_attempts": config.max_attempts or 5}
        endpoint = config.endpoints.get(service)
        options: dict[str, Any] = {}
        if endpoint:  # as the AWS provider does: an endpoint that is given is taken as it is
            options |= {"use_fips_endpoint": False, "use_dualstack_endpoint": False}
        else:  # None: the environment and the profile decide
            options["use_fips_endpoint"] = fips or config.use_fips or None
            options["use_dualstack_endpoint"] = config.use_dualstack or None
        if unsigned:
            options["signature_version"] = UNSIGNED
        return self.session.client(
            service,  # type: ignore[call-overload]  # boto3's stubs want a literal
            region_name=(config.sts_region if service == "sts" else None) or self.region,
            endpoint_url=endpoint,
            config=Config(retries=retries, **options),
        )


def identity(config: AwsConfig, region: str) -> Identity:
    """Who pushes to the registries in `region`: the one that `config` names, else that of boto3's own chain.

    Roles are assumed at once. Raises CredentialsError for a profile or file that doesn't exist, a role that can't be
    assumed, or an expired session.
    """
    if missing := config.missing_files():
        raise CredentialsError("no usable AWS credentials: " + "; ".join(missing) + "\n  -> correct the path")
    with explained("no usable AWS credentials", config):
        current = Identity(config, region, _own_session(config, region))
        current.session.get_credentials()  # here, so that what is wrong with them is said as such
        if config.web_identity:
            current = _renewed(current, "web-identity", _with_token(current, config.web_identity))
        for role in config.assume_roles:
            current = _renewed(current, "assume-role", _with_role(current, role))
    return current


@contextmanager
def explained(failed: str, config: AwsConfig) -> Iterator[None]:
    """Turns whatever boto3 raises into a CredentialsError.

    Args:
        failed: Begins the message: "could not list the images of r".
        config: Its secrets don't show.
    """
    try:
        yield
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError) as error:
        raise CredentialsError(f"{failed}: {network.shown(error, config.secrets)}\n  -> {_remedy(error)}") from error
    except _UNREADABLE as error:
        # botocore quotes the XML of a response that it can't parse, which may hold the credentials of a role
        text = network.shown(f"{type(error).__name__}: {error}".partition(", invalid XML")[0], config.secrets)
        raise CredentialsError(
            f"{failed}: a response, a file or a program behind the credentials says something else than expected ({text})\n"
            f"  -> {_NOT_AWS}; and the profile's credential_process or token file, if it has one"
        ) from error


def trusted_file(config: AwsConfig) -> str | None:
    """The PEM file of the CAs that the AWS provider trusts too: aws:customCaBundle, else the profile's ca_bundle."""
    path = config.ca_file
    if not path:
        with suppress(botocore.exceptions.BotoCoreError):  # said when the identity is needed
            path = _core(config).get_scoped_config().get("ca_bundle")
    return expanded(path) if path else None


def error_code(error: botocore.exceptions.ClientError) -> str:
    """AWS's own; the status of a response that has none, or "": botocore makes what it can of a page."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _remedy(error: Exception) -> str:
    code = ""
    if isinstance(error, botocore.exceptions.ClientError):
        code = error_code(error)
        if not code or code.isdigit():  # the status, where the body has no code of AWS
            return _NOT_AWS
    return _REMEDIES.get(code) or _REMEDIES.get(type(error).__name__) or _REMEDY


def _core(config: AwsConfig) -> botocore.session.Session:
    """With the configuration's profile and files."""
    core = botocore.session.Session(profile=config.profile)
    variables = {
        "config_file": config.config_file,
        "credentials_file": config.credentials_file,
        "ec2_metadata_service_endpoint": config.metadata_endpoint,
        "ec2_metadata_service_endpoint_mode": config.metadata_endpoint_mode,
    }
    for name, value in variables.items():
        if value:
            core.set_config_variable(name, value)
    return core


def _own_session(config: AwsConfig, region: str) -> boto3.Session:
    """The configuration's profile or keys, before any role."""
    core = _core(config)
    core.set_config_variable("region", region)
    if config.access_key and config.secret_key:
        core.set_credentials(config.access_key, config.secret_key, config.token)
    elif not config.instance_metadata:
        core.get_component("credential_provider").remove("iam-role")
    return _session(core, config)


def _session(core: botocore.session.Session, config: AwsConfig) -> boto3.Session:
    return network.session(core, expanded(config.ca_file) if config.ca_file else None)


def _with_role(source: Identity, role: AssumeRole) -> Callable[[], Any]:
    sts, arguments = source.client("sts"), _arguments(role)
    return lambda: sts.assume_role(**arguments)


def _with_token(source: Identity, web: WebIdentity) -> Callable[[], Any]:
    sts, arguments = source.client("sts", unsigned=True), _arguments(web.role)

    def assume() -> Any:
        token = web.token
        if web.token_file:
            with open(expanded(web.token_file), encoding="utf-8") as file:
                token = file.read().strip()
        return sts.assume_role_with_web_identity(WebIdentityToken=token, **arguments)

    return assume


def _arguments(role: AssumeRole) -> dict[str, Any]:
    """Of AssumeRole; those that AssumeRoleWithWebIdentity doesn't have are absent from its configuration too."""
    arguments = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session_name or "packinfra",
        "DurationSeconds": role.seconds,
        "ExternalId": role.external_id,
        "Policy": role.policy,
        "PolicyArns": [{"arn": arn} for arn in role.policy_arns],
        "SourceIdentity": role.source_identity,
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
        "TransitiveTagKeys": list(role.transitive_tag_keys),
    }
    return {name: value for name, value in arguments.items() if value}


def _renewed(source: Identity, method: str, assume: Callable[[], Any]) -> Identity:
    """The identity that `assume` gives, once now and again whenever it is about to end."""

    def metadata() -> dict[str, str]:
        got = assume()["Credentials"]
        return {
            "access_key": got["AccessKeyId"],
            "secret_key": got["SecretAccessKey"],
            "token": got["SessionToken"],
            "expiry_time": got["Expiration"].isoformat(),
        }

    credentials = RefreshableCredentials.create_from_metadata(
        metadata(), metadata, method, advisory_timeout=_ADVISORY, mandatory_timeout=_MANDATORY
    )
    core = _core(source.config)
    core.register_component("credential_provider", CredentialResolver([_Given(credentials)]))
    return Identity(source.config, source.region, _session(core, source.config))


class _Given(CredentialProvider):
    METHOD = CANONICAL_NAME = "given"

    def __init__(self, credentials: RefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RefreshableCredentials:
        return self._credentials
