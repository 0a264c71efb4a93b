"""A pack registry as Palette knows it: what is sent, and what of an answer may be compared with it.

    >>> it = Registration("packs", "ecr", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "base",
    ...                   role_arn="arn:aws:iam::123456789012:role/palette", external_id="x")
    >>> it.body()["spec"]["providerType"]
    'pack'

Four things that Palette's answers do, each of which would look like a change if it were believed:

- secrets are masked, as a row of asterisks (so a value with an asterisk is never taken from an answer);
- a TLS block comes back also where none was sent (terraform-provider-spectrocloud, PLT-2300);
- whether a registry is synced stands in its status, not in its spec (the same, PLT-2131);
- what was left out comes back with its default: no provider type is "helm", which shows no packs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["ecr", "basic"]
KINDS: tuple[Kind, ...] = ("ecr", "basic")

ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
REQUIRED_SPEC: Mapping[str, Any] = {
    "providerType": "pack",
    "isPrivate": True,  # "Protected" or "Enable Authentication" in the console
    "isSyncSupported": True,
    "insecureSkipVerify": False,
}
"""What a pack registry must have whatever else it has: with anything else, Palette shows no packs, or refuses it."""


@dataclass(frozen=True)
class Registration:
    """
    name:      of the registry, unique in the tenant
    endpoint:  ECR: the host; Basic: with scheme. base_path: without spectro-packs, which Palette appends
    ECR:       role_arn and external_id, or access_key_id and secret; partition of the AWS account
    Basic:     username and secret
    certificate: PEM, of the CA that signed the registry's certificate; "" = one that everybody knows
    """

    name: str
    kind: Kind
    endpoint: str
    base_path: str
    role_arn: str | None = None
    external_id: str | None = None
    access_key_id: str | None = None
    username: str | None = None
    secret: str = field(default="", repr=False)
    certificate: str = ""
    partition: str = "aws"

    @property
    def remedy(self) -> str:
        """What to do if Palette does not get in."""
        if self.kind == "basic":
            return (
                "check username and password (packinfra:palettePassword), that Palette reaches the endpoint from where "
                "it runs, and registryCaFile; then run again"
            )
        if self.role_arn:
            return (
                f"{self.role_arn} must trust Palette's AWS account with ExternalId {self.external_id}, and have the "
                "reader policy (docs/iam.md); a role that was made a moment ago may need another minute: then run again. "
                "A Palette that was installed anew has another ExternalId: see docs/palette.md"
            )
        return (
            f"check accessKeyId ({self.access_key_id}), its secret (packinfra:paletteSecretKey), and that its user has "
            "the reader policy (docs/iam.md); then run again"
        )

    def body(self) -> dict[str, Any]:
        """What create and update send: update overwrites everything, so it is always complete."""
        return {"metadata": {"name": self.name}, "spec": self.spec()}

    def spec(self) -> dict[str, Any]:
        """What validation sends: this alone, without metadata."""
        tls = {"certificate": self.certificate, "enabled": True, "insecureSkipVerify": False}
        spec = {
            "endpoint": self.endpoint,
            "baseContentPath": self.base_path,
            "providerType": REQUIRED_SPEC["providerType"],
            "isSyncSupported": True,
        }
        if self.kind == "basic":
            auth = {"type": "basic", "username": self.username, "password": self.secret, "tls": tls}
            return {**spec, "auth": auth}
        credentials: dict[str, Any] = (
            {"credentialType": "sts", "sts": {"arn": self.role_arn, "externalId": self.external_id}}
            if self.role_arn
            else {"credentialType": "secret", "accessKey": self.access_key_id, "secretKey": self.secret}
        )
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
