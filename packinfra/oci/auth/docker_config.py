"""The credentials of `docker login HOST`: credHelpers and credsStore first, then the file's own entry."""

from __future__ import annotations

import json

from packinfra.http.redact import clean
from packinfra.oci.auth.credentials import PASSWORD, USERNAME, Credentials, CredentialsError


def from_docker_config(host: str) -> Credentials | None:
    """Raises CredentialsError for a file that can't be read and for a helper that fails: going on as anonymous would
    only end in a rejection that doesn't name the reason."""
    from docker import auth, errors  # noqa: PLC0415 - 20 ms that only a Basic registry needs
    from docker.utils.config import find_config_file  # noqa: PLC0415

    if not (path := str(find_config_file() or "")):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            config = json.load(file)  # the library would take a broken file for an empty one
        entry = auth.load_config(config_dict=config).resolve_authconfig(host) if config else None
    except (OSError, ValueError, TypeError, errors.DockerException) as error:
        raise CredentialsError(
            f"no credentials for {host}: the Docker config {path} is unusable: {_reason(error)}\n"
            f"  -> log in again (docker login {host}), or set {USERNAME} and {PASSWORD}"
        ) from None  # the cause may quote the file's content
    if not entry:
        return None
    entry = {str(key).lower(): str(value or "") for key, value in entry.items()}
    if entry.get("identitytoken"):
        return Credentials("", "", entry["identitytoken"])
    return Credentials(entry["username"], entry["password"]) if entry.get("username") else None


def _reason(error: Exception) -> str:
    """Without the content of the file."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno})"
    return clean(str(error), limit=300) if type(error).__module__.startswith("docker") else "an entry is malformed"
