"""The client for a repository's registry, with its credentials: both are looked up inside each operation.

The host of an ECR registry names account and region; its credentials are the AWS identity of the stack. Every other
registry is Basic. Passwords are never inputs of a resource.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from packinfra.aws.config import AwsConfig
from packinfra.aws.config_keys import READ
from packinfra.lifecycle.registry_access import BasicAccess, EcrAccess, RegistryAccess, access_from_props
from packinfra.lifecycle.run import Config
from packinfra.oci.auth.credentials import OWN_LOGIN, Credentials, CredentialsError, RegistryCredentials
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference, normalize_host, split
from packinfra.oci.transport import Transport

PASSWORD = "packinfra:registryPassword"  # noqa: S105 - the name of the key
_MAYBE_ECR = re.compile(r"\d{12}\.dkr[.-]ecr")
"""Cheap to ask: packinfra.aws brings boto3, of which a Basic registry needs nothing."""


def is_ecr(repository: str) -> bool:
    """Whether a host, or that of "host/path", looks like one of ECR."""
    return bool(_MAYBE_ECR.match(repository.lower()))


def repository_problems(repository: object) -> list[str]:
    """Why it is no "host/path"; an unknown one is accepted."""
    try:
        if isinstance(repository, str):
            split(repository)
    except ValueError as error:
        return [f"repository: {error}"]
    return []


def normalize_repository(repository: str, access: Mapping[str, Any] | None) -> str:
    """The repository with its host in lower case and without the default port."""
    host, slash, path = repository.partition("/")
    return normalize_host(host, plain_http=bool((access or {}).get("plainHttp"))) + slash + path


def repository_identity(repository: str, access: Mapping[str, Any] | None) -> str:
    """The same for each spelling of one repository: "host/path", for ECR "account.region/path" (a registry of ECR has
    several host names: FIPS, dual stack)."""
    host, _, path = normalize_repository(repository, access).partition("/")
    if is_ecr(host):
        from packinfra.aws.ecr import EcrHost  # noqa: PLC0415

        if ecr := EcrHost.of(host):
            return f"{ecr.account}.{ecr.region}/{path}"
    return f"{host}/{path}"


def repository_name(props: Mapping[str, Any]) -> str:
    """The last component of the resource's repository, as messages name what is in it; "" if it is unknown."""
    repository = props.get("repository")
    return repository.rpartition("/")[2] if isinstance(repository, str) else ""


def same_place(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Do old and new properties name one repository? An unknown one is another: it is being created or replaced."""
    places = [
        repository_identity(repository, props.get("registryAccess"))
        for props in (olds, news)
        if isinstance(repository := props.get("repository"), str)
    ]
    return len(places) == 2 and places[0] == places[1]


class AwsSettings:
    """The AWS configuration of the stack, and of explicit providers. Nothing is judged before it is needed."""

    def __init__(self, config: Config) -> None:
        self._stack = {f"aws:{key}": config(f"aws:{key}") for key in READ}

    def of(self, access: RegistryAccess | None) -> AwsConfig:
        """With which a push, or a question to AWS, works. Raises CredentialsError for settings that can't be used."""
        if not isinstance(access, EcrAccess):
            return AwsConfig.of(self._stack)
        told = bool(access.profile or access.publisher_role_arn)
        if access.provider:
            config = AwsConfig.of({f"aws:{key}": value for key, value in json.loads(access.provider).items()})
            config = config.as_identity_of(AwsConfig.of(self._stack)) if told else config
        else:
            config = AwsConfig.of(self._stack)
        return config.acting_as(access.profile, access.publisher_role_arn)


class RegistryClients:
    """One client for each registry and access, in one process. Thread-safe.

    warn: takes the registries' own warnings
    foreign: for reading from registries that aren't the stack's. Any AWS account may be read, and the stack's login goes
             nowhere: each registry has its own in the Docker config
    """

    def __init__(self, config: Config, warn: Callable[[str], None], *, foreign: bool = False) -> None:
        self._warn, self._foreign = warn, foreign
        self._aws = AwsSettings(config)
        self._password = None if foreign else config(PASSWORD)
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, RegistryAccess | None], Client] = {}

    def get(self, repository: str, access: Mapping[str, Any] | None) -> Client:
        """The client for "host/path", with `access` as state has it. Raises a PackinfraError if there can be none."""
        host, _ = split(normalize_repository(repository, access))
        key = host, access_from_props(access)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._ecr(*key) or self._basic(*key)
            return self._clients[key]

    def same_registry(
        self, one: str, access: Mapping[str, Any] | None, other: str, other_access: Mapping[str, Any] | None
    ) -> bool:
        """Whether two repositories with different identities, but the same path, are one under two names of a registry;
        True if that is unclear."""
        if is_ecr(one) and is_ecr(other):
            return False  # of ECR, account and region are the identity
        reference = Reference.of(normalize_repository(one, access), "probe")
        return self.get(one, access).same_registry(self.get(other, other_access), reference) is not False

    def _ecr(self, host: str, access: RegistryAccess | None) -> Client | None:
        if isinstance(access, BasicAccess) or not is_ecr(host):
            return None
        from packinfra.aws.ecr import EcrHost, ecr_client  # noqa: PLC0415

        if not EcrHost.of(host):
            return None
        config = self._aws.of(access)
        return ecr_client(host, replace(config, allowed_accounts=frozenset()) if self._foreign else config, self._warn)

    def _basic(self, host: str, access: RegistryAccess | None) -> Client:
        if isinstance(access, EcrAccess):
            raise CredentialsError(
                f"no credentials for {host}: its access is an EcrAccess, but this is not the host of an ECR registry\n"
                "  -> correct the repository's host, or use BasicAccess for a registry with user name and password"
            )
        access, password = access or BasicAccess(), self._password
        if bool(access.username) != bool(password):
            missing, present = (PASSWORD, "username") if access.username else ("username", PASSWORD)
            raise CredentialsError(
                f"no credentials for {host}: the stack's config has {present}, but not {missing}\n  -> set both "
                f"(pulumi config set --secret {PASSWORD}; packinfra:registry.username), or none and use the environment "
                "or docker login"
            )
        source = f"the stack's config: packinfra:registry.username and the secret {PASSWORD}"
        environment = {key: value for key, value in os.environ.items() if key not in OWN_LOGIN}
        credentials = RegistryCredentials(
            host,
            Credentials(access.username, str(password), source=source) if access.username else None,
            environment if self._foreign else os.environ,
        )
        transport = Transport(
            host, credentials, ca_file=access.ca_file, plain_http=access.plain_http, token_host=access.token_host,
            blob_hosts=access.blob_hosts, on_warning=self._warn,
        )  # fmt: skip
        return Client(transport)
