"""A pack registry as Palette knows it: what is sent, and what of an answer may be compared with it.

    >>> role = RoleCredentials("arn:aws:iam::123456789012:role/palette", external_id="x")
    >>> registration = Registration("packs", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "base", role)
    >>> registration.kind, registration.body()["spec"]["providerType"]
    ('ecr', 'pack')

Four things that Palette's answers do, each of which would look like a change if it were believed:

- secrets are masked, as a row of asterisks (so a value with an asterisk is never taken from an answer);
- a TLS block comes back also where none was sent (terraform-provider-spectrocloud, PLT-2300);
- whether a registry is synced stands in its status, not in its spec (the same, PLT-2131);
- what was left out comes back with its default: no provider type is "helm", which shows no packs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packinfra.palette.credentials import Kind, ReaderCredentials, RoleCredentials

REQUIRED_SPEC: Mapping[str, Any] = {
    "providerType": "pack",
    "isPrivate": True,  # "Protected" or "Enable Authentication" in the console
    "isSyncSupported": True,
    "insecureSkipVerify": False,
}
"""What a pack registry must have whatever else it has: with anything else, Palette shows no packs, or refuses it."""


@dataclass(frozen=True)
class Registration:
    """One registry of packs.

    Args:
        name: Unique in the tenant.
        endpoint: ECR: the host; Basic: with scheme.
        base_path: Without spectro-packs, which Palette appends.
        credentials: With which Palette reads; they determine the kind.
        certificate: PEM, of the CA that signed the registry's certificate; "" for a public CA.
        partition: Of the AWS account.
    """

    name: str
    endpoint: str
    base_path: str
    credentials: ReaderCredentials
    certificate: str = ""
    partition: str = "aws"

    @property
    def kind(self) -> Kind:
        return self.credentials.kind

    @property
    def role_arn(self) -> str | None:
        return self.credentials.role_arn if isinstance(self.credentials, RoleCredentials) else None

    @property
    def secret(self) -> str:
        """What no message may contain; "" if there is none."""
        return self.credentials.secret

    @property
    def remedy(self) -> str:
        """What to do if Palette rejects the credentials."""
        return self.credentials.remedy

    def body(self) -> dict[str, Any]:
        """The body of create and update. An update overwrites everything, so the body is always complete."""
        return {"metadata": {"name": self.name}, "spec": self.spec()}

    def spec(self) -> dict[str, Any]:
        """The body of a validation."""
        tls = {"certificate": self.certificate, "enabled": True, "insecureSkipVerify": False}
        spec = {
            "endpoint": self.endpoint,
            "baseContentPath": self.base_path,
            "providerType": REQUIRED_SPEC["providerType"],
            "isSyncSupported": True,
        }
        credentials = self.credentials.spec()
        if self.kind == "basic":
            return {**spec, "auth": {**credentials, "tls": tls}}
        if self.partition != "aws":  # the default, which Palette's own client leaves out
            credentials["partition"] = self.partition
        return {**spec, "isPrivate": True, "credentials": credentials, "tls": tls}


def parse_registration(kind: Kind, answer: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer to a read says, under the names of PaletteRegistry's properties; None where it says there is none.

    Secrets, and whatever else is masked, are left out.
    """
    spec, status = answer.get("spec") or {}, (answer.get("status") or {}).get("syncStatus") or {}
    is_ecr = kind == "ecr"
    credentials: Mapping[str, Any] = (spec.get("credentials") if is_ecr else spec.get("auth")) or {}
    tls = (spec if is_ecr else credentials).get("tls") or {}
    sts: Mapping[str, Any] = (credentials.get("sts") or {}) if credentials.get("credentialType") == "sts" else {}
    said = {
        "registryName": (answer.get("metadata") or {}).get("name"),
        "endpoint": normalize_endpoint(kind, str(spec.get("endpoint") or "")),
        "basePath": normalize_base_path(str(spec.get("baseContentPath") or "")),
        "roleArn": sts.get("arn"),
        "externalId": sts.get("externalId"),
        "accessKeyId": credentials.get("accessKey") if is_ecr and not sts else None,
        "username": None if is_ecr else credentials.get("username"),
        "certificate": str(tls.get("certificate") or "").strip(),
        "providerType": spec.get("providerType") or "helm",
        "isPrivate": bool(spec.get("isPrivate")) if is_ecr else credentials.get("type") == "basic",
        "isSyncSupported": status.get("isSyncSupported", True),
        "insecureSkipVerify": bool(tls.get("insecureSkipVerify")),
    }
    return {key: value if value != "" else None for key, value in said.items() if "*" not in str(value)}


def normalize_endpoint(kind: Kind, text: str) -> str:
    """Without what Palette and its clients trim: slashes and /v2 at the end, and ECR's scheme."""
    text = re.sub(r"(?:/|/v2/?)+$", "", text.strip())
    return text.removeprefix("https://") if kind == "ecr" else text


def normalize_base_path(text: str) -> str:
    return text.strip().strip("/")
