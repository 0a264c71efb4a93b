"""How a push reaches its registry, where the stack's config does not say it: one class for each kind of registry.

It is an input of the resources that push, so destroy knows it without the program. It holds no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class EcrAccess:
    """Access to ECR for a program with an explicit AWS provider: a push runs outside that provider.

    Args:
        profile: profile of the AWS config files; replaces the stack's `aws:profile` and keys.
        publisher_role_arn: role to assume for publishing, with the identity that is otherwise used.
        provider: the configuration of the explicit AWS provider as JSON, without secrets and without the prefix "aws:".
            It stands in for the stack's; its identity counts only without profile and publisher_role_arn.
    """

    kind: ClassVar[str] = "ecr"

    profile: str | None = None
    publisher_role_arn: str | None = None
    provider: str | None = None


@dataclass(frozen=True)
class BasicAccess:
    """Access to a registry with user name and password: Harbor, distribution and others.

    Args:
        ca_file: PEM file with the CA certificates to trust, relative to the project; None = the system's.
        plain_http: use HTTP without TLS.
        username: user of the secret `packinfra:registryPassword`; None = the environment variables
            PACKINFRA_REGISTRY_USERNAME and _PASSWORD, else the Docker config.
        token_host: host of the registry's token service, if that is another one and may get user name and password.
        blob_hosts: IP addresses inside this network, with their ports, to which the registry may redirect.
    """

    kind: ClassVar[str] = "basic"

    ca_file: str | None = None
    plain_http: bool = False
    username: str | None = None
    token_host: str | None = None
    blob_hosts: tuple[str, ...] = ()


RegistryAccess = EcrAccess | BasicAccess

_KEYS = {
    "profile": "profile",
    "publisher_role_arn": "publisherRoleArn",
    "provider": "provider",
    "ca_file": "caFile",
    "plain_http": "plainHttp",
    "username": "username",
    "token_host": "tokenHost",
    "blob_hosts": "blobHosts",
}
"""Field -> key in state. Keys are frozen (docs/upgrading.md)."""
_UNSET: tuple[Any, ...] = (None, False, "", [])
"""Compared, since an Output has no truth value."""


def access_to_props(access: RegistryAccess) -> dict[str, Any]:
    """The form in state: the kind, and only the fields that are set."""
    values = {field: list(value) if isinstance(value, tuple) else value for field, value in vars(access).items()}
    return {"kind": access.kind, **{_KEYS[field]: value for field, value in values.items() if value not in _UNSET}}


def access_from_props(props: Mapping[str, Any] | None) -> RegistryAccess | None:
    """From state; None where the host alone says the kind of its registry."""
    if not props:
        return None
    values = {field: props[key] for field, key in _KEYS.items() if props.get(key)}
    values = {field: tuple(value) if isinstance(value, list) else value for field, value in values.items()}
    return EcrAccess(**values) if props["kind"] == EcrAccess.kind else BasicAccess(**values)
