"""Where a registry's user name and password come from. They live in memory, in this room, and in no repr.

For a Basic registry, in this order (`RegistryLogin`): given values; PACKINFRA_REGISTRY_USERNAME and _PASSWORD; the
Docker config with its credential helpers, as `docker login` left it, read by Docker's own library; else anonymous.
ECR's token is another kind of Credentials (packinfra/aws/ecr.py).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from packinfra.errors import PackinfraError

USERNAME, PASSWORD = "PACKINFRA_REGISTRY_USERNAME", "PACKINFRA_REGISTRY_PASSWORD"


class LoginError(PackinfraError):
    """A login that is there, but can't be used."""


@dataclass(frozen=True)
class Login:
    """A user name and password, or an identity token in place of both; none of them shows in a repr."""

    username: str
    password: str
    identity_token: str = ""
    """Exchanged for a Bearer token, never sent as a password (`az acr login` leaves one in the Docker config)."""

    def __repr__(self) -> str:
        return "Login(...)"


class Credentials(Protocol):
    """Where a login comes from. Called for each request, from several threads."""

    def login(self, *, refused: Login | None = None) -> Login | None:
        """The login, or None for anonymous. refused: the one that the registry no longer takes; the same again means
        that there is no other."""


class Anonymous:
    def login(self, *, refused: Login | None = None) -> Login | None:  # noqa: ARG002 - the protocol's
        return None


class RegistryLogin:
    """The login for one Basic registry, looked up at the first request and again when it is refused.

    given: from secret config; it wins over the environment, which wins over the Docker config
    """

    def __init__(self, host: str, given: Login | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._host, self._given, self._environment = host, given, environment
        self._lock = threading.Lock()
        self._found: list[Login | None] = []

    def login(self, *, refused: Login | None = None) -> Login | None:
        """Raises LoginError for a half-given login, an unreadable Docker config, or a helper that fails."""
        with self._lock:
            if not self._found or (refused and self._found[0] == refused):
                self._found = [self._given or self._from_environment() or from_docker_config(self._host)]
            return self._found[0]

    def _from_environment(self) -> Login | None:
        username, password = self._environment.get(USERNAME, ""), self._environment.get(PASSWORD, "")
        if bool(username) != bool(password):
            missing = PASSWORD if username else USERNAME
            raise LoginError(f"no login for {self._host}: {missing} is not set\n  -> set both variables, or none")
        return Login(username, password) if username else None


def from_docker_config(host: str) -> Login | None:
    """What `docker login HOST` left: credHelpers and credsStore first, then the file's own entry.

    Raises LoginError for a file that can't be read and for a helper that fails: going on as anonymous would only
    end in a refusal that doesn't name the reason.
    """
    from docker import auth, errors  # noqa: PLC0415 - 20 ms that only a Basic registry needs
    from docker.utils.config import find_config_file  # noqa: PLC0415

    found = find_config_file()
    if found is None:
        return None
    path = str(found)
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)  # the library would take a broken file for an empty one
        entry = auth.load_config(config_dict=config).resolve_authconfig(host) if config else None
    except (OSError, ValueError, TypeError, errors.DockerException) as error:
        raise LoginError(
            f"no login for {host}: the Docker config {path} can't be used: {_harmless(error)}\n"
            f"  -> log in again (docker login {host}), or set {USERNAME} and {PASSWORD}"
        ) from None  # the cause may quote the file's content
    if not entry:
        return None
    entry = {str(key).lower(): str(value or "") for key, value in entry.items()}
    if entry.get("identitytoken"):
        return Login("", "", entry["identitytoken"])
    return Login(entry["username"], entry["password"]) if entry.get("username") else None


def _harmless(error: Exception) -> str:
    """The reason, without what the file holds."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno})"
    return str(error)[:300] if type(error).__module__.startswith("docker") else "an entry is malformed"
