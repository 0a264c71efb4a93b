"""Where a registry's user name and password come from. They live in memory, in this room, and in no repr.

For a Basic registry, in this order (`RegistryCredentials`): the stack's config; PACKINFRA_REGISTRY_USERNAME and
_PASSWORD; the Docker and podman config with its credential helpers (docker_config.py); else anonymous. ECR's token is
another CredentialProvider (packinfra/aws/ecr.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from packinfra.errors import PackinfraError

if TYPE_CHECKING:
    from packinfra.oci.auth.docker_config import DockerLogins

USERNAME, PASSWORD = "PACKINFRA_REGISTRY_USERNAME", "PACKINFRA_REGISTRY_PASSWORD"
OWN_LOGIN = (USERNAME, PASSWORD)
"""The login to the stack's own registry, which no other one must get."""


class CredentialsError(PackinfraError):
    """Credentials for a registry, or for AWS, are incomplete, unusable, or those of the wrong account."""


@dataclass(frozen=True)
class Credentials:
    """A user name and password, or an identity token in place of both; none of them shows in a repr."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)
    """Exchanged for a Bearer token, never sent as a password (`az acr login` leaves one in the Docker config)."""
    source: str = field(default="", compare=False)
    """Where they come from, for errors: the file and its entry, the variables, the helper."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a message must not show."""
        return self.password, self.identity_token


class CredentialProvider(Protocol):
    """Called for each request, from several threads."""

    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials | None:
        """The credentials for a repository of the registry, or None for anonymous.

        Args:
            rejected: Those that the registry no longer takes; the same again means that there are no others.
        """


class Anonymous:
    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials | None:  # noqa: ARG002 - the protocol's
        return None


class RegistryCredentials:
    """The credentials for one Basic registry, looked up at the first request and again when they are rejected.

    Args:
        configured: From secret config; they win over the environment, which wins over the Docker config.
    """

    def __init__(
        self, host: str, configured: Credentials | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._host, self._configured, self._environment = host, configured, environment
        self._lock = threading.Lock()
        self._files: DockerLogins | None = None
        self._found: dict[str, Credentials | None] = {}

    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials | None:
        """Raises CredentialsError for one variable without the other, an unusable Docker config, a helper that fails."""
        with self._lock:
            if rejected and self._found.get(repository) == rejected:
                self._files = None
                self._found.clear()
            if repository not in self._found:
                self._found[repository] = self._configured or self._from_environment() or self._from_files(repository)
            return self._found[repository]

    def _from_files(self, repository: str) -> Credentials | None:
        from packinfra.oci.auth.docker_config import DockerLogins  # noqa: PLC0415 - it stands on this module

        self._files = self._files or DockerLogins(self._host, self._environment)
        return self._files.find(repository)

    def _from_environment(self) -> Credentials | None:
        username, password = self._environment.get(USERNAME, ""), self._environment.get(PASSWORD, "")
        if bool(username) != bool(password):
            missing = PASSWORD if username else USERNAME
            raise CredentialsError(
                f"no credentials for {self._host}: {missing} is not set\n  -> set both variables, or none"
            )
        return Credentials(username, password, source=f"{USERNAME} and {PASSWORD}") if username else None
