"""What is wrong with the inputs of a PaletteRegistry, all at once and before anything is asked of Palette.

Values that are not known yet (a role that will be created) are judged when they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packinfra.http.failures import unusable_ca
from packinfra.lifecycle.palette.clients import validate_location
from packinfra.palette.registration import (
    KINDS,
    REQUIRED_SPEC,
    ROLE,
    Registration,
    normalize_base_path,
    normalize_endpoint,
)

SECRETS = ("secretKey", "password")
_ECR_ONLY = ("roleArn", "externalId", "accessKeyId", "secretKey")
_BASIC_ONLY = ("username", "password", "registryCaFile")


def judged(news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(the inputs, tidied and with what follows from them; the problems)"""
    props: dict[str, Any] = {**news, **REQUIRED_SPEC}
    kind = props.get("kind")
    if kind not in KINDS:
        return props, [f"kind: {kind!r}: write ecr, or basic for every other registry"]
    problems = validate_location(props)
    if not str(props.get("registryName") or "").strip():
        problems.append("registry_name: Palette needs a name for the registry")
    problems += [*_place(kind, props), *(_ecr(props) if kind == "ecr" else _basic(props))]
    problems += [
        f"{key}: this is how Palette masks a secret, not the secret itself"
        for key in SECRETS
        if re.fullmatch(r"\*+", str(props.get(key) or ""))
    ]
    return props, problems


def registration(props: Mapping[str, Any]) -> Registration:
    """From inputs that `judged` found nothing wrong with."""
    return Registration(
        name=str(props["registryName"]),
        kind=props["kind"],
        endpoint=str(props["endpoint"]),
        base_path=str(props["basePath"]),
        role_arn=props.get("roleArn"),
        external_id=props.get("externalId"),
        access_key_id=props.get("accessKeyId"),
        username=props.get("username"),
        secret=str(props.get("secretKey") or props.get("password") or ""),
        certificate=str(props.get("certificate") or ""),
        partition=str(props.get("partition") or "aws"),
    )


def _place(kind: Any, props: dict[str, Any]) -> list[str]:
    problems = []
    endpoint, base = props.get("endpoint"), props.get("basePath")
    if isinstance(endpoint, str):
        if kind == "ecr" and "/" in endpoint.rstrip("/"):
            problems.append(f"endpoint: {endpoint}: write the registry's host alone, without https:// and path")
        elif kind == "basic" and not re.match(r"https?://[^/]", endpoint):
            problems.append(f"endpoint: {endpoint}: write it with its scheme: https://{endpoint.rpartition('://')[2]}")
        props["endpoint"] = normalize_endpoint(kind, endpoint)
    if isinstance(base, str):
        props["basePath"] = normalize_base_path(base)
        if not props["basePath"]:
            problems.append("base_path: it is empty: write what the repositories' names begin with")
    problems += [
        f"{name}: {value}: leave spectro-packs out, Palette appends it"
        for name, value in (("endpoint", endpoint), ("base_path", base))
        if isinstance(value, str) and "spectro-packs" in value.split("/")
    ]
    return problems


def _ecr(props: Mapping[str, Any]) -> list[str]:
    given = {key for key in (*_ECR_ONLY, *_BASIC_ONLY) if props.get(key) is not None}
    problems = _strangers(given, _BASIC_ONLY, "ecr: Palette reads with role_arn, or with access_key_id and secret_key")
    if "roleArn" in given:
        if mixed := given & {"accessKeyId", "secretKey"}:
            problems.append(f"{_names(mixed)}: Palette reads with a role or with a key, not with both")
        role = props["roleArn"]
        if isinstance(role, str) and not ROLE.fullmatch(role):
            problems.append(f"role_arn: {role} is no ARN of a role (arn:aws:iam::123456789012:role/palette)")
        if "externalId" not in given:
            problems.append("external_id: a role needs the ExternalId that Palette sends (PalettePrincipal tells it)")
    elif missing := {"accessKeyId", "secretKey"} - given:
        problems.append(
            "a pack registry needs authentication: give role_arn with external_id"
            if len(missing) == 2
            else f"{_names(missing)}: an access key consists of access_key_id and secret_key"
        )
    return problems


def _basic(props: dict[str, Any]) -> list[str]:
    given = {key for key in (*_ECR_ONLY, *_BASIC_ONLY) if props.get(key) is not None}
    problems = _strangers(given, _ECR_ONLY, "basic: Palette reads with username and password")
    if missing := {"username", "password"} - given:
        problems.append(f"{_names(missing)}: a pack registry needs authentication: give username and password")
    if path := props.get("registryCaFile"):
        if problem := unusable_ca(path):
            problems.append(f"registry_ca_file: {problem}: name a PEM file with the CA's certificate")
        else:
            props["certificate"] = _certificates(path)
            if not props["certificate"]:  # "TRUSTED CERTIFICATE" is OpenSSL's own
                problems.append(
                    f"registry_ca_file: {path} holds no BEGIN CERTIFICATE: give the CA's certificate as PEM"
                )
    return problems


def _certificates(path: str) -> str:
    """Nothing else of the file: a key that stands beside them belongs neither into state nor to Palette."""
    text = Path(path).read_text("ascii", errors="replace")
    return "\n".join(re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL))


def _strangers(given: set[str], others: tuple[str, ...], text: str) -> list[str]:
    found = given & set(others)
    return [f"{_names(found)}: not for kind {text}"] if found else []


def _names(keys: set[str]) -> str:
    """As they are written in Python."""
    return ", ".join(sorted(re.sub(r"([A-Z])", lambda letter: f"_{letter[1].lower()}", key) for key in keys))
