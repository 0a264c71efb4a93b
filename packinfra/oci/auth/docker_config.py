r"""The credentials that `docker login`, `podman login`, Kubernetes and CI templates leave in files.

    {"auths": {"HOST": {"auth": "<base64 of user:password>"}},     or "username" and "password", or "identitytoken"
     "credHelpers": {"HOST": "ecr-login"}, "credsStore": "pass"}   programs: docker-credential-ecr-login, ...

- Each file may have a login for a registry; the first that has one counts (go-containerregistry's order): Docker's
  (DOCKER_CONFIG, else ~/.docker), REGISTRY_AUTH_FILE, and podman's own.
- In a file, as Docker has it: credHelpers, then credsStore, then auths. Unlike Docker, and like podman, a store that has
  nothing leaves the word to auths, which CI templates write on machines with a store.
- A key may name a path ("HOST/team"): the longest that fits the repository wins (podman's rule; go-containerregistry
  knows whole repositories only). A key with a scheme, or with Docker's old /v1/ and /v2/, is the host alone.
- Only our own entries are judged. A broken one is an error, since going on as anonymous would only end in a rejection
  that doesn't name the reason.

Sources: docker/cli cli/config/configfile/file.go and credentials/; containers/image pkg/docker/config/config.go.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packinfra.oci.auth.credential_helper import HelperFailed, ask_helper
from packinfra.oci.auth.credentials import PASSWORD, USERNAME, Credentials, CredentialsError
from packinfra.text import printable, quoted

_LIMIT = 4 << 20
"""Bytes of a file."""
_HUB = "index.docker.io"
_HUB_SERVER = "https://index.docker.io/v1/"
"""Docker Hub's key in every file, and its name for helpers."""


class _Unusable(Exception):  # noqa: N818 - half a sentence, to which the host and the file are added
    """remedy: what to do, besides using the variables"""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


@dataclass(frozen=True)
class _File:
    """A config file that was read; fields: its keys in lower case, as Go's encoding/json takes them"""

    path: str
    fields: Mapping[str, Any]


class DockerLogins:
    """The files as they are at the first look; each helper is asked once for a host. Not thread-safe."""

    def __init__(self, host: str, environment: Mapping[str, str] = os.environ) -> None:
        self._host, self._environment = host, environment
        self._files: list[_File | None] = []
        self._asked: dict[tuple[str, str], tuple[str, str] | None] = {}

    def find(self, repository: str) -> Credentials | None:
        """The credentials for a repository of the host; None if no file has any.

        Raises CredentialsError for a file that can't be read, an entry of ours that is malformed, a helper that fails.
        """
        try:
            for number, path in enumerate(candidates(self._environment)):
                if number == len(self._files):
                    self._files.append(_read(path))
                file = self._files[number]
                if file and (found := self._in(file, repository)):
                    return found
        except _Unusable as problem:
            remedy = problem.remedy or f"log in again (docker login {self._host})"
            raise CredentialsError(
                f"no credentials for {self._host}: {problem}\n  -> {remedy}; or set {USERNAME} and {PASSWORD}"
            ) from None  # the cause may quote the file's content
        return None

    def _in(self, file: _File, repository: str) -> Credentials | None:
        for key, server, name in self._helpers(file, repository):
            if found := self._ask(file, key, server, name):
                return found
        entries = _object(file, "auths")
        for key in _matching(entries, self._host, repository):
            where = f"auths entry {quoted(key)} in {printable(file.path)}"
            if found := _of_entry(entries[key], where):
                return found
        return None

    def _helpers(self, file: _File, repository: str) -> Iterator[tuple[str, str, Any]]:
        """(key of the file, server, name) of each helper to ask."""
        helpers = _object(file, "credHelpers")
        default = _HUB_SERVER if _canonical(self._host) == _HUB else self._host
        for key in _matching(helpers, self._host, repository):
            yield (
                f"credHelpers: {key}",
                default if default == _HUB_SERVER else _bare(key).partition("/")[0],
                helpers[key],
            )
        if store := file.fields.get("credsstore"):
            yield "credsStore", default, store

    def _ask(self, file: _File, key: str, server: str, name: Any) -> Credentials | None:
        where = f"{printable(key)} in {printable(file.path)}"
        if not isinstance(name, str):
            raise _Unusable(f"{where} is not the name of a helper", "correct the file")
        helper = f"the credential helper docker-credential-{printable(name)} ({where})"
        try:
            if (server, name) not in self._asked:
                self._asked[server, name] = ask_helper(name, server)
        except HelperFailed as error:
            raise _Unusable(f"{helper} {error}", error.remedy) from None
        if not (got := self._asked[server, name]):
            return None
        username, secret = got
        # docker-credential-helpers, README: this name marks an identity token
        if username == "<token>":
            return Credentials("", "", secret, source=helper)
        return Credentials(username, secret, source=helper)


