"""Which client speaks to a repository's registry, and with which login: looked up inside each operation.

An ECR host says account and region, and its login is the AWS identity of the stack. Every other registry is Basic: how
to reach it (`Connection`) is an input of the resource, so destroy knows it without the program; its password never is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from packinfra.host.engine import Log
from packinfra.oci.auth.credentials import Credentials, CredentialsError, RegistryCredentials
from packinfra.oci.client import Client
from packinfra.oci.reference import split
from packinfra.oci.transport import Transport

PASSWORD = "packinfra:registryPassword"  # noqa: S105 - the name of the key
_AWS_KEYS = (
    "profile", "accessKey", "secretKey", "token", "region", "assumeRole", "assumeRoles", "assumeRoleWithWebIdentity",
    "allowedAccountIds", "forbiddenAccountIds",
)  # fmt: skip


@dataclass(frozen=True)
class Connection:
    """How to reach a registry, where the stack's own config doesn't say it.

    ECR, where a program uses an explicit AWS provider, whose identity a push can't see:
    profile:            of the AWS config files; instead of the stack's aws:profile or keys
    publisher_role_arn: role to assume for publishing, on top of the identity otherwise used

    Basic registries:
    ca_file:    PEM file with the CA certificates to trust, relative to the project; None = the system's
    plain_http: speak HTTP without TLS
    username:   whose password the secret packinfra:registryPassword is; None = PACKINFRA_REGISTRY_USERNAME and
                _PASSWORD, else the Docker config
    """

    profile: str | None = None
    publisher_role_arn: str | None = None
    ca_file: str | None = None
    plain_http: bool = False
    username: str | None = None

    @classmethod
    def of(cls, props: Mapping[str, Any] | None) -> Connection:
        given = props or {}
        return cls(
            profile=given.get("profile") or None,
            publisher_role_arn=given.get("publisherRoleArn") or None,
            ca_file=given.get("caFile") or None,
            plain_http=bool(given.get("plainHttp")),
            username=given.get("username") or None,
        )

    @property
    def is_basic(self) -> bool:
        return bool(self.ca_file or self.plain_http or self.username)

    def as_props(self) -> dict[str, Any]:
        props = {
            "profile": self.profile,
            "publisherRoleArn": self.publisher_role_arn,
            "caFile": self.ca_file,
            "plainHttp": self.plain_http,
            "username": self.username,
        }
        return {key: value for key, value in props.items() if value}


class Clients:
    """One client for each registry and connection, in one process. Thread-safe.

    get: a value of the stack's config by its full key, secrets in plain text; None if there is none
    """

    def __init__(self, get: Callable[[str], Any]) -> None:
        self._config = {key: get(key) for key in (*(f"aws:{key}" for key in _AWS_KEYS), PASSWORD)}
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, Connection], Client] = {}

    def of(self, repository: str, connection: Mapping[str, Any] | None) -> Client:
        """The client for "host/path". Raises a PackinfraError if there can be none."""
        host, _ = split(repository)
        key = host, Connection.of(connection)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._ecr(*key) or self._basic(*key)
            return self._clients[key]

    def _ecr(self, host: str, connection: Connection) -> Client | None:
        from packinfra.aws.ecr import EcrHost, ecr_client  # noqa: PLC0415 - a Basic registry needs nothing of AWS
        from packinfra.aws.identity import AwsConfig  # noqa: PLC0415

        if connection.is_basic or not EcrHost.of(host):
            return None
        config = AwsConfig.of(self._config).acting_as(connection.profile, connection.publisher_role_arn)
        return ecr_client(host, config, Log("").warning)

    def _basic(self, host: str, connection: Connection) -> Client:
        username, password = connection.username, self._config[PASSWORD]
        if bool(username) != bool(password):
            missing, given = (PASSWORD, "username") if username else ("username", PASSWORD)
            raise CredentialsError(
                f"no login for {host}: the stack says {given}, but not {missing}\n  -> set both (pulumi config set "
                f"--secret {PASSWORD}; packinfra:registry.username), or none and use the environment or docker login"
            )
        credentials = RegistryCredentials(host, Credentials(username, str(password)) if username else None)
        transport = Transport(
            host, credentials, ca_file=connection.ca_file, plain_http=connection.plain_http, on_warning=Log("").warning
        )
        return Client(transport)
