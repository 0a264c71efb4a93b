"""Validates the inputs of a PaletteRegistry: all problems at once, before the first request to Palette.

Values that are not known yet (a role that will be created) are validated once they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packinfra.http.failures import unusable_ca
from packinfra.lifecycle.palette.clients import validate_location
from packinfra.palette import credentials
from packinfra.palette.credentials import KINDS, SECRET_KEYS, Kind
from packinfra.palette.registration import (
    PROVIDER_TYPES,
    Registration,
    normalize_base_path,
    normalize_endpoint,
    required_spec,
)
from packinfra.palette.responses import is_mask

_HINTS = {"externalId": " (PalettePrincipal provides it)"}


def validate_inputs(news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(the inputs, normalized and completed; the problems)"""
    provider_type, sync = news.get("providerType") or "pack", news.get("isSyncSupported")
    props: dict[str, Any] = {
        **news,
        **required_spec(provider_type, sync=sync is not False),
        "insecureSkipVerify": bool(news.get("insecureSkipVerify")),
    }
    kind = props.get("kind")
    if kind not in KINDS:
        return props, [f"kind: {kind!r}: write ecr, or basic for every other registry"]
    problems = validate_location(props)
    if provider_type not in PROVIDER_TYPES:
        problems.append(f"provider_type: {provider_type!r}: write pack or helm")
    elif provider_type == "pack" and sync is False:
        problems.append("sync: only a registry of Helm charts can be without it; Palette rejects packs without sync")
    if not str(props.get("registryName") or "").strip():
        problems.append("registry_name: Palette needs a name for the registry")
    problems += [*_location(kind, props), *_credentials(kind, props), *_certificate(props)]
    return props, problems


def registration(props: Mapping[str, Any]) -> Registration:
    """From inputs without problems."""
    return Registration(
        name=str(props["registryName"]),
        endpoint=str(props["endpoint"]),
        base_path=str(props["basePath"]),
        credentials=credentials.parse(props),
        certificate=str(props.get("certificate") or ""),
        partition=str(props.get("partition") or "aws"),
        insecure_skip_verify=bool(props.get("insecureSkipVerify")),
        provider_type="helm" if props.get("providerType") == "helm" else "pack",
        sync=props.get("isSyncSupported") is not False,
    )


def _location(kind: Kind, props: dict[str, Any]) -> list[str]:
    """Normalizes endpoint and base path in place; their problems."""
    problems = []
    endpoint, base = props.get("endpoint"), props.get("basePath")
    shown = re.sub(".*@", "...@", str(endpoint))  # there may be a password before it
    if isinstance(endpoint, str):
        if shown != endpoint:
            problems.append(f"endpoint: {shown}: leave user name and password out")
        elif kind == "ecr" and "/" in endpoint.rstrip("/"):
            problems.append(f"endpoint: {endpoint}: write the registry's host alone, without https:// and path")
        elif kind == "basic" and not re.match(r"https?://[^/]", endpoint):
            problems.append(f"endpoint: {endpoint}: write it with its scheme: https://{endpoint.rpartition('://')[2]}")
        props["endpoint"] = normalize_endpoint(kind, endpoint)
    if isinstance(base, str):
        props["basePath"] = normalize_base_path(base)
        if not props["basePath"]:
            problems.append("base_path: it is empty: write the first part of the repository names")
    problems += [
        f"{name}: {value}: leave spectro-packs out, Palette appends it"
        for name, value in (("endpoint", shown), ("base_path", base))
        if isinstance(value, str) and "spectro-packs" in value.split("/")
    ]
    return problems


def _credentials(kind: Kind, props: Mapping[str, Any]) -> list[str]:
    present = [key for key in credentials.KEYS if props.get(key) not in (None, False)]
    problems = credentials.problems(kind, present, _in_python, _HINTS)
    for key in ("roleArn", "podIdentityRoleArn"):
        if isinstance(role := props.get(key), str):
            try:
                credentials.validate_role_arn(role)
            except ValueError as error:
                problems.append(f"{_in_python(key)}: {role}: {error} (arn:aws:iam::123456789012:role/palette)")
                continue
            if kind == "ecr" and isinstance(partition := props.get("partition"), str):
                problems += filter(None, [credentials.partition_problem(partition, role)])
    problems += [
        f"{_in_python(key)}: this is how Palette masks a secret, not the secret itself"
        for key in SECRET_KEYS
        if is_mask(str(props.get(key) or ""))
    ]
    return problems


def _certificate(props: dict[str, Any]) -> list[str]:
    """Completes the inputs with the certificates in `registryCaFile`; its problems."""
    path = props.get("registryCaFile")
    if not path:
        return []
    if problem := unusable_ca(path):
        return [f"registry_ca_file: {problem}: name a PEM file with the CA's certificate"]
    # Nothing else of the file: a private key beside the certificates belongs neither into state nor to Palette.
    text = Path(path).read_text("ascii", errors="replace")
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    props["certificate"] = "\n".join(certificates)
    if certificates:
        return []
    # "TRUSTED CERTIFICATE" is OpenSSL's own
    return [f"registry_ca_file: {path} contains no BEGIN CERTIFICATE: give the CA's certificate as PEM"]


def _in_python(key: str) -> str:
    return re.sub(r"([A-Z])", lambda letter: f"_{letter[1].lower()}", key)