def candidates(environment: Mapping[str, str]) -> list[str]:
    """The files that may hold logins, in order; most don't exist."""
    home = environment.get("HOME") or os.path.expanduser("~")
    config, runtime = environment.get("XDG_CONFIG_HOME") or f"{home}/.config", environment.get("XDG_RUNTIME_DIR")
    named = [
        f"{environment.get('DOCKER_CONFIG') or f'{home}/.docker'}/config.json",
        environment.get("REGISTRY_AUTH_FILE"),
        runtime and f"{runtime}/containers/auth.json",
        f"{config}/containers/auth.json",
    ]
    return list(dict.fromkeys(os.path.normpath(path) for path in named if path))


def _read(path: str) -> _File | None:
    """None for a file that isn't there, or is empty."""
    shown = printable(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_LIMIT + 1)
        document = json.loads(text) if text.strip() else {}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _Unusable(f"{shown} can't be read: {error.strerror}", "make it readable, or move it away") from None
    except json.JSONDecodeError as error:
        raise _Unusable(f"{shown} is not JSON (line {error.lineno})", "correct the file") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or len(text) > _LIMIT:
        raise _Unusable(f"{shown} is not a Docker config: an object with auths, in UTF-8", "correct the file")
    return _File(path, {key.lower(): value for key, value in document.items()})


def _object(file: _File, key: str) -> Mapping[str, Any]:
    value = file.fields.get(key.lower())
    if not isinstance(value or {}, dict):
        raise _Unusable(f"{key} in {printable(file.path)} is not an object", "correct the file")
    return value or {}


def _matching(entries: Mapping[str, Any], host: str, repository: str) -> list[str]:
    """The keys that are for the repository: the longest path first, then those spelled as the host."""
    wanted, found = _canonical(host), list[tuple[int, bool, str]]()
    for key in entries:
        named, path = _host_and_path(key)
        if named == wanted and (not path or f"{repository}/".startswith(f"{path}/")):
            found.append((-len(path), key.partition("/")[0] != host, key))
    return [key for *_, key in sorted(found, key=lambda entry: entry[:2])]


def _host_and_path(key: str) -> tuple[str, str]:
    bare = _bare(key)
    host, _, path = bare.partition("/")
    path = path.strip("/")
    return _canonical(host), "" if bare != key or path in ("v1", "v2") else path


def _bare(key: str) -> str:
    return re.sub(r"^https?://", "", key, flags=re.IGNORECASE)


def _canonical(host: str) -> str:
    host = host.lower().removesuffix(":443")
    return _HUB if host in ("docker.io", "registry-1.docker.io") else host


def _of_entry(entry: Any, where: str) -> Credentials | None:
    """None for an entry without content: Docker writes such a one beside credsStore."""
    if not isinstance(entry or {}, dict):
        raise _Unusable(f"{where} is not an object")
    fields = {key.lower(): value for key, value in (entry or {}).items()}
    values = [fields.get(key) or "" for key in ("auth", "username", "password", "identitytoken", "registrytoken")]
    if not all(isinstance(value, str) for value in values):
        raise _Unusable(f"{where} holds something else than text")
    auth, username, password, identity_token, registry_token = values
    if identity_token:
        return Credentials("", "", identity_token, source=where)
    if auth:
        username, password = _decoded(auth, where)
    if username and (auth or password):
        return Credentials(username, password, source=where)
    if username or password:
        raise _Unusable(f"{where} has {'no password' if username else 'no user name'}")
    if registry_token:
        raise _Unusable(f"{where} has only a registrytoken, which can't be renewed")
    return None


def _decoded(auth: str, where: str) -> tuple[str, str]:
    """Of base64, with or without its padding, which some templates drop."""
    try:
        padded = auth.strip().rstrip("=")
        text = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode().rstrip("\0")
    except ValueError:
        text = ""
    username, colon, password = text.partition(":")
    if not colon or not username:
        raise _Unusable(f"auth of {where} is not the base64 of USER:PASSWORD")
    return username, password
